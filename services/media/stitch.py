"""
Stitch recordings into one session: an edit list on one axis of seconds, never a file. Pure.

Recordings follow each other by the device's clock; where clocks of whole seconds cannot tell, by the number in the
file's name; and exactly where a transport stream's own clock runs on from one file into the next. Members with
another channel are lanes beside each other on the same axis. When a file was uploaded says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from services.media.ownclock import OwnClock

Method = Literal["given", "clock", "sequence", "pts"]
"""What placed a recording: the uploader's word, the device's clock, the number in its name, its frames' own clock."""

WITHIN: Final = Fraction(3, 2)
"""Steps of a clock inside which two recordings touch for all that it can tell. Source: knowledge/media 5.5."""

DRIFT: Final = Fraction(1, 10_000)
"""Most that a device's two clocks drift apart, in seconds of a second: twice the usual. Source: as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """
    Tell of one recording what stitching weighs.

    `clock` is when it began by the device's clock, in seconds from any instant common to all, None where only its
    upload has a time. `step` is the clock's resolution and `uncertainty` how far it may be off, both in seconds.
    `given`: a person or system named the session and said when it began.
    """

    recording: str
    clock: Fraction | None
    duration: Fraction
    step: Fraction = Fraction(1)
    uncertainty: Fraction = Fraction(1)
    channel: str | None = None
    sequence: int | None = None
    own: OwnClock | None = None
    given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """
    Place one recording: it runs [start, start + duration) on the session's axis.

    `gap_before` is the silence between it and all before it in its lane. `overlap_before` is how much of its own
    beginning runs beside them (a buffer from before the button was pressed): the view begins behind it, at
    `view_start` seconds of the recording; where that is its whole duration the view leaves it out.
    """

    recording: str
    channel: str | None
    start: Fraction
    duration: Fraction
    gap_before: Fraction
    overlap_before: Fraction
    method: Method
    uncertainty: Fraction

    @property
    def end(self) -> Fraction:
        """Give the second of the axis at which it ends."""
        return self.start + self.duration

    @property
    def view_start(self) -> Fraction:
        """Give the second of the recording at which the view takes it up."""
        return self.overlap_before

    @property
    def seen_from(self) -> Fraction:
        """Give the second of the axis from which on the view shows it."""
        return self.start + self.overlap_before


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel: its members in the order in which they were recorded."""

    channel: str | None
    members: tuple[Member, ...]

    @property
    def start(self) -> Fraction:
        """Give the second of the axis at which the channel begins."""
        return min(member.start for member in self.members)

    @property
    def end(self) -> Fraction:
        """Give the second of the axis at which the channel ends."""
        return max(member.end for member in self.members)


@dataclass(frozen=True, slots=True)
class EditList:
    """
    Hold a session as laid out: second 0 of the axis is `origin` on the clocks that were given, None without any.

    Lanes stand in the order of their channels' names, one without a name first.
    """

    origin: Fraction | None
    lanes: tuple[Lane, ...]

    @property
    def duration(self) -> Fraction:
        """Give the seconds from the first beginning to the last end."""
        return max((lane.end for lane in self.lanes), default=Fraction(0))


def stitch(takes: Iterable[Take]) -> EditList:
    """
    Lay the recordings of one session on one axis that begins with the first of them.

    Any order of `takes` gives the same list. A lane without any clock begins with the session: nothing better is
    known of it, and its members say so by their uncertainty.
    """
    by_channel: dict[str | None, list[Take]] = {}
    for take in sorted(takes, key=lambda take: take.recording):
        by_channel.setdefault(take.channel, []).append(take)
    told = [take.clock for lane in by_channel.values() for take in lane if take.clock is not None]
    origin = min(told, default=None)
    names = sorted(by_channel, key=lambda name: (name is not None, name or ""))
    lanes = [(name, _placed(in_order(by_channel[name]), origin or Fraction(0))) for name in names]
    first = min((member.start for _, members in lanes for member in members), default=Fraction(0))
    return EditList(
        origin=None if origin is None else first,
        lanes=tuple(
            Lane(name, tuple(replace(member, start=member.start - first) for member in members))
            for name, members in lanes
        ),
    )


def in_order(takes: Sequence[Take]) -> list[Take]:
    """
    Sort the recordings of one lane by clock, number and own clock.

    Within one step of the clock the numbers decide. A recording without a clock goes behind those with smaller
    numbers, and behind all where no number places it.
    """
    told = sorted((take for take in takes if take.clock is not None), key=lambda take: (take.clock, _name_key(take)))
    ordered: list[Take] = []
    for take in told:
        group_start = len(ordered)
        while group_start and _same_instant(ordered[group_start - 1], take):
            group_start -= 1
        tied = [*ordered[group_start:], take]
        if all(one.sequence is not None for one in tied):
            tied.sort(key=lambda one: (one.sequence or 0, one.clock))
        ordered[group_start:] = tied
    for take in sorted((take for take in takes if take.clock is None), key=_name_key):
        ordered.insert(_place_by_number(ordered, take), take)
    return ordered


def _name_key(take: Take) -> tuple[bool, int, int, str]:
    own = 0 if take.own is None else take.own.first
    return take.sequence is None, take.sequence or 0, own, take.recording


def _same_instant(before: Take, take: Take) -> bool:
    assert before.clock is not None  # noqa: S101  (only those with a clock are compared)
    assert take.clock is not None  # noqa: S101
    return take.clock - before.clock < max(before.step, take.step)


def _place_by_number(ordered: Sequence[Take], take: Take) -> int:
    if take.sequence is None:
        return len(ordered)
    smaller = [n for n, one in enumerate(ordered) if one.sequence is not None and one.sequence <= take.sequence]
    larger = [n for n, one in enumerate(ordered) if one.sequence is not None and one.sequence > take.sequence]
    return smaller[-1] + 1 if smaller else larger[0] if larger else len(ordered)


def _placed(ordered: Sequence[Take], origin: Fraction) -> list[Member]:
    members: list[Member] = []
    reach = Fraction(0)
    for number, take in enumerate(ordered):
        before = ordered[number - 1] if number else None
        start, method, uncertainty = _start(take, before, members, origin, reach)
        behind = reach if members else start
        members.append(
            Member(
                recording=take.recording,
                channel=take.channel,
                start=start,
                duration=take.duration,
                gap_before=max(start - behind, Fraction(0)),
                overlap_before=min(max(behind - start, Fraction(0)), take.duration),
                method=method,
                uncertainty=uncertainty,
            )
        )
        reach = max(behind, start + take.duration)
    return members


def _start(
    take: Take, before: Take | None, members: Sequence[Member], origin: Fraction, reach: Fraction
) -> tuple[Fraction, Method, Fraction]:
    """Say where a recording begins, by what, and how sure that is; `reach` is the end of all before it."""
    if before is None:
        start = origin if take.clock is None else take.clock
        return start, "given" if take.given and take.clock is not None else "clock", take.uncertainty
    last = members[-1]
    proven = _by_own_clock(take, before, members)
    if proven is not None:
        return proven, "pts", last.uncertainty
    follows = before.sequence is not None and take.sequence == before.sequence + 1
    if take.clock is None:
        return reach, "sequence", take.uncertainty
    if abs(take.clock - reach) < WITHIN * max(take.step, before.step):
        return reach, "sequence" if follows else _clock_method(take), max(take.uncertainty, take.step)
    return take.clock, _clock_method(take), max(take.uncertainty, take.step)


def _clock_method(take: Take) -> Method:
    return "given" if take.given else "clock"


def _by_own_clock(take: Take, before: Take, members: Sequence[Member]) -> Fraction | None:
    """Place a file by the clock that runs on through both, unless the device's clock speaks against it."""
    if take.own is None or before.own is None:
        return None
    gap = before.own.gap_to(take.own)
    if gap is None:
        return None
    last = members[-1]
    step = max(take.step, before.step)
    if take.clock is None:
        return last.end + gap if abs(gap) < WITHIN else None
    allowed = WITHIN * step + DRIFT * abs(take.clock - members[0].start)
    return last.end + gap if abs(last.end + gap - take.clock) <= allowed else None
