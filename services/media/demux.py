"""
Read packets and decode samples of them with PyAV: the only place here that lets libav open a file.

The demuxer is forced and whitelisted, so are protocol and decoders; libav never guesses. Run it in a
child process (`probe.examine_in_child`): a decoder that crashes takes its process with it.
"""

import contextlib
import itertools
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from services.errors import HostileMedia, Unplayable
from services.media import nalunits
from services.media.containers import Container
from services.media.facts import ALLOWED_DECODERS, decoder_of
from services.media.samples import MOST_SAMPLES
from services.media.survey import MOST_PIXELS

MOST_PACKETS = MOST_SAMPLES
_COLUMNS = "qqqbbqIb"
"""How wide the fields of a packet are kept: times and places 8 bytes, its size 4, marks 1."""

NO_TIME = -(1 << 63)
"""Stands where a packet has no time. Source: libavutil's AV_NOPTS_VALUE."""

_PACKETS_PER_LANDMARK = 120
"""A keyframe, what a decoder holds back, and some that may be damaged."""

_NEAR_S = 1
"""A picture presented later than this after a landmark came from behind a hole."""

_RUN_UP_S, _PACKETS_OF_RUN_UP = 2, 600
"""Transport and program streams have no index: a search may end behind the keyframe, so it is tried from earlier."""


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """
    List the packets of one stream in the order of the file, as ticks of `time_base`, with `NO_TIME` for none.

    `offset` is where libav says that a packet begins in the file, -1 where it does not; its bytes need not lie
    together there. `mark` is what the first slice of a key frame says (`nalunits`), `LEANS` of all other packets.
    """

    index: int
    time_base: Fraction
    pts: npt.NDArray[np.int64]
    dts: npt.NDArray[np.int64]
    duration: npt.NDArray[np.int64]
    key: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.bool_]
    offset: npt.NDArray[np.int64]
    size: npt.NDArray[np.uint32]
    mark: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Say what came out of a decoder: the points where nothing did, and what the first picture was."""

    silent: tuple[int, ...]
    tried: int
    pixel_format: str | None = None
    bit_depth: int | None = None
    rotation: int = 0


@contextlib.contextmanager
def opened(path: Path, container: Container) -> Iterator[Any]:
    """
    Open a local file with one demuxer, one protocol and the allowed decoders.

    Raises:
        Unplayable: libav cannot read it as that container.
    """
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": container.demuxer,
        "codec_whitelist": ",".join(sorted(ALLOWED_DECODERS)),
        "fflags": "+genpts",
    }
    try:
        with av.open(
            f"file:{path.absolute()}", "r", format=container.demuxer, options=options, metadata_errors="replace"
        ) as media:
            yield media
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Unplayable(f"the file cannot be read as {container.name}: {error}") from error


def packets(media: Any) -> dict[int, Packets]:
    """
    Read all packets of pictures and sound once, by stream.

    A read error ends the list: what came before counts.

    Raises:
        HostileMedia: there are more than any recording has.
    """
    streams = [stream for stream in media.streams if stream.type in {"video", "audio"}]
    rows: dict[int, tuple[array[int], ...]] = {s.index: tuple(map(array, _COLUMNS)) for s in streams}
    readers = {s.index: nalunits.reader_of(s.codec_context.name, s.codec_context.extradata or b"") for s in streams}
    count = 0
    with contextlib.suppress(av.error.FFmpegError):
        for packet in media.demux(streams):
            if packet.size == 0 and packet.dts is None:
                continue  # the flush at the end; Theora repeats a picture with an empty packet that has a time
            count += 1
            if count > MOST_PACKETS:
                raise HostileMedia(f"the file has more than {MOST_PACKETS} packets")
            number, key = packet.stream.index, packet.is_keyframe
            hidden = packet.is_discard or _is_hidden(packet)
            mark = readers[number](packet) if key else nalunits.LEANS
            place = -1 if packet.pos is None else packet.pos
            values = packet.pts, packet.dts, packet.duration or 0, key, not hidden, place, packet.size, mark
            for column, value in zip(rows[number], values, strict=True):
                column.append(NO_TIME if value is None else int(value))
    return {s.index: _packets(s, rows[s.index]) for s in streams if len(rows[s.index][0])}


def _is_hidden(packet: Any) -> bool:
    """Say whether a VP8 packet holds a reference picture that is never shown. Source: RFC 6386 section 9.1."""
    return packet.stream.codec_context.name == "vp8" and packet.size > 0 and not bytes(packet)[0] >> 4 & 1


def _packets(stream: Any, columns: tuple["array[int]", ...]) -> Packets:
    kinds = zip(columns, _COLUMNS, strict=True)
    pts, dts, duration, key, shown, offset, size, mark = (np.frombuffer(column, kind) for column, kind in kinds)
    return Packets(
        index=stream.index,
        time_base=Fraction(stream.time_base),
        pts=pts,
        dts=dts,
        duration=duration,
        key=key.astype(np.bool_),
        shown=shown.astype(np.bool_),
        offset=offset,
        size=size,
        mark=mark,
    )


def decode_at(path: Path, container: Container, index: int, landmarks: tuple[int, ...]) -> Decoded:
    """
    Try to decode from each landmark (ticks of the stream); success is a whole frame, never a status.

    Raises:
        Unplayable: libav cannot open the file.
    """
    silent, first = [], None
    with opened(path, container) as media:
        stream = media.streams[index] if index < len(media.streams) else None
        if stream is None or stream.codec_context is None or not _is_allowed(stream.codec_context):
            return Decoded(landmarks, len(landmarks))
        stream.thread_type = "NONE"
        for place, tick in enumerate(landmarks):
            near = tick + int(_NEAR_S / stream.time_base)
            begin = tick if place or tick > 0 else None
            frame = _frame_at(media, stream, begin, _PACKETS_PER_LANDMARK, range(NO_TIME, near))
            if frame is None:
                earlier = tick - int(_RUN_UP_S / stream.time_base)
                frame = _frame_at(media, stream, earlier, _PACKETS_OF_RUN_UP, range(tick, near))
            if frame is None:
                silent.append(tick)
            first = first or frame
    tried = len(landmarks)
    if first is None or not isinstance(first, av.VideoFrame):
        return Decoded(tuple(silent), tried)
    depth = first.format.components[0].bits if first.format.components else None
    return Decoded(tuple(silent), tried, first.format.name, depth, int(-first.rotation) % 360)


def _is_allowed(context: Any) -> bool:
    return decoder_of(context.codec.canonical_name) is not None and context.codec.name in ALLOWED_DECODERS


def _frame_at(media: Any, stream: Any, tick: int | None, most: int, wanted: range) -> Any:
    """Give the first whole frame from `tick` on (None: from here) that is presented at a `wanted` tick."""
    context = stream.codec_context
    if (getattr(context, "width", 0) or 0) * (getattr(context, "height", 0) or 0) > MOST_PIXELS:
        raise HostileMedia(f"a picture of {context.width} x {context.height} is claimed; {MOST_PIXELS} are the most")
    try:
        if tick is not None:
            media.seek(tick, stream=stream, backward=True)
        for packet in itertools.islice(media.demux(stream), most):
            frame = _first_whole(packet, wanted)
            if frame is not None:
                return frame
    except av.error.FFmpegError:
        return None  # the file ends here in the middle of something
    return None


def _first_whole(packet: Any, wanted: range) -> Any:
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        return None
    whole = (frame for frame in frames if not frame.is_corrupt)
    return next((frame for frame in whole if frame.pts is None or frame.pts in wanted), None)
