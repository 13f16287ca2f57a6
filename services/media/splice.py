"""
Join stretches of several recordings to the tracks of one file: every coded frame as it is, each at its own time.

Between two recordings the last picture stays until the next one comes, for as long as nothing was recorded. Players
do not wait in a track of sound (Chromium plays on, and all later sound comes early by the gap), so silence is
written there in the sound's own form: these packets are of no recording, and lie wholly inside the gaps.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from services.errors import VerbatimNotPossible
from services.media.descriptions import plain_description
from services.media.filler import same_decoder, silent_frame
from services.media.frames import IndexedTrack
from services.media.outtrack import OutTrack
from services.media.samples import Ints
from services.media.stretch import Stretch, gathered
from services.media.virtual import Piece

VERSION: Final = 1
"""Raise it when the same recordings would be joined to other bytes."""

_MOST_TICKS: Final = (1 << 31) - 1
_MICRO: Final = 1_000_000
"""Ticks where recordings' own have no common measure: what is rounded is half a microsecond."""

_MOST_SILENCE_BYTES: Final = 32 << 20
_HANDLERS: Final = {"video": b"vide", "audio": b"soun"}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """
    Take coded frames of one recording.

    `stretches` are in the order of the file's tracks, None where the recording has nothing of one. `at` is the second
    of the clip at which the recording's second 0 lies, `start` and `end` the seconds of the clip that the part covers.
    """

    source: int
    stretches: tuple[Stretch | None, ...]
    at: Fraction
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Spliced:
    """Hold the tracks of a joined file, the bytes of its body in order, and the gaps, in seconds of the clip."""

    tracks: tuple[OutTrack, ...]
    body: tuple[Piece, ...]
    body_bytes: int
    gaps: tuple[tuple[Fraction, Fraction], ...]


def splice(parts: Sequence[Part], end: Fraction) -> Spliced:
    """
    Join parts, each beginning where the one before it ends or later; the clip is shown up to `end`.

    Raises:
        VerbatimNotPossible: two parts cannot stand in one track, or a gap in the sound cannot be written.
    """
    body = _Body()
    makers = [_maker([(part, part.stretches[number]) for part in parts]) for number in range(len(parts[0].stretches))]
    for part in parts:
        for maker, stretch in zip(makers, part.stretches, strict=True):
            if maker is not None and stretch is not None:
                maker.fill(_Run(part, stretch), body)
        positions = body.take(part)
        for maker, stretch, position in zip(makers, part.stretches, positions, strict=True):
            if maker is not None and stretch is not None:
                maker.append(_Run(part, stretch), position)
    tracks = [maker.written(end) for maker in makers if maker is not None]
    gaps = tuple((before.end, after.start) for before, after in itertools.pairwise(parts) if after.start > before.end)
    return Spliced(tuple(tracks), tuple(body.pieces), body.size_bytes, gaps)


class _Body:
    """Collect the bytes of a file in order."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size_bytes = 0

    def take(self, part: Part) -> list[Ints]:
        """Add a part's bytes; gives where each sample of each of its stretches lies."""
        there = [stretch for stretch in part.stretches if stretch is not None]
        extents, places = gathered(there)
        base = self.size_bytes
        self.pieces += [replace(extent, source=part.source) for extent in extents]
        self.size_bytes += sum(extent.length for extent in extents)
        found = iter(places)
        nothing = np.zeros(0, np.int64)
        return [nothing if stretch is None else next(found) + base for stretch in part.stretches]

    def add(self, content: bytes) -> int:
        """Add bytes made here; gives where they begin."""
        self.pieces.append(content)
        self.size_bytes += len(content)
        return self.size_bytes - len(content)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Hold one part's frames of one track."""

    part: Part
    stretch: Stretch

    @property
    def track(self) -> IndexedTrack:
        return self.stretch.track

    @property
    def begins(self) -> Fraction:
        """Give the second of the clip at which its first shown frame is presented."""
        return self.part.at + self.track.seconds(self.stretch.first_shown)

    def ticks(self, timescale: int) -> tuple[Ints, Ints]:
        """Give when each frame is decoded and presented, in ticks of the clip from its second 0."""
        scale = Fraction(timescale, self.track.timescale)
        pts = round(self.begins * timescale) + _scaled(self.stretch.pts - self.stretch.first_shown, scale)
        return pts - _scaled(self.stretch.cts.astype(np.int64), scale), pts

    def durations(self, timescale: int) -> Ints:
        return _scaled(self.stretch.duration.astype(np.int64), Fraction(timescale, self.track.timescale))


def _scaled(ticks: Ints, scale: Fraction) -> Ints:
    if scale == 1:
        return ticks
    # rounded, half up; scales are ratios of timescales, so no product comes near 2^63
    scaled: Ints = (2 * ticks * scale.numerator + scale.denominator) // (2 * scale.denominator)
    return scaled


def _maker(there: Sequence[tuple[Part, Stretch | None]]) -> "_Maker | None":
    """Begin a track of what all parts have of it; None where none has anything."""
    runs = [_Run(part, stretch) for part, stretch in there if stretch is not None]
    if not runs:
        return None
    lead = runs[0].track
    description = plain_description(lead.description, lead.kind, lead.codec)
    for run in runs:
        _require_same(lead, description, run)
    _require_nothing_hidden(runs)
    timescale = math.lcm(*(run.track.timescale for run in runs))
    if timescale > _MOST_TICKS:
        if lead.frame_bytes:
            raise VerbatimNotPossible("the recordings count the instants of sound in ticks without a common measure")
        timescale = _MICRO
    return _Maker(runs[0], description, timescale)


def _require_same(lead: IndexedTrack, description: bytes, run: _Run) -> None:
    track = run.track
    other = plain_description(track.description, track.kind, track.codec)
    if track.kind != lead.kind or not same_decoder(description, other, _HANDLERS[lead.kind]):
        raise VerbatimNotPossible(f"the recordings were coded differently ({lead.codec}, {track.codec})")
    if (track.matrix, track.width, track.height) != (lead.matrix, lead.width, lead.height):
        raise VerbatimNotPossible("the recordings are shown turned or sized differently")


def _require_nothing_hidden(runs: Sequence[_Run]) -> None:
    """Raise where a frame that its original hides would lie beside a joint: the one edit there is cannot hide it."""
    for number, run in enumerate(runs):
        stretch = run.stretch
        shown = stretch.pts[stretch.shown]
        hidden = stretch.pts[~stretch.shown]
        before, after = bool((hidden < shown.min()).any()), bool((hidden > shown.max()).any())
        if (before and number) or (after and number < len(runs) - 1):
            raise VerbatimNotPossible("an edit list hides frames at the joint: a copy would show them")


class _Maker:
    """
    Collect the rows of one track in decoding order.

    `played` is where a player that never waits has got to: sound is filled up so that it is never off by a frame.
    """

    def __init__(self, first: _Run, description: bytes, timescale: int) -> None:
        self._first = first
        self._description = description
        self._timescale = timescale
        self._rows: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
        self._last_tick = self._end = self._played = 0

    def fill(self, run: _Run, body: _Body) -> None:
        """Write silence up to where a run of sound begins, if there is a gap before it."""
        if not self._rows or run.track.kind != "audio":
            return
        until = int(run.ticks(self._timescale)[0][0])
        step = self._step(run)
        if run.track.frame_bytes:
            self._fill_instants(round((until - self._end) / step), step, body)
        elif until > self._end:
            self._fill_frames(round((until - self._played) / step), until, step, body)

    def _step(self, run: _Run) -> int:
        """Give how long one frame of sound lasts, or one instant of uncompressed sound."""
        durations = run.durations(self._timescale)
        if not run.track.frame_bytes:
            return max(int(np.median(durations)), 1)  # a writer may call single frames longer or shorter
        return max(int(durations[0]) // max(int(run.stretch.size[0]) // run.track.frame_bytes, 1), 1)

    def _fill_frames(self, count: int, until: int, step: int, body: _Body) -> None:
        if count <= 0:
            return
        silence = self._silence(count)
        self._played += count * step
        numbers = np.arange(count, dtype=np.int64)
        places = self._end + numbers * (until - self._end) // count
        start = body.add(silence * count)
        sizes = np.full(count, len(silence), np.int64)
        self._add(places, places, sizes, np.ones(count, np.int64), start + numbers * len(silence))

    def _fill_instants(self, count: int, step: int, body: _Body) -> None:
        if count <= 0:
            return
        content = self._silence(count) * count
        one = np.array([self._end])
        self._add(one, one, np.array([len(content)]), np.array([1]), np.array([body.add(content)]))
        self._end += count * step

    def _silence(self, count: int) -> bytes:
        silence, codec = silent_frame(self._description), self._first.track.codec
        if silence is None:
            raise VerbatimNotPossible(f"no silence is known here for a gap in {codec}")
        if len(silence) * count > _MOST_SILENCE_BYTES:
            raise VerbatimNotPossible(f"a gap in {codec} of {len(silence) * count:,} bytes is too long to be written")
        return silence

    def append(self, run: _Run, position: Ints) -> None:
        """Add the frames of a run, which lie at `position` in the body."""
        dts, pts = run.ticks(self._timescale)
        durations = run.durations(self._timescale)
        if not self._rows:
            self._played = int(dts[0])
        elif run.track.frame_bytes:
            dts = pts = dts + (self._end - int(dts[0]))  # runs of instants have no room between them
        else:
            # decoding goes on: what is shown at once after the joint is decoded no earlier than the last before it
            dts = dts + max(self._last_tick + 1 - int(dts[0]), 0)
        stretch = run.stretch
        self._add(dts, pts, stretch.size.astype(np.int64), stretch.sync.astype(np.int64), position)
        self._end = int(dts[-1]) + int(durations[-1])
        self._played += int(durations.sum()) if run.track.frame_bytes else len(dts) * self._step(run)

    def _add(self, dts: Ints, pts: Ints, size: Ints, sync: Ints, position: Ints) -> None:
        self._rows.append((dts, pts, size, sync, position))
        self._last_tick = int(dts[-1])

    def written(self, end: Fraction) -> OutTrack:
        """Give the track of a clip that is shown up to `end`."""
        dts, pts, size, sync, position = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        cts = pts - dts
        duration = np.append(np.diff(dts), self._end - dts[-1])
        if int(duration.min()) < 0 or int(duration.max()) >= 1 << 32 or int(np.abs(cts).max()) > _MOST_TICKS:
            raise VerbatimNotPossible("the recordings' times of decoding run backwards at a joint")
        track, begins = self._first.track, self._first.begins
        shown_until = end if track.kind == "video" else Fraction(self._end, self._timescale)
        return OutTrack(
            kind=track.kind,
            timescale=self._timescale,
            description=self._description,
            duration=duration.astype(np.uint32),
            cts=cts.astype(np.int32),
            size=size.astype(np.uint32),
            sync=sync.astype(np.bool_),
            position=position,
            delay=begins,
            media_time=round(begins * self._timescale) - int(dts[0]),
            edit_duration=shown_until - begins,
            matrix=track.matrix,
            width=track.width,
            height=track.height,
            language=track.language,
            frame_bytes=track.frame_bytes,
        )
