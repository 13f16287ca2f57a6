"""
Play an original from where it lies: init segment and fragments written here around its own media bytes.

Nothing is decoded, copied or kept. Second 0 of what is played is the first picture (sound alone: the first sound).
"""

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from services.errors import RangeOutside, VerbatimNotPossible
from services.media.descriptions import plain_description
from services.media.facts import MediaFacts
from services.media.frames import FrameIndex, IndexedTrack
from services.media.muxing import OutTrack, fragment, initialisation
from services.media.samples import Ints
from services.media.stretch import Stretch, frames_between, gathered, require_boxed, sound_between
from services.media.virtual import VirtualFile

VERSION: Final = 1
"""Raise it when the same address would give other bytes."""

SEGMENT_S: Final = Fraction(2)
"""A segment is closed once it is so long: few requests, and a seek reads little."""

SHORT_S: Final = Fraction(1, 2)
QUICK_S: Final = Fraction(6)
"""At the start, and behind the place that a player begins at, segments are short: the first picture comes sooner."""

PLAYED_SOUNDS: Final = frozenset({"aac", "mp3"})
"""What browsers play inside MP4. Source: knowledge/media 8.2."""

MOST_GROUP_BYTES: Final = 64 << 20
MOST_GROUP_SAMPLES: Final = 7200
"""Of one group of pictures that browsers take in whole: their buffers hold some 150 MB."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Say which stretch plays from `start` for `duration` seconds: from entry `first` up to, not including, `end`."""

    first: int
    end: int
    start: Fraction
    duration: Fraction


@dataclass(frozen=True, eq=False)
class InPlace:
    """
    Hold an original that is played from its own bytes: its leading track, its first sound, where players may begin.

    `entries` are the numbers of samples, in decoding order, at which a segment can begin.
    """

    lead: IndexedTrack
    sound: IndexedTrack | None
    entries: Ints

    @classmethod
    def of(cls, index: FrameIndex, facts: MediaFacts, audio: int | None = None) -> "InPlace":
        """
        Find the tracks that a player is given; `audio` is the number of the stream that is heard, None: the first.

        Raises:
            VerbatimNotPossible: a browser does not play this file from its own bytes; the message says why.
        """
        if not facts.browser_playable:
            raise VerbatimNotPossible(f"browsers do not play {', '.join(s.codec for s in facts.streams)} as it is")
        lead = require_boxed(index)
        if lead.opens:
            raise VerbatimNotPossible("pictures lean on those before a key frame: browsers stop when they seek there")
        shown = np.flatnonzero(lead.shown)
        entries = lead.entries[lead.shown[lead.entries]]
        if len(entries) == 0 or int(shown[0]) < int(entries[0]):
            raise VerbatimNotPossible("its first picture is no key frame")
        sound = _heard(index, facts, lead, audio)
        if sound is lead:
            sound = None
            entries = entries[lead.samples.pts[entries] >= lead.tick_at(Fraction(0))]
        elif sound is not None and sound.shift is None:
            raise VerbatimNotPossible("an edit list repeats or reorders its sound")
        found = cls(lead, sound, entries)
        if lead.kind == "video" and not lead.shown[found.entries[0] : found.until].all():
            raise VerbatimNotPossible("an edit list hides pictures between those that it shows")
        found._require_small_groups()
        for track in found.tracks:
            plain_description(track.description, track.kind, track.codec)
        return found

    def _require_small_groups(self) -> None:
        bounds = np.append(self.entries, self.until)
        sizes = np.add.reduceat(self.lead.samples.size[: self.until].astype(np.int64), self.entries)
        if int(sizes.max()) > MOST_GROUP_BYTES or int(np.diff(bounds).max()) > MOST_GROUP_SAMPLES:
            raise VerbatimNotPossible("its key frames lie too far apart for a browser's buffer")

    @property
    def tracks(self) -> tuple[IndexedTrack, ...]:
        """Give what is played, in the order of its track numbers."""
        return (self.lead,) if self.sound is None else (self.lead, self.sound)

    @cached_property
    def until(self) -> int:
        """Give the number after the last sample that is shown."""
        return int(np.flatnonzero(self.lead.shown)[-1]) + 1

    @cached_property
    def end(self) -> Fraction:
        """Give the second at which picture and sound have stopped."""
        ends = []
        for track in self.tracks:
            shown = np.flatnonzero(track.shown)
            if len(shown):
                ends.append(track.seconds(int((track.samples.pts[shown] + track.samples.duration[shown]).max())))
        return max(ends)

    def time_of(self, entry: int) -> Fraction:
        """Give the second at which an entry is shown; that after the last one is the end."""
        if entry >= len(self.entries):
            return self.end
        return self.lead.seconds(int(self.lead.samples.pts[self.entries[entry]]))

    def segments(self, begin: Fraction | None = None) -> list[Segment]:
        """Cut all of it into segments; `begin` is where the player will start, if not at the beginning."""
        ticks = self.lead.samples.pts[self.entries]
        forced = 0 if begin is None else max(int(np.searchsorted(ticks, self.lead.tick_at(begin), side="right")) - 1, 0)
        quick = [(int(ticks[place]), int(ticks[place]) + QUICK_S * self.lead.timescale) for place in (0, forced)]
        cuts = [0]
        while cuts[-1] < len(ticks):
            now = int(ticks[cuts[-1]])
            least = SHORT_S if any(low <= now < high for low, high in quick) else SEGMENT_S
            following = int(np.searchsorted(ticks, now + -(-least * self.lead.timescale // 1)))
            following = max(following, cuts[-1] + 1)
            cuts.append(forced if cuts[-1] < forced < following else following)
        starts = [self.time_of(cut) for cut in cuts]
        return [
            Segment(first, end, start, after - start)
            for (first, end), (start, after) in zip(itertools.pairwise(cuts), itertools.pairwise(starts), strict=True)
        ]

    def init(self) -> bytes:
        """Give the init segment."""
        return initialisation([_described(track, self._first_tick(track)) for track in self.tracks])

    def segment(self, first: int, end: int) -> VirtualFile:
        """
        Give the segment from entry `first` up to entry `end`.

        Raises:
            RangeOutside: there are no such entries, or too much lies between them.
            VerbatimNotPossible: the stretch cannot be described as a fragment.
        """
        if not 0 <= first < end <= len(self.entries):
            raise RangeOutside(f"the recording has entries 0 to {len(self.entries)}, not {first} to {end}")
        low = int(self.entries[first])
        high = int(self.entries[end]) if end < len(self.entries) else self.until
        if end - first > 1 and high - low > MOST_GROUP_SAMPLES:
            raise RangeOutside(f"a segment holds at most {MOST_GROUP_SAMPLES} frames, not {high - low}")
        stretches = [frames_between(self.lead, low, high)]
        if self.sound is not None:
            start = self.time_of(first) if first else Fraction(0)
            heard = sound_between(self.sound, start, self.time_of(end))
            stretches += [heard] if heard is not None else []
        extents, places = gathered(stretches)
        tracks = [self._placed(stretch, place) for stretch, place in zip(stretches, places, strict=True)]
        head = fragment(first + 1, tracks, sum(extent.length for extent in extents))
        return VirtualFile.of(head, *extents)

    def _placed(self, stretch: Stretch, position: Ints) -> tuple[int, OutTrack]:
        track = stretch.track
        zero = self._first_tick(track)
        out = replace(
            _described(track, zero),
            duration=stretch.duration,
            cts=stretch.cts + _lift(track),
            size=stretch.size,
            sync=stretch.sync,
            position=position,
        )
        return stretch.first_tick + _shift(track) - _lift(track) + out.media_time, out

    def _first_tick(self, track: IndexedTrack) -> int:
        """Give when the first sample that is played is decoded, before the track's shift."""
        if track is self.lead:
            return int(track.samples.dts[self.entries[0]])
        first = int(np.searchsorted(track.samples.pts, track.tick_at(Fraction(0))))
        return int(track.samples.dts[min(first, len(track.samples) - 1)])


def _heard(index: FrameIndex, facts: MediaFacts, lead: IndexedTrack, audio: int | None) -> IndexedTrack | None:
    wanted = facts.audio.index if audio is None and facts.audio else audio
    sound = next((track for track in index.sounds if track.index == wanted), None)
    if audio is not None and sound is None:
        raise VerbatimNotPossible(f"there is no sound in stream {audio}")
    if audio is not None and sound is not None and sound.codec not in PLAYED_SOUNDS:
        raise VerbatimNotPossible(f"browsers do not play {sound.codec} as it is")
    if sound is not None and lead.kind == "audio" and sound is not lead:
        raise VerbatimNotPossible("of sound without pictures only the first stream is played in place")
    return sound


def _shift(track: IndexedTrack) -> int:
    return round((track.shift or Fraction(0)) * track.timescale)


def _lift(track: IndexedTrack) -> int:
    """Give what makes the earliest presentation offset of the recording no longer negative."""
    return max(-int(track.samples.cts.min(initial=0)), 0)


def _described(track: IndexedTrack, first_tick: int) -> OutTrack:
    """
    Describe a track without samples. What is decoded before second 0 moves all to later, and the edit moves it back.

    Source: knowledge/media 8.2, timeline B: right in hls.js, in browsers' own players and in ffmpeg.
    """
    nothing = np.zeros(0, np.int64)
    return OutTrack(
        kind=track.kind,
        timescale=track.timescale,
        description=plain_description(track.description, track.kind, track.codec),
        duration=nothing.astype(np.uint32),
        cts=nothing.astype(np.int32),
        size=nothing.astype(np.uint32),
        sync=nothing.astype(np.bool_),
        position=nothing,
        media_time=max(-(first_tick + _shift(track) - _lift(track)), 0),
        matrix=track.matrix,
        width=track.width,
        height=track.height,
        language=track.language,
        frame_bytes=track.frame_bytes,
    )
