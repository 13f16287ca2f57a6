"""Build the frame index of a transport stream, Matroska, AVI and others from the packets of one pass over the file."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from services.media.demux import Packets
from services.media.facts import Stream
from services.media.frames import FrameIndex, IndexedTrack, entries_of
from services.media.nalunits import BLANK, REFRESH
from services.media.samples import Ints, Samples, none

_MOST_TICKS = (1 << 31) - 1


def index_of_packets(
    container: str,
    size: int,
    streams: Sequence[Stream],
    found: Mapping[int, Packets],
    *,
    leading: int,
    duration: Fraction,
) -> FrameIndex:
    """
    Index every stream; time counts from the first shown packet of `leading` (a stream's number).

    Sizes and places are libav's: where a container wraps or splits packets, their bytes do not lie together at
    `offset`, and -1 stands where no place is known. Nothing is cut from them by copying.
    """
    lead = next(place for place, stream in enumerate(streams) if stream.index == leading)
    first = found[leading]
    origin = int(first.pts[first.shown].min()) * first.time_base
    tracks = tuple(_indexed(stream, found.get(stream.index), origin) for stream in streams)
    return FrameIndex(container, size, duration, lead, tracks)


def _indexed(stream: Stream, packets: Packets | None, origin: Fraction) -> IndexedTrack:
    if packets is None or stream.kind == "data":
        nothing = np.zeros(0, np.bool_)
        return IndexedTrack(
            stream.index, stream.kind, stream.codec, 1, b"", none(), nothing, nothing, None, language=stream.language
        )
    base = packets.time_base
    pts, dts = packets.pts * base.numerator, packets.dts * base.numerator
    samples, is_plain = _samples(packets, pts, dts)
    return IndexedTrack(
        index=stream.index,
        kind=stream.kind,
        codec=stream.codec,
        timescale=base.denominator,
        description=b"",
        samples=samples,
        shown=packets.shown,
        closed=entries_of(samples, packets.mark == REFRESH) if stream.kind == "video" else samples.sync,
        shift=-origin if is_plain else None,
        width=stream.width or 0,
        height=stream.height or 0,
        language=stream.language,
        moments=None if is_plain else np.sort(pts[packets.shown]),
        step=base.numerator,
        blank=int((packets.key & (packets.mark == BLANK)).sum()),
    )


def _samples(packets: Packets, pts: Ints, dts: Ints) -> tuple[Samples, bool]:
    """Put packets into the form of samples, and say whether it holds their times: absurd ones do not fit."""
    duration = packets.duration * packets.time_base.numerator
    steps = np.diff(dts)
    rising = (steps >= 0) & (steps <= _MOST_TICKS)
    duration[:-1][rising] = steps[rising]
    cts = pts - dts
    is_plain = bool((np.abs(cts) <= _MOST_TICKS).all())
    samples = Samples(
        dts=dts,
        duration=np.clip(duration, 0, _MOST_TICKS).astype(np.uint32),
        cts=np.clip(cts, -_MOST_TICKS, _MOST_TICKS).astype(np.int32),
        offset=packets.offset,
        size=packets.size,
        sync=packets.key,
    )
    return samples, is_plain
