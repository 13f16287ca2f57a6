"""
Make an exact clip across the joints of a session: exactly the frames asked for, of each recording, in one file.

Pictures of each recording are encoded apart, in one form and with parameter sets of their own, and then stand in
one track; sound is decoded, laid on the session's axis to the sample, and encoded once, so that no joint is heard.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import ffmpeg

from services.errors import BadSampleTables, ClipTooLong, RangeOutside, ToolFailed
from services.media.avcc import Configuration, read_configuration, with_configuration
from services.media.boxes import Node
from services.media.clip import LONGEST_S, ExactPlan, Shape, encode_exact, plan_exact
from services.media.clipsound import SOUND_BITRATE, SOUND_RATES
from services.media.codecs import codec_of
from services.media.facts import FrameTimes, MediaFacts, Stream
from services.media.frames import IndexedTrack
from services.media.framing import index_of_movie
from services.media.hearing import hear
from services.media.interleave import interleaved
from services.media.joinverbatim import MOST_PARTS, Joined, Taken
from services.media.movie import read_movie
from services.media.muxing import OutTrack, progressive
from services.media.programs import MEMORY_BYTES, command, file_name
from services.media.sandbox import Limits, run_program
from services.media.splice import Part, splice
from services.media.stretch import frames_between, gathered, out_track
from services.media.timecode import TimeRange, print_seconds
from services.media.virtual import Extent, Piece, VirtualFile

_SAME_S: Final = Fraction(1, 10_000)
"""Times nearer than this are the same frame: encoders may count in other ticks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Ask for `stretch` of one recording, a local file, whose second 0 lies at `at` seconds of the session's axis."""

    original: Path
    facts: MediaFacts
    frame_times: FrameTimes | None
    stretch: TimeRange
    at: Fraction


@dataclass(frozen=True, slots=True)
class _Planned:
    """One recording's share: what of it, and where its second 0 lies in the clip."""

    asked: Asked
    plan: ExactPlan
    at: Fraction

    @property
    def start(self) -> Fraction:
        return self.at + self.plan.start

    @property
    def end(self) -> Fraction:
        return self.at + self.plan.end


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what a clip will hold, before any of it is made: its range on the session's axis, and each share."""

    start: Fraction
    end: Fraction
    shares: tuple[_Planned, ...]

    @property
    def taken(self) -> tuple[Taken, ...]:
        """Say what it holds of each recording that has a share."""
        plans = (share.plan for share in self.shares)
        return tuple(Taken(p.start, p.end, (p.first_frame, p.end_frame) if p.frames else None) for p in plans)

    @property
    def gaps(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """List the stretches between recordings, in seconds of the session's axis."""
        pairs = itertools.pairwise(self.shares)
        return tuple((self.start + a.end, self.start + b.start) for a, b in pairs if b.start > a.end)


def plan_join(sources: Sequence[Asked]) -> Plan:
    """
    Choose the frames of each recording; one of which no frame begins in its stretch has no share.

    Raises:
        RangeOutside: no frame begins in any stretch.
        ClipTooLong: it is longer than ten minutes, or crosses more joints than parameter sets can be told apart.
        NoDecoder: some pictures cannot be decoded here.
    """
    planned = [(source, plan) for source in sources if (plan := _plan(source)) is not None]
    if not planned:
        raise RangeOutside("no frame begins in this range of the session")
    zero = planned[0][0].at + planned[0][1].start
    shares = tuple(_Planned(source, plan, source.at - zero) for source, plan in planned)
    end = shares[-1].end
    if end > LONGEST_S or len(shares) > MOST_PARTS:
        raise ClipTooLong(
            f"an exact clip has at most {LONGEST_S} seconds of {MOST_PARTS} recordings, not {print_seconds(end)} of "
            f"{len(shares)}: make an export"
        )
    return Plan(zero, zero + end, shares)


def _plan(source: Asked) -> ExactPlan | None:
    try:
        return plan_exact(source.facts, source.frame_times, source.stretch)
    except RangeOutside:
        return None


def join_exact(plan: Plan, folder: Path) -> tuple[Joined, tuple[Path, ...]]:
    """
    Make what was planned, in `folder`; gives the clip and the files that its extents' `source` counts.

    Raises:
        Unplayable: an original is not the file of the plan, or cannot be read.
        ToolFailed, DeadlinePassed: a program failed, or other frames came out than planned.
        DiskFull: there was no room.
    """
    files: list[Path] = []
    pictures = _pictures(plan, folder, files)
    sound = _sound(plan, folder, files)
    if pictures is None and sound is None:
        raise RangeOutside("there is neither picture nor sound in this range of the session")
    tracks, body = interleaved([track for track in (pictures, sound) if track is not None])
    size = sum(piece.length for piece in body if isinstance(piece, Extent))
    file = VirtualFile.of(progressive(tracks, size), *body)
    return Joined(plan.start, plan.end, plan.gaps, plan.taken, file), tuple(files)


def _pictures(plan: Plan, folder: Path, files: list[Path]) -> tuple[OutTrack, tuple[Piece, ...]] | None:
    shares = [share for share in plan.shares if share.plan.frames]
    if not shares:
        return None
    width, height = _upright(shares[0].asked.facts.video)
    tracks = []
    for number, share in enumerate(shares):
        source, path = share.asked, folder / f"pictures-{number}.mp4"
        shape = Shape(width, height, number + 1)
        with (
            encode_exact(source.original, source.facts, source.frame_times, share.plan, shape) as made,
            path.open("wb") as out,
        ):
            out.writelines(made.blocks())
        files.append(path)
        track = _only_track(path)
        _check(track, share)
        tracks.append(track)
    described = _described_alike(tracks)
    parts = [
        Part(number, (frames_between(track, 0, len(track.samples)),), share.start, share.start, share.end)
        for number, (track, share) in enumerate(zip(described, shares, strict=True))
    ]
    spliced = splice(parts, plan.end - plan.start)
    return spliced.tracks[0], spliced.body


def _upright(video: Stream | None) -> tuple[int, int]:
    """Give the size at which pictures are seen, in even numbers: the encoder wants those."""
    width, height = (video.width or 2, video.height or 2) if video else (2, 2)
    if video is not None and video.rotation in {90, 270}:
        width, height = height, width
    return width + width % 2, height + height % 2


def _check(track: IndexedTrack, share: _Planned) -> None:
    """Compare what came out with the plan: as many frames, each at its own time."""
    times = share.asked.frame_times
    if times is None or len(track.samples) != share.plan.frames:
        raise ToolFailed(f"{len(track.samples)} frames came out, {share.plan.frames} were planned")
    for place in range(share.plan.frames):
        wanted = times.time_of(share.plan.first_frame + place) - share.plan.start
        found = track.seconds(int(track.ticks[place]))
        if abs(found - wanted) > _SAME_S:
            raise ToolFailed(f"frame {place} came out at {print_seconds(found)}, not at {print_seconds(wanted)}")


def _described_alike(tracks: Sequence[IndexedTrack]) -> list[IndexedTrack]:
    """Give all tracks one description with the parameter sets of all; each set has its own id."""
    try:
        all_sets: Configuration | None = None
        for track in tracks:
            config = codec_of(b"vide", Node(b"stsd", memoryview(track.description))).config
            own = read_configuration(config)
            all_sets = own if all_sets is None else all_sets.merged(own)
        assert all_sets is not None  # noqa: S101  (there is at least one)
        description = with_configuration(tracks[0].description, all_sets)
    except BadSampleTables as error:
        raise ToolFailed(f"the encoder's description cannot be read: {error}") from error
    first = tracks[0]
    return [
        replace(track, description=description, matrix=first.matrix, width=first.width, height=first.height)
        for track in tracks
    ]


def _only_track(path: Path) -> IndexedTrack:
    size = path.stat().st_size
    with path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        movie = read_movie(read, size)
        index = index_of_movie(movie, movie.tracks[0], "mp4", size, read)
    return index.tracks[0]


def _sound(plan: Plan, folder: Path, files: list[Path]) -> tuple[OutTrack, tuple[Piece, ...]] | None:
    heard = [share for share in plan.shares if share.asked.facts.audio and share.asked.facts.audio.decodable]
    if not heard:
        return None
    sounds = [share.asked.facts.audio for share in heard]
    told = sounds[0].sample_rate if sounds[0] is not None else None
    rate = told if told in SOUND_RATES else 48_000
    channels = 2 if any((sound.channels or 1) > 1 for sound in sounds if sound is not None) else 1
    pcm = folder / "sound.pcm"
    with pcm.open("wb") as out:
        for share in heard:
            begin, end = share.plan.start, share.plan.sound_end
            out.seek(round(share.start * rate) * 2 * channels)
            source = share.asked
            stretch = TimeRange(begin, end)
            with hear(
                source.original, source.facts, source.frame_times, stretch, rate=rate, channels=channels
            ) as blocks:
                out.writelines(blocks)
        out.truncate(round((plan.end - plan.start) * rate) * 2 * channels)
    target = folder / "sound.mp4"
    _encode_sound(pcm, target, rate, channels, plan.end - plan.start)
    pcm.unlink()
    files.append(target)
    track = _only_track(target)
    stretch_of_all = frames_between(track, 0, len(track.samples))
    extents, (places,) = gathered([stretch_of_all])
    body = tuple(replace(extent, source=len(files) - 1) for extent in extents)
    return out_track(stretch_of_all, places, zero=Fraction(0), end=plan.end - plan.start), body


def _encode_sound(pcm: Path, target: Path, rate: int, channels: int, duration: Fraction) -> None:
    source = ffmpeg.input(file_name(pcm), f="s16le", ar=rate, ac=channels)
    out = ffmpeg.output(source.audio, file_name(target), f="mp4", map_metadata=-1, **_AAC)
    seconds = float(duration)
    outcome = run_program(
        command(out, "-v", "error"),
        limits=Limits(
            wall_s=60 + 2 * seconds, cpu_s=int(60 + seconds), memory_bytes=MEMORY_BYTES, file_bytes=1 << 28, idle_s=None
        ),
        readable=[pcm],
        writable=target.parent,
    )
    if outcome.status != 0:
        raise ToolFailed(f"the sound could not be encoded: {outcome.last_words}")


_AAC: Final[dict[str, object]] = {"c:a": "aac", "b:a": SOUND_BITRATE}
