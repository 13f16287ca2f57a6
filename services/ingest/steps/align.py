"""Align the channels of a session: measure by their sound how far apart two recorders of one room began."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.bootstrap import Archive
from services.digest import Digest
from services.errors import MediaError, ToolFailed
from services.index.models import Object, Recording, Rendition, SessionMember, SessionRow
from services.index.session_axis import lay
from services.ingest.publish import Made, publish, recipe_id
from services.media.facts import FrameTimes, MediaFacts
from services.media.hearing import hear
from services.media.skew import RATE, Measured, Sound, Window, compare, cut, plan, settle
from services.media.timecode import TimeRange

VERSION: Final = 1
"""Raise it when measures change: recordings are measured again as they come."""

REACH_S: Final = Fraction(5)
"""How far from its place by the clock a channel is looked for, beyond what its clock itself leaves open."""

FARTHEST_S: Final = Fraction(30)
"""No place is so unsure that it is worth looking further: then chance alone would find peaks."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one side of a comparison is read from."""

    recording: str
    key: str
    version: str | None
    digest: Digest
    facts: MediaFacts
    frame_times: FrameTimes | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A recording, the one of the leading channel that it is compared with, and where the clocks say it begins."""

    recording: str
    against: str
    begins_at: Fraction
    reach: Fraction

    @property
    def recipe(self) -> dict[str, Any]:
        """Say what the measure is made by."""
        return {"tool": "huisu", "kind": "skew", "version": VERSION, "against": self.against}


def align(archive: Archive, recording_id: str) -> None:
    """
    Compare a recording with those of other channels that ran at the same time; harmless when repeated.

    The measure is kept as a rendition of kind `skew`; no stored time changes. Where one of a pair has no sound, or
    is not examined yet, there is nothing to measure: the other one's own job comes back to it.
    """
    for pair in _pairs(archive, recording_id):
        first, second = _heard(archive, pair.against), _heard(archive, pair.recording)
        try:
            measured = measure(archive, first, second, pair)
        except (MediaError, ToolFailed):
            continue  # a sound that does not decode measures nothing
        if measured is not None:
            _keep(archive, second, pair, measured)


def measure(archive: Archive, first: Heard, second: Heard, pair: Pair) -> Measured | None:
    """Hear both recordings and say where the second begins; None where they have too little in common."""
    windows = plan(first.facts.duration, second.facts.duration, pair.begins_at, pair.reach)
    if not windows:
        return None
    here = _sounds(archive, first, [(one.first_at, one.length) for one in windows])
    there = _sounds(archive, second, [(one.second_at, one.length + 2 * one.reach) for one in windows])
    return settle(_compared(here, there, windows))


def _compared(here: list[Sound], there: list[Sound], windows: tuple[Window, ...]) -> list[Any]:
    answers = (compare(a, b, window) for a, b, window in zip(here, there, windows, strict=True))
    return [answer for answer in answers if answer is not None]


def _sounds(archive: Archive, heard: Heard, windows: list[tuple[Fraction, Fraction]]) -> list[Sound]:
    start = max(min(start for start, _ in windows), Fraction(0))
    end = min(max(start + length for start, length in windows), heard.facts.duration)
    with ExitStack() as held:
        path: Path = held.enter_context(archive.store.lend(heard.key, heard.version, heard.digest))
        stretch = TimeRange(start, end)
        blocks = held.enter_context(hear(path, heard.facts, heard.frame_times, stretch, rate=RATE))
        return cut(blocks, [(at - start, length) for at, length in windows])


def _pairs(archive: Archive, recording_id: str) -> list[Pair]:
    """Find the comparisons that a recording is part of and that are not made yet."""
    with archive.reading() as session:
        sessions = session.scalars(
            select(SessionRow).join(SessionMember).where(SessionMember.recording_id == recording_id)
        ).all()
        pairs = [pair for row in sessions for pair in _pairs_in(session, row)]
        mine = [pair for pair in pairs if recording_id in {pair.recording, pair.against}]
        return [pair for pair in mine if not _is_measured(session, pair)]


def _is_measured(session: Session, pair: Pair) -> bool:
    made = select(Rendition.id).where(
        Rendition.recording_id == pair.recording,
        Rendition.kind == "skew",
        Rendition.recipe_id == recipe_id(pair.recipe),
    )
    return session.execute(made).first() is not None


def _pairs_in(session: Session, row: SessionRow) -> list[Pair]:
    member = (SessionMember.recording_id == Recording.id) & (SessionMember.session_id == row.id)
    rows = session.scalars(select(Recording).join(SessionMember, member)).all()
    laid = lay(row, rows, {})
    with_sound = {one.id for one in rows if _has_sound(one)}
    members = [one for lane in laid.edits.lanes for one in lane.members if one.recording in with_sound]
    lead = [one for one in members if one.channel == laid.leading]
    return [
        Pair(
            other.recording,
            first.recording,
            other.start - first.start,
            min(REACH_S + other.uncertainty + first.uncertainty, FARTHEST_S),
        )
        for first in lead
        for other in members
        if other.channel != laid.leading and other.start < first.end and first.start < other.end
    ]


def _has_sound(recording: Recording) -> bool:
    if recording.facts is None or not recording.playable or recording.state in {"disposed", "quarantined"}:
        return False
    sound = MediaFacts.from_json(recording.facts).audio
    return sound is not None and sound.decodable


def _heard(archive: Archive, recording_id: str) -> Heard:
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        obj = session.get_one(Object, recording.object_id)
        facts = MediaFacts.from_json(recording.facts or {})
    times = archive.frame_times_of(recording_id)
    return Heard(recording_id, obj.key, obj.version_id, Digest.from_hex(obj.sha256), facts, times)


def _keep(archive: Archive, second: Heard, pair: Pair, measured: Measured) -> None:
    told = {
        "against": pair.against,
        "begins_at": str(measured.begins_at),
        "score": round(measured.score, 2),
        "windows": measured.windows,
        "ppm": None if measured.ppm is None else round(measured.ppm, 2),
        "accepted": measured.accepted,
    }
    content = json.dumps(told).encode()
    made = Made("skew", "skew.json", pair.recipe, "application/json", content=content, facts=told)
    with publish(archive, second.digest, [made]) as keep, archive.work() as work:
        keep(work, work.session.get_one(Recording, pair.recording, with_for_update=True))
