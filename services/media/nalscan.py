"""
Find coded pictures in a file that lost its index, by what every H.264 picture must be; in a child process only.

An MP4's `mdat` holds units behind their lengths, picture after picture, and sound between them. A length that leads to
another unit, a head that reads as a slice, and frame numbers that count on are together nothing that sound has.
Source: knowledge/media 5.4; the bytes: ITU-T H.264 sections 7.3 and 7.4, ISO/IEC 14496-15 section 5.3.4.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from services.media.parameters import SequenceSet
from services.media.slicehead import HEAD_BYTES, REFRESH, SliceHead, slice_head

PREFIX: Final = 4
"""Bytes of a length; what every camera writes."""

_SLICE, _MESSAGE, _SEQUENCE, _PICTURE, _DELIMITER, _FILLER = 1, 6, 7, 8, 9, 12
_MOST_UNITS: Final = 512
"""Units of one picture."""
_BEFORE_BYTES: Final = {_MESSAGE: 1 << 20, _SEQUENCE: 1024, _PICTURE: 1024, _DELIMITER: 2, _FILLER: 1 << 24}
_FIRST_LOOK, _BLOCK = 4096, 1 << 20

MOST_PICTURES: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Say how the pictures of a camera look: what its sound file of the same kind showed.

    `headers` are the first bytes of slices, `kinds` their types; `slices` how many a picture has. No unit is longer
    than `largest`; no more than `reach` bytes lie between two pictures.
    """

    sets: Mapping[int, SequenceSet]
    headers: frozenset[int]
    kinds: frozenset[int]
    slices: int
    largest: int
    reach: int

    @property
    def numbers(self) -> int:
        """Give how far frame numbers count."""
        return 1 << min(one.frame_number_bits for one in self.sets.values())


@dataclass(frozen=True, slots=True)
class Coded:
    """Name one coded picture: its bytes, its head, and how many slices it has."""

    start: int
    end: int
    head: SliceHead
    slices: int


@dataclass(slots=True)
class Found:
    """Hold the pictures in coded order, and the stretches of bytes that were passed over to find one again."""

    pictures: list[Coded] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)


class Bytes:
    """Read a part of a file through one block in memory."""

    def __init__(self, number: int, end: int) -> None:
        self._number, self.end = number, end
        self._start, self._block = 0, b""

    def take(self, at: int, length: int) -> bytes:
        """Give the bytes at `at`; fewer at the end."""
        length = max(min(length, self.end - at), 0)
        if not self._start <= at or at + length > self._start + len(self._block):
            self._start = at
            self._block = os.pread(self._number, max(length, min(_BLOCK, self.end - at)), at)
        return self._block[at - self._start : at - self._start + length]


def learn(source: Bytes, samples: Sequence[tuple[int, int]], sets: Mapping[int, SequenceSet], reach: int) -> Rules:
    """See from pictures of a sound file what slices of this camera look like; `samples` are (offset, size)."""
    headers, kinds, counts, largest = set(), set(), [], 0
    for offset, size in samples:
        at, slices = offset, 0
        while at + PREFIX < offset + size:
            length = int.from_bytes(source.take(at, PREFIX), "big")
            unit = source.take(at + PREFIX, min(length, HEAD_BYTES))
            head = slice_head(unit, sets) if unit and unit[0] & 31 in {_SLICE, REFRESH} else None
            if head is not None:
                headers.add(unit[0])
                kinds.add(head.kind)
                slices += 1
                largest = max(largest, length)
            at += PREFIX + max(length, 1)
        counts.append(slices)
    usual = int(np.median(counts)) if counts else 1
    return Rules(sets, frozenset(headers), frozenset(kinds), max(usual, 1), max(8 * largest, 1 << 20), reach)


class Scan:
    """Walk through the bytes from picture to picture."""

    def __init__(self, source: Bytes, rules: Rules) -> None:
        self._source, self._rules = source, rules
        first = np.zeros(256, np.bool_)
        first[list(rules.headers)] = True
        for header in range(128):
            first[header] |= header & 31 in _BEFORE_BYTES
        self._firsts: npt.NDArray[np.bool_] = first

    def run(self, begin: int) -> Found:
        """Find all whole pictures from the first refresh on."""
        found = Found()
        now = self._resumed(begin)
        if now is None:
            return found
        while now is not None and len(found.pictures) < MOST_PICTURES:
            found.pictures.append(now)
            following = self._following(now)
            if following is None and self._source.end - now.end > self._rules.reach:
                following = self._resumed(now.end)
                if following is not None:
                    found.holes.append((now.end, following.start))
            now = following
        if found.pictures and found.pictures[-1].slices < self._rules.slices:
            found.pictures.pop()  # the file ends inside it
        return found

    def _resumed(self, begin: int) -> Coded | None:
        """Find the next picture that needs none before it, and that two more follow."""
        for start in self._candidates(begin, self._source.end):
            coded = self._picture(start)
            if coded is None or not coded.head.is_refresh:
                continue
            second = self._next(coded)
            last = coded if second is None else second
            if (second is not None and self._next(second) is not None) or self._is_last(last):
                return coded
        return None

    def _following(self, before: Coded) -> Coded | None:
        """Give the picture that counts on, and that another one follows, unless the bytes end there."""
        for coded in self._counting_on(before):
            if self._next(coded) is not None or self._is_last(coded):
                return coded
        return None

    def _next(self, before: Coded) -> Coded | None:
        return next(self._counting_on(before), None)

    def _counting_on(self, before: Coded) -> Iterator[Coded]:
        for start in self._candidates(before.end, min(before.end + self._rules.reach, self._source.end)):
            coded = self._picture(start)
            if coded is not None and self._counts_on(before.head, coded.head):
                yield coded

    def _counts_on(self, before: SliceHead, head: SliceHead) -> bool:
        """Source: ITU-T H.264 section 7.4.3, frame_num."""
        if head.is_refresh:
            return True
        step = 1 if before.is_reference else 0
        return head.frame_number == (before.frame_number + step) % self._rules.numbers

    def _is_last(self, coded: Coded) -> bool:
        """Say whether only the beginning of a picture may be behind this one."""
        return self._source.end - coded.end <= max(self._rules.largest, self._rules.reach)

    def _candidates(self, begin: int, until: int) -> Iterator[int]:
        """Give the places at which a length and a header that may be right stand."""
        at, step = begin, _FIRST_LOOK
        while at < until:
            count = min(step, until - at)
            raw = np.frombuffer(self._source.take(at, count + PREFIX), np.uint8)
            count = len(raw) - PREFIX
            if count <= 0:
                return
            wide = raw.astype(np.uint32)
            length = wide[:count] << 24 | wide[1 : count + 1] << 16 | wide[2 : count + 2] << 8 | wide[3 : count + 3]
            fits = self._firsts[raw[PREFIX : PREFIX + count]] & (length >= 2) & (length <= self._rules.largest)
            fits &= length <= np.uint32(min(self._source.end - at, 0xFFFFFFFF))
            for place in np.flatnonzero(fits):
                yield at + int(place)
            at, step = at + count, _BLOCK

    def _picture(self, start: int) -> Coded | None:
        """Read a whole picture that begins at `start`: what comes before its slices, then all of these."""
        at, head, slices = start, None, 0
        for _ in range(_MOST_UNITS):
            unit = self._unit(at)
            if unit is None:
                break
            length, content = unit
            kind = content[0] & 31
            if kind not in {_SLICE, REFRESH}:
                if head is not None and kind != _FILLER:
                    break
                at += PREFIX + length
                continue
            found = slice_head(content, self._rules.sets)
            if found is None or content[0] not in self._rules.headers or found.kind not in self._rules.kinds:
                break
            if (head is None) != (found.first == 0):
                break
            if head is not None and found.frame_number != head.frame_number:
                break
            head = head or found
            slices += 1
            at += PREFIX + length
        return None if head is None else Coded(start, at, head, slices)

    def _unit(self, at: int) -> tuple[int, bytes] | None:
        """Give the length and the first bytes of a whole unit at `at`."""
        raw = self._source.take(at, PREFIX + HEAD_BYTES)
        if len(raw) <= PREFIX + 1:
            return None
        length, content = int.from_bytes(raw[:PREFIX], "big"), raw[PREFIX:]
        most = _BEFORE_BYTES.get(content[0] & 31, self._rules.largest)
        if content[0] & 0x80 or not 2 <= length <= most or at + PREFIX + length > self._source.end:
            return None
        if content[0] & 31 == _DELIMITER and (length != 2 or content[1] & 31 != 16):
            return None
        return length, content[:length]
