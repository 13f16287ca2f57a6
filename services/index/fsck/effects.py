"""Check that what is said to be done has happened: uploads acknowledged, jobs finished."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, exists, or_, select
from sqlalchemy.orm import Session

from services.custody.audit import said_by
from services.custody.tables import entry, pending
from services.index.fsck.finding import PORTION, Finding, portions
from services.index.models import Object, Recording, Rendition, Upload
from services.index.visible import is_id
from services.jobs.table import JobRow, JobState

Step = Callable[[str, int], None]

TAKEN_IN: Final = ("stored", "verified", "quarantined")
"""States in which an upload is a recording."""

SET_ASIDE: Final = frozenset({"damaged", "quarantined", "disposed"})
"""States in which a recording need not have what its jobs make."""


def check_uploads(session: Session, progress: Step) -> Iterator[Finding]:
    """Find uploads that a dock was told are safe, and are not: no recording, other bytes, never read back."""
    query = (
        select(Upload.id, Upload.state, Upload.sha256, Recording.id, Recording.sha256, Object.verified_at)
        .outerjoin(Recording, Recording.id == Upload.recording_id)
        .outerjoin(Object, Object.id == Recording.object_id)
        .where(Upload.state.in_(TAKEN_IN))
    )
    done = 0
    for rows in portions(session, query, Upload.id):
        for upload, state, sha256, recording, recorded, verified_at in rows:
            thing = f"upload {upload} that is {state}"
            if recording is None:
                yield Finding("error", "missing", thing, "a recording", "none")
            elif recorded != sha256:
                yield Finding("error", "changed", thing, f"SHA-256 {sha256}", f"{recorded} of recording {recording}")
            elif state == "verified" and verified_at is None:
                yield Finding("error", "unverified", thing, "an original that was read back", "one that was not")
        done += len(rows)
        progress("uploads", done)


def check_jobs(session: Session, progress: Step) -> Iterator[Finding]:
    """Find jobs that say done whose effect is not there. An upload whose row is gone says nothing: its row is plain."""
    query = select(JobRow.id, JobRow.kind, JobRow.key).where(
        JobRow.state == JobState.DONE, JobRow.kind.in_(sorted(_EFFECTS))
    )
    done = 0
    for rows in portions(session, query, JobRow.id):
        for kind, effect in _EFFECTS.items():
            keys = [row.key for row in rows if row.kind == kind and is_id(row.key)]
            for key, expected, found in effect(session, keys):
                yield Finding("error", "undone", f"job {kind} of {key}", expected, found)
        session.rollback()
        done += len(rows)
        progress("jobs", done)


def check_ingested(session: Session, progress: Step) -> Iterator[Finding]:
    """Find recordings that the ledger took in and the catalogue does not know: nothing ever leaves it without a row."""
    done = 0
    for table in (entry, pending):
        query = select(table.c.obj, table.c.entry).where(table.c.n == 0, ~exists().where(Recording.id == table.c.obj))
        with session.execute(query, execution_options={"yield_per": PORTION}) as rows:
            for obj, text in rows:
                done += 1
                if _type_of(bytes(text)) == "rec.ingest":
                    yield Finding("error", "missing", f"recording {obj}", "a row of what was taken in", "none")
        session.rollback()
        progress("taken in", done)


def _type_of(text: bytes) -> str | None:
    try:
        return said_by(text).type
    except (ValueError, KeyError, TypeError):
        return None  # its chain's own check says so


Undone = Iterator[tuple[str, str, str]]


def _accession(session: Session, keys: Sequence[str]) -> Undone:
    query = select(Upload.id, Upload.state).where(
        Upload.id.in_(keys), or_(Upload.recording_id.is_(None), Upload.state.not_in(TAKEN_IN))
    )
    for upload, state in session.execute(query):
        yield upload, "an upload that is a recording", state


def _read_back(session: Session, keys: Sequence[str]) -> Undone:
    query = select(Upload.id, Upload.state).where(Upload.id.in_(keys), Upload.state.not_in(("verified", "quarantined")))
    for upload, state in session.execute(query):
        yield upload, "an upload verified or quarantined", state


def _examine(session: Session, keys: Sequence[str]) -> Undone:
    found = _recordings(session, keys)
    for key in keys:
        row = found.get(key)
        if row is None:
            yield key, "a recording", "none"
        elif row.facts is None and row.state not in SET_ASIDE:
            yield key, "an examined recording", f"one without facts that is {row.state}"


def _render(session: Session, keys: Sequence[str]) -> Undone:
    found = _recordings(session, keys)
    proxies = select(Rendition.recording_id).where(Rendition.recording_id.in_(keys), Rendition.kind == "proxy")
    made = set(session.scalars(proxies))
    for key in keys:
        row = found.get(key)
        if row is None:
            yield key, "a recording", "none"
        elif row.playable and row.state not in SET_ASIDE and key not in made:
            yield key, "a review proxy", f"none; the recording is {row.state}"


def _recordings(session: Session, keys: Sequence[str]) -> dict[str, Row[*tuple[Any, ...]]]:
    query = select(Recording.id, Recording.state, Recording.playable, Recording.facts).where(Recording.id.in_(keys))
    return {row.id: row for row in session.execute(query)}


_EFFECTS: Final[dict[str, Callable[[Session, Sequence[str]], Undone]]] = {
    "accession": _accession,
    "read-back": _read_back,
    "examine": _examine,
    "render": _render,
}
