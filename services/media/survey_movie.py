"""Turn the boxes of an MP4, MOV or 3GP into facts, frame times and flags."""

from fractions import Fraction

import numpy as np

from services.errors import HostileMedia
from services.media import continuity, suspicion
from services.media.boxes import Read
from services.media.facts import Flag, Kind, Stream, decoder_of
from services.media.frametimes import FrameTimes
from services.media.framing import index_of_movie
from services.media.movie import Movie, ReadTrack, read_movie
from services.media.survey import MOST_PIXELS, Survey, landmarks_of


def survey_movie(read: Read, size: int, container: str = "mp4") -> Survey:
    """
    Read the facts of a file from its boxes, and the first bytes of its key frames.

    Raises:
        MediaError: it has no index, or one that cannot be believed.
    """
    movie = read_movie(read, size)
    leading = leading_of(movie)
    origin = leading.start if leading else Fraction(0)
    streams = tuple(_stream(track, origin) for track in movie.tracks)
    heard_or_seen = [track for track in movie.tracks if _kind(track) != "data" and len(track.presented)]
    times = _times(leading) if leading else None
    flags = _faults(movie, size, origin)
    if times is not None:
        flags += continuity.gaps(times)
    sounds = [track.end - origin for track in heard_or_seen if track.track.is_sound]
    if leading is not None and leading.track.is_picture and sounds:
        flags += continuity.ends_apart(max(sounds), leading.end - origin)
    index = index_of_movie(movie, leading, container, size, read)
    return Survey(
        streams=streams,
        duration=max((track.end - origin for track in heard_or_seen), default=Fraction(0)),
        recorded_at=movie.recorded_at,
        location=movie.location,
        flags=(*flags, *suspicion.of_index(index)),
        index=index,
        landmarks={track.track.index: _landmarks(track) for track in heard_or_seen},
    )


def leading_of(movie: Movie) -> ReadTrack | None:
    """Choose the track that time counts from: pictures that decode, other pictures, sound."""

    def rank(track: ReadTrack) -> tuple[bool, bool, bool]:
        return not len(track.presented), not track.track.is_picture, decoder_of(track.track.codec.name) is None

    seen = [track for track in movie.tracks if _kind(track) != "data" and len(track.presented)]
    return min(seen, key=rank, default=None)


def _kind(track: ReadTrack) -> Kind:
    return "video" if track.track.is_picture else "audio" if track.track.is_sound else "data"


def _times(track: ReadTrack) -> FrameTimes:
    pts = track.presented.pts
    return FrameTimes(Fraction(1, track.track.timescale), np.sort(pts) - int(pts.min()))


def _stream(track: ReadTrack, origin: Fraction) -> Stream:
    info, codec, kind = track.track, track.track.codec, _kind(track)
    if kind == "video" and (codec.width or 0) * (codec.height or 0) > MOST_PIXELS:
        raise HostileMedia(f"a picture of {codec.width} x {codec.height} is claimed; {MOST_PIXELS} pixels are the most")
    count, length = len(track.presented), track.end - track.start
    pictures = kind == "video" and count > 0
    return Stream(
        index=info.index,
        kind=kind,
        codec=codec.name,
        profile=codec.profile,
        width=codec.width,
        height=codec.height,
        rotation=info.rotation if kind == "video" else 0,
        rate=Fraction(count / length).limit_denominator(100_000) if pictures and length > 0 else None,
        variable_rate=pictures and continuity.is_uneven(_times(track)),
        pixel_format=codec.pixel_format,
        bit_depth=codec.bit_depth,
        channels=codec.channels,
        sample_rate=codec.sample_rate,
        language=info.language,
        duration=length,
        frames=count,
        start=track.start - origin if count else Fraction(0),
        level=codec.level,
    )


def _faults(movie: Movie, size: int, origin: Fraction) -> list[Flag]:
    flags = [
        Flag("bad-sample-tables", detail=f"stream {track.track.index}: {track.fault}")
        for track in movie.tracks
        if track.fault
    ]
    for track in movie.tracks:
        if track.missing and _kind(track) != "data":
            beyond = int((track.samples.end[~track.here] > size).sum())
            where = "lie beyond the end of the file" if beyond else "lie outside its media"
            detail = f"stream {track.track.index}: {track.missing} of {len(track.samples)} samples {where}"
            end = max(track.claimed_end - origin, Fraction(0))
            start = min(max(track.end - origin, Fraction(0)), end)
            flags.append(Flag("truncated" if beyond else "bad-sample-tables", start, end, detail))
    if movie.is_cut and not any(flag.kind == "truncated" for flag in flags):
        flags.append(Flag("truncated", detail=f"the file ends at {size} bytes, inside a box"))
    return flags


def _landmarks(track: ReadTrack) -> tuple[int, ...]:
    keys = track.presented.pts[track.samples.sync[track.presented.sample]]
    return landmarks_of([int(tick) for tick in keys] or [int(track.presented.pts[0])])
