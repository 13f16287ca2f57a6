"""
Notice what changed since the last look, for live pages: uploads, recordings and jobs.

Uploads tell by their time of change, recordings by their ledger entries (nothing about one changes
without), jobs by their state. Looks overlap, because a transaction may commit after a later one;
what was told already is not told again.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.custody.entry import read_entry
from services.custody.tables import entry, pending
from services.index.exporting import visible_exports
from services.index.exports import Export
from services.index.models import Recording, Upload
from services.index.uploads import TERMINATED, visible_uploads
from services.index.visible import is_id, visible
from services.jobs.table import JobRow, JobState

Topic = Literal["upload", "recording", "job"]

OVERLAP: Final = timedelta(seconds=5)
OVERLAP_ENTRIES: Final = 200
TOLD_MAX: Final = 20_000
FOLLOWED_MAX: Final = 1_000
"""Waiting jobs whose end is watched for; past these, pages see it at their next reading."""

LOOKS: Final = ("rec.view.", "rec.preview", "rec.clip", "rec.original")
"""Entries of people looking change nothing that a list shows."""


@dataclass(frozen=True, slots=True)
class Change:
    """A thing in its new state; `about` is the id of the upload, recording or export that rights are asked of."""

    topic: Topic
    id: str
    facts: Mapping[str, Any]
    about: str


@dataclass(slots=True)
class Lookout:
    """Where the last look ended, and what it told."""

    uploads_after: datetime
    entries_after: int = 0
    moved_after: int = 0
    jobs_after: str = ""
    followed: dict[str, None] = field(default_factory=dict)
    told: OrderedDict[Hashable, None] = field(default_factory=OrderedDict)

    def is_news(self, key: Hashable) -> bool:
        """Say whether this was not told yet, and remember it."""
        if key in self.told:
            return False
        self.told[key] = None
        while len(self.told) > TOLD_MAX:
            self.told.popitem(last=False)
        return True


def begin(session: Session, now: datetime) -> Lookout:
    """Start to look: from now on."""
    return Lookout(
        uploads_after=now,
        entries_after=session.scalar(select(func.max(pending.c.id))) or 0,
        moved_after=session.scalar(select(func.max(entry.c.idx))) or 0,
        jobs_after=_newest_job(session),
    )


def look(session: Session, lookout: Lookout, now: datetime) -> list[Change]:
    """Give what changed since the last look, each thing in its present state."""
    return [*_uploads(session, lookout, now), *_recordings(session, lookout), *_jobs(session, lookout)]


def visible_changes(session: Session, who: Principal, changes: Sequence[Change]) -> list[Change]:
    """Keep the changes that someone may know of, by one query for each kind of thing."""
    about = {change.about for change in changes if is_id(change.about)}
    seen: set[str] = set()
    if about and who.role != "dock":
        rows = select(Recording.id).where(Recording.id.in_(sorted(about)), visible(who))
        seen |= set(session.scalars(rows))
    if about:
        seen |= set(session.scalars(select(Upload.id).where(Upload.id.in_(sorted(about)), visible_uploads(who))))
        seen |= set(session.scalars(select(Export.id).where(Export.id.in_(sorted(about)), visible_exports(who))))
    return [change for change in changes if change.about in seen]


def _uploads(session: Session, lookout: Lookout, now: datetime) -> list[Change]:
    query = select(Upload).where(Upload.changed_at > lookout.uploads_after - OVERLAP, Upload.state != TERMINATED)
    lookout.uploads_after = now
    return [
        Change("upload", row.id, _facts_of_upload(row), row.id)
        for row in session.scalars(query.order_by(Upload.changed_at).limit(1000))
        if lookout.is_news(("upload", row.id, row.state, row.changed_at))
    ]


def _facts_of_upload(row: Upload) -> dict[str, Any]:
    return {
        "state": row.state,
        "reason": row.reason,
        "sha256": row.sha256,
        "recording": row.recording_id,
        "duplicate": row.duplicate,
    }


def _recordings(session: Session, lookout: Lookout) -> list[Change]:
    waiting = select(pending.c.id, pending.c.entry).where(pending.c.id > lookout.entries_after - OVERLAP_ENTRIES)
    moved = select(entry.c.idx, entry.c.entry).where(entry.c.idx > lookout.moved_after)
    fresh: dict[str, None] = {}
    for place, text in session.execute(waiting.order_by(pending.c.id).limit(5000)):
        lookout.entries_after = max(lookout.entries_after, place)
        _note_entry(lookout, text, fresh)
    for place, text in session.execute(moved.order_by(entry.c.idx).limit(5000)):
        lookout.moved_after = max(lookout.moved_after, place)
        _note_entry(lookout, text, fresh)
    if not fresh:
        return []
    rows = session.execute(
        select(Recording.id, Recording.state, Recording.playable).where(Recording.id.in_(sorted(fresh)))
    )
    return [Change("recording", row.id, {"state": row.state, "playable": row.playable}, row.id) for row in rows]


def _note_entry(lookout: Lookout, text: bytes, fresh: dict[str, None]) -> None:
    line = read_entry(text)
    if line.type.startswith("rec.") and not line.type.startswith(LOOKS) and lookout.is_news(line.id):
        fresh[line.obj] = None


def _jobs(session: Session, lookout: Lookout) -> list[Change]:
    query = select(JobRow).where(
        or_(
            JobRow.id > _a_little_before(lookout.jobs_after),
            JobRow.state == JobState.RUNNING,
            JobRow.id.in_(list(lookout.followed)),
        )
    )
    changes = []
    for row in session.scalars(query.order_by(JobRow.id).limit(2000)):
        lookout.jobs_after = max(lookout.jobs_after, row.id)
        if row.state in (JobState.QUEUED, JobState.RUNNING) and len(lookout.followed) < FOLLOWED_MAX:
            lookout.followed[row.id] = None
        elif row.state not in (JobState.QUEUED, JobState.RUNNING):
            lookout.followed.pop(row.id, None)
        share = None if row.progress is None else round(row.progress, 2)
        if lookout.is_news(("job", row.id, row.state, share, row.attempts)):
            facts = {"state": row.state, "kind": row.kind, "progress": share, "about": row.key, "error": row.error_code}
            changes.append(Change("job", row.id, facts, row.key))
    return changes


def _a_little_before(job_id: str) -> str:
    """Give an id of `OVERLAP` before this one: a UUIDv7 begins with its time in milliseconds. Source: RFC 9562, 5.7."""
    at = int(job_id.replace("-", "")[:12] or "0", 16) - int(OVERLAP.total_seconds() * 1000)
    text = f"{max(at, 0):012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-000000000000"


def _newest_job(session: Session) -> str:
    newest = session.scalar(select(JobRow.id).order_by(JobRow.id.desc()).limit(1))
    return newest or ""
