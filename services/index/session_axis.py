"""
Lay the recordings of a session on one axis of seconds.

Only recordings that the asker may see are laid out: what is left out leaves a gap, and nothing else tells of it.
Looking changes nothing; the rows of a session stay as they were entered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.errors import Invalid, NotAllowed, NotFound, RangeOutside
from services.index.models import Recording, SessionMember, SessionRow
from services.index.visible import is_id, visible
from services.media.facts import MediaFacts, Stream
from services.media.filenumber import sequence_of
from services.media.ownclock import OwnClock
from services.media.stitch import EditList, Take, stitch
from services.media.timecode import parse_clock

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

STEPS: Final[Mapping[str, Fraction]] = {"container": Fraction(1), "file": Fraction(2)}
"""Resolution of a start by its source: `mvhd` counts whole seconds, file times on FAT two."""

OWN_CLOCKS: Final = frozenset({"mpegts", "mpegps"})
"""Containers whose frames carry a clock that may run on from file to file: only their indexes are asked for."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A session's rows that one may see, laid out; `rows` by the recording's id. Second 0 is `started_at`."""

    row: SessionRow
    rows: Mapping[str, Recording]
    started_at: datetime
    edits: EditList

    @property
    def leading(self) -> str | None:
        """Name the channel that others are compared with and that plays when none is named."""
        return leading(self.edits, self.rows)

    def second(self, text: str) -> Fraction:
        """
        Read a place on the axis: seconds, `HH:MM:SS[.nnn]`, or a moment of the world (RFC 3339).

        Raises:
            Invalid: it is none of these; as RangeOutside when it lies before the session.
        """
        if "T" not in text and "t" not in text:
            return parse_clock(text)
        try:
            # an unescaped + arrives as a space
            moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
        except ValueError as error:
            raise Invalid(f"a moment is written like 2026-03-02T10:00:00+08:00, not {text[:40]!r}") from error
        if moment.tzinfo is None:
            raise Invalid(f"a moment has its offset, such as +08:00: {text[:40]!r}")
        second = Fraction((moment - self.started_at) // MICROSECOND, 1_000_000)
        if second < 0:
            raise RangeOutside(f"the session began at {self.started_at.isoformat()}, after {text[:40]!r}")
        return second

    def at(self, second: Fraction) -> datetime:
        """Give the wall clock at a second of the axis."""
        return self.started_at + int(second * 1_000_000) * MICROSECOND


def fetch_session(session: Session, who: Principal, action: str, name: str) -> tuple[SessionRow, list[Recording]]:
    """
    Give a session by its id or number, and those of its recordings with which `who` may do `action`.

    Raises:
        NotFound: there is none, or none of whose recordings `who` may know.
        NotAllowed: `who` may know some of its recordings, but do this with none.
    """
    row = session.get(SessionRow, name) if is_id(name) else None
    if row is None:
        row = session.scalars(select(SessionRow).where(SessionRow.number == name)).one_or_none()
    if row is None or not (known := _members(session, who, "recording.see", row)):
        raise NotFound(f"there is no session {name[:80]}")
    may = known if action == "recording.see" else _members(session, who, action, row)
    if not may:
        raise NotAllowed(f"role {who.role!r} may not do {action!r} with any recording of this session")
    return row, may


def _members(session: Session, who: Principal, action: str, row: SessionRow) -> list[Recording]:
    member = (SessionMember.recording_id == Recording.id) & (SessionMember.session_id == row.id)
    query = select(Recording).join(SessionMember, member).where(visible(who, action)).order_by(Recording.id)
    return list(session.scalars(query))


def lay(row: SessionRow, recordings: Iterable[Recording], own: Mapping[str, OwnClock]) -> Laid:
    """Lay out a session; `own` holds the clocks that recordings' frames carry, as far as they are known."""
    rows = {recording.id: recording for recording in recordings}
    edits = stitch(_take(recording, own.get(recording.id)) for recording in rows.values())
    if edits.origin is not None:
        started_at = EPOCH + int(edits.origin * 1_000_000) * MICROSECOND
    else:
        started_at = min(recording.started_at for recording in rows.values())
    return Laid(row, rows, started_at, edits)


def _take(recording: Recording, own: OwnClock | None) -> Take:
    step = _step(recording)
    clock = None if recording.started_source == "arrival" else _clock(recording)
    return Take(
        recording=recording.id,
        clock=clock,
        duration=Fraction(recording.duration or 0),
        step=step,
        uncertainty=Fraction(3600) if clock is None else step,
        channel=recording.channel,
        sequence=sequence_of(recording.filename),
        own=own,
        given=recording.session_number is not None and recording.started_source == "given",
    )


def _clock(recording: Recording) -> Fraction:
    """Give the start by true time, in seconds from 1970; `clock_offset` is how far the device's clock is ahead."""
    microseconds = (recording.started_at - EPOCH) // MICROSECOND
    return Fraction(microseconds, 1_000_000) - Fraction(recording.clock_offset or 0.0).limit_denominator(1_000_000)


def _step(recording: Recording) -> Fraction:
    """Say how fine a start is told: a given one by its digits, at finest a millisecond."""
    if recording.started_source != "given":
        return STEPS.get(recording.started_source, Fraction(3600))
    if recording.started_at.microsecond == 0:
        return Fraction(1)
    return Fraction(1, 1000)


def leading(edits: EditList, rows: Mapping[str, Recording]) -> str | None:
    """Choose the channel that others are compared with: the first with sound, else with pictures, else the first."""
    for kind in ("audio", "video"):
        for lane in edits.lanes:
            if any(stream.kind == kind for member in lane.members for stream in streams_of(rows[member.recording])):
                return lane.channel
    return edits.lanes[0].channel if edits.lanes else None


def streams_of(recording: Recording) -> tuple[Stream, ...]:
    """Give what is known of a recording's streams."""
    return MediaFacts.from_json(recording.facts).streams if recording.facts else ()


def wanting_own_clock(recordings: Sequence[Recording]) -> list[str]:
    """Name the recordings whose frames may carry a clock that runs on."""
    return [recording.id for recording in recordings if recording.container in OWN_CLOCKS]
