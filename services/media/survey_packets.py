"""Turn one pass over the packets of any other container into facts, frame times and flags."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

from services.errors import NoIndex
from services.media import containers, continuity, metadata, suspicion
from services.media.boxes import Read
from services.media.containers import Container
from services.media.demux import NO_TIME, Packets, opened, packets
from services.media.facts import Flag, Kind, Stream
from services.media.frametimes import FrameTimes
from services.media.framing_packets import index_of_packets
from services.media.survey import Survey, landmarks_of

Ints = npt.NDArray[np.int64]

_JUMP_BACK_S = Fraction(1, 2)
"""A clock that falls back further started anew; smaller steps back are reordering. ffmpeg joins likewise."""

_STRAY_S = Fraction(2)
"""Sound whose packets span so much longer than they last has broken times (the Theora file of the corpus)."""


def survey_packets(path: Path, container: Container, read: Read, size: int) -> Survey:
    """
    Read the facts of a file by demultiplexing it once.

    Raises:
        MediaError: it cannot be read as this container, or holds neither pictures nor sound.
    """
    with opened(path, container) as media:
        raw = packets(media)
        restarts = container in {containers.MPEG_TS, containers.MPEG_PS}
        found = {index: _in_time(one, restarts=restarts) for index, one in raw.items()}
        streams = [_stream(stream, found.get(stream.index)) for stream in media.streams]
        tags = {key.lower(): value for key, value in media.metadata.items()}
    leading = _leading(streams, found)
    if leading is None:
        raise NoIndex(f"the file holds no packet of pictures or sound that can be read as {container.name}")
    flags = _cut(container, read, size)
    origin = leading.start
    streams = [replace(one, start=one.start - origin) if one.index in found else one for one in streams]
    streams, odd = _mend_sound(streams, raw if container is containers.OGG else {})
    seen = [one for one in streams if one.index in found]
    times = _times(found[leading.index])
    flags += odd + continuity.gaps(times)
    sounds = [one.start + one.duration for one in seen if one.kind == "audio"]
    if leading.kind == "video" and sounds:
        flags += continuity.ends_apart(max(sounds), leading.duration)
    duration = max(one.start + one.duration for one in seen)
    index = index_of_packets(container.name, size, streams, found, leading=leading.index, duration=duration)
    return Survey(
        streams=tuple(streams),
        duration=duration,
        recorded_at=metadata.parse_moment(tags.get("creation_time", "")),
        location=metadata.parse_place(tags.get("location", "")),
        flags=(*flags, *suspicion.of_index(index)),
        index=index,
        landmarks={one.index: landmarks_of(_keys(raw[one.index])) for one in seen},
    )


def _in_time(one: Packets, *, restarts: bool) -> Packets:
    """Fill missing times from decoding times and steps; where a clock may start anew, join the stretches."""
    step = int(np.median(one.duration[one.duration > 0])) if (one.duration > 0).any() else 1
    pts, dts = one.pts.copy(), one.dts.copy()
    for times, other in ((pts, dts), (dts, pts)):
        missing = times == NO_TIME
        times[missing] = other[missing]
    for times in (pts, dts):
        _fill(times, step)
    for place in _jumps_back(dts, one.time_base) if restarts else ():
        shift = int(dts[place]) + step - int(dts[place + 1])
        pts[place + 1 :] += shift
        dts[place + 1 :] += shift
    return replace(one, pts=pts, dts=dts, duration=np.where(one.duration > 0, one.duration, step))


def _jumps_back(dts: Ints, time_base: Fraction) -> list[int]:
    """Number the packets after which the clock falls back."""
    places: list[int] = np.flatnonzero(np.diff(dts) < -float(_JUMP_BACK_S / time_base)).tolist()
    return places


def _fill(times: Ints, step: int) -> None:
    """Let packets without any time follow the one before by the usual step."""
    missing = np.flatnonzero(times == NO_TIME)
    for place in missing.tolist():
        times[place] = times[place - 1] + step if place else 0


def _times(one: Packets) -> FrameTimes:
    pts = np.sort(one.pts[one.shown])
    return FrameTimes(one.time_base, pts - (int(pts[0]) if len(pts) else 0))


def _leading(streams: list[Stream], found: Mapping[int, Packets]) -> Stream | None:
    seen = [one for one in streams if one.kind != "data" and one.index in found and found[one.index].shown.any()]
    return min(seen, key=lambda one: (one.kind != "video", not one.decodable), default=None)


def _keys(one: Packets) -> list[int]:
    """Give the ticks where decoding can begin, up to where the clock first falls back: no search finds others."""
    known = (one.dts != NO_TIME) & (one.pts != NO_TIME)
    until = min(_jumps_back(one.dts[known], one.time_base), default=len(one.pts))
    pts, key = one.pts[known][: until + 1], (one.key & one.shown)[known][: until + 1]
    return [int(tick) for tick in pts[key]] or [int(tick) for tick in pts[:1]]


def _stream(stream: Any, one: Packets | None) -> Stream:
    context = stream.codec_context
    kind: Kind = stream.type if stream.type in {"video", "audio"} else "data"
    if context is None or kind == "data" or stream.disposition & Disposition.attached_pic:
        return Stream(index=stream.index, kind="data", codec=context.codec.canonical_name if context else "none")
    described = Stream(
        index=stream.index,
        kind=kind,
        codec=context.codec.canonical_name,
        profile=context.profile,
        language=stream.language if stream.language not in {None, "und"} else None,
        level=context.level if kind == "video" and (context.level or -1) > 0 else None,
    )
    if kind == "audio":
        described = replace(described, channels=context.channels or None, sample_rate=context.sample_rate or None)
    else:
        form = av.VideoFormat(context.pix_fmt) if context.pix_fmt else None
        described = replace(
            described,
            width=context.width or None,
            height=context.height or None,
            pixel_format=context.pix_fmt,
            bit_depth=form.components[0].bits if form and form.components else None,
        )
    return described if one is None else _timed(described, one)


def _timed(described: Stream, one: Packets) -> Stream:
    """Add what the packets tell: start and duration (still from libav's zero), count, rate."""
    shown = one.shown
    if not shown.any():
        return described
    start, end = int(one.pts[shown].min()), int((one.pts + one.duration)[shown].max())
    length, count = (end - start) * one.time_base, int(shown.sum())
    described = replace(described, start=start * one.time_base, duration=length, frames=count)
    if described.kind == "audio" or length <= 0:
        return described
    rate = Fraction(count / length).limit_denominator(100_000)
    return replace(described, rate=rate, variable_rate=continuity.is_uneven(_times(one)))


def _mend_sound(streams: list[Stream], raw: Mapping[int, Packets]) -> tuple[list[Stream], list[Flag]]:
    """Let sound with broken times last as long as its packets do, up to its end, and say so."""
    mended, flags = [], []
    for one in streams:
        mended.append(one)
        if one.kind != "audio" or one.index not in raw:
            continue
        lasting = int(raw[one.index].duration.sum()) * raw[one.index].time_base
        if 0 < lasting < one.duration - _STRAY_S:
            detail = f"stream {one.index}: spans {float(one.duration):.3f} s, lasts {float(lasting):.3f} s"
            flags.append(Flag("odd-sound-times", detail=detail))
            mended[-1] = replace(one, start=one.start + one.duration - lasting, duration=lasting)
    return mended, flags


def _cut(container: Container, read: Read, size: int) -> list[Flag]:
    """Flag a file that ends before its own header says."""
    claimed = None
    if container in {containers.AVI, containers.WAV}:
        length = int.from_bytes(read(4, 4), "little")
        claimed = length + 8 if 0 < length < 0xFFFFFFFF - 8 else None
    elif container in {containers.MATROSKA, containers.WEBM}:
        claimed = _end_of_segment(read(0, 256))
    if claimed is None or claimed <= size:
        return []
    return [Flag("truncated", detail=f"the file ends at {size} bytes; its header says {claimed}")]


def _end_of_segment(head: bytes) -> int | None:
    """Give where a Matroska segment says that it ends; live ones do not say. Source: RFC 8794, RFC 9559."""
    length, at = _vint(head, 4)
    at += length or 0
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return None
    length, at = _vint(head, at + 4)
    return None if length is None else at + length


def _vint(head: bytes, at: int) -> tuple[int | None, int]:
    if at >= len(head) or head[at] == 0:
        return None, at + 1
    width = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width
