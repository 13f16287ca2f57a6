"""Look at the first packets of an original, inside a child process only, for `anchor`."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from services.errors import Unplayable
from services.media.anchor import HEAD_PACKETS
from services.media.containers import BY_NAME
from services.media.demux import opened

SEARCHED_PACKETS = 20_000
"""Give up looking for a stream's packets after so many of others."""
RESTART_S = Fraction(3, 2)
"""A transport stream whose clock ends so far from where its packets lead has started it anew."""
EARLIER_S = (0, 4, 16, 64)
"""Without an index a search ends anywhere; the next key frame may be too late, so it is tried from earlier."""
PREROLL = Fraction(2)
"""
Begin decoding at a key frame at least so long before the first wanted frame: a picture refreshed
by and by, or an open group of pictures, is whole by then.
"""


def anchor_request(request: dict[str, Any]) -> dict[str, Any]:
    """Answer `anchor.find_anchor` inside the child."""
    return _of_sound(request) if request["picture"] is None else _of_pictures(request)


def _of_pictures(request: dict[str, Any]) -> dict[str, Any]:
    known = [Fraction(time) for time in request["head"]]
    with opened(Path(request["path"]), BY_NAME[request["container"]]) as media:
        stream = media.streams[request["picture"]]
        head = _head(media, request["picture"], request["sound"])
        keyframe = None
        joined = _clock_restarts(media, request["duration"])
        if joined:
            origin = fit(sorted(head.shown), known) - Fraction(media.start_time or 0, 1_000_000)
        elif request["by_number"]:
            origin = statistics.median_low(a - b for a, b in zip(head.coded, known or head.coded[:1], strict=False))
        else:
            origin = fit(sorted(head.shown), known)
            if request["before"] is not None:
                keyframe = keyframe_before(media, stream, origin, Fraction(request["before"]) - PREROLL)
        return _answer(
            origin,
            joined=joined,
            earliest=min([*head.all, *head.sound]) - fit(sorted(head.shown), []),
            time_base=Fraction(stream.time_base),
            keyframe=keyframe,
            reorders=bool(stream.codec_context.has_b_frames),
        )


def _of_sound(request: dict[str, Any]) -> dict[str, Any]:
    path, container = Path(request["path"]), BY_NAME[request["container"]]
    with opened(path, container) as media:
        origin = _first_sample(media, request["sound"])
    with opened(path, container) as media:
        head = _head(media, request["sound"], None)
    return _answer(origin, earliest=min(head.all) - origin)


def _answer(
    origin: Fraction,
    *,
    earliest: Fraction,
    time_base: Fraction | None = None,
    keyframe: Fraction | None = None,
    reorders: bool = False,
    joined: bool = False,
) -> dict[str, Any]:
    times = {"origin": origin, "earliest": earliest, "time_base": time_base, "keyframe": keyframe}
    printed = {key: None if time is None else str(time) for key, time in times.items()}
    return printed | {"reorders": reorders, "joined": joined}


def _clock_restarts(media: Any, duration: str | None) -> bool:
    """See whether a stream's first and last times are further apart, or nearer, than what lies between them."""
    if duration is None or media.duration is None:
        return False
    return abs(Fraction(media.duration, 1_000_000) - Fraction(duration)) > RESTART_S


@dataclass(slots=True)
class _Head:
    """Hold the times of a file's first packets: when shown, when decoded, hidden ones too, and the first sound."""

    shown: list[Fraction] = field(default_factory=list)
    coded: list[Fraction] = field(default_factory=list)
    all: list[Fraction] = field(default_factory=list)
    sound: list[Fraction] = field(default_factory=list)


def _head(media: Any, leading: int, sound: int | None) -> _Head:
    """Read until enough packets of the leading stream, and one of sound, were seen."""
    head = _Head()
    streams = [media.streams[n] for n in (leading, sound) if n is not None]
    for packet in itertools.islice(media.demux(streams), SEARCHED_PACKETS):
        dts = packet.dts if packet.dts is not None else packet.pts
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None or dts is None:
            continue
        time = pts * Fraction(packet.time_base)
        if packet.stream.index != leading:
            head.sound = head.sound or [time]
        else:
            head.coded.append(dts * Fraction(packet.time_base))
            head.all.append(time)
            head.shown += [] if packet.is_discard else [time]
        if len(head.shown) >= HEAD_PACKETS and (sound is None or head.sound):
            break
    if not head.shown:
        raise Unplayable("no packet of the file carries a time")
    return head


def fit(times: Sequence[Fraction], head: Sequence[Fraction]) -> Fraction:
    """
    Find the packet from which the known frame times run; without known ones, the earliest.

    Raises:
        Unplayable: they run from none of them: this is not the file that was indexed.
    """
    there = set(times)
    for origin in times:
        if all(origin + time in there for time in head):
            return origin
    raise Unplayable(f"the first pictures do not have the times of the index: {[str(time) for time in head]}")


def keyframe_before(media: Any, stream: Any, origin: Fraction, position: Fraction) -> Fraction | None:
    """Give the time, on the file's clock, of a key frame at or before `position`; None if there is none to find."""
    wanted = origin + position
    for back in EARLIER_S:
        if wanted - back <= origin:
            return None
        try:
            media.seek(int((wanted - back) / Fraction(stream.time_base)), stream=stream, backward=True)
            packets = itertools.islice(media.demux(stream), SEARCHED_PACKETS)
            key = next((packet for packet in packets if packet.is_keyframe and packet.pts is not None), None)
        except av.error.FFmpegError:
            return None  # a file that cannot be searched is decoded from its beginning
        time = None if key is None else Fraction(key.pts * Fraction(key.time_base))
        if time is not None and origin < time <= wanted:
            return time
    return None


def _first_sample(media: Any, sound: int) -> Fraction:
    """Decode until the first sample: what an encoder puts before it is never heard."""
    for frame in media.decode(media.streams[sound]):
        if frame.pts is not None:
            return Fraction(frame.pts * Fraction(frame.time_base))
    raise Unplayable("no sound of the file could be decoded")
