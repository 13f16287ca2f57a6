"""
Keep the words of recordings and cases, and find them again on both databases.

SQLite keeps them in an FTS5 table, PostgreSQL as a `tsvector`; both get words cut by
`services.index.words`, so that both find the same. What is kept is a cache that can be made again
from the catalogue at any time, so its table is a plain one.
"""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, and_, column, false, func, select, table, text, true
from sqlalchemy.orm import Session

from services.db import Id
from services.index.models import Case, Incident, Link, Recording
from services.index.words import QUERY_MAX, Phrase, fold, phrases, words

_KEPT = table("recording_search", column("recording_id", Id), column("words"))

_SQLITE = text("INSERT OR REPLACE INTO recording_search (rowid, recording_id, words) VALUES (:row, :recording, :words)")
_POSTGRES = text(
    "INSERT INTO recording_search (recording_id, words) VALUES (:recording, to_tsvector('simple', :words)) "
    "ON CONFLICT (recording_id) DO UPDATE SET words = excluded.words"
)


def recording_text(recording: Recording, numbers: Iterable[str] = (), told: Iterable[str | None] = ()) -> str:
    """Gather what a recording can be found by: its own facts, and numbers, titles and places of what it belongs to."""
    own = (
        recording.filename,
        recording.note,
        recording.officer,
        recording.device,
        recording.category,
        recording.session_number,
        recording.channel,
    )
    return "\n".join(part for part in (*own, *numbers, *told) if part)


def case_text(case: Case, officers: Iterable[str] = (), incidents: Iterable[str] = ()) -> str:
    """Gather what a case can be found by, as `Case.search_text` keeps it."""
    parts = (case.number, case.title, case.kind, case.stage, case.unit, *officers, *incidents)
    return fold("\n".join(part for part in parts if part))


def index_recording(session: Session, recording: Recording) -> None:
    """Keep the words of a recording, its own and those of its live links; call it whenever either changed."""
    live = select(Link).where(Link.recording_id == recording.id, Link.ended_at.is_(None)).subquery()
    cases = session.execute(
        select(Case.number, Case.title).where(live.c.target_type == "case", Case.id == live.c.target_id)
    ).all()
    incidents = session.execute(
        select(Incident.number, Incident.type, Incident.place).where(
            live.c.target_type == "incident", Incident.id == live.c.target_id
        )
    ).all()
    told = [case.title for case in cases] + [incident.type for incident in incidents]
    places = [str((incident.place or {}).get("name") or "") for incident in incidents]
    numbers = [thing.number for thing in (*cases, *incidents)]
    keep_words(session, recording.id, recording_text(recording, numbers, [*told, *places]))


def keep_words(session: Session, recording_id: str, found_by: str) -> None:
    """Keep the words of a text for a recording instead of those kept before; part of the caller's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_POSTGRES, {"recording": recording_id, "words": words(found_by)})
    else:
        hexadecimal = UUID(recording_id).hex  # as `Id` is kept on SQLite
        session.execute(_SQLITE, {"row": _row(recording_id), "recording": hexadecimal, "words": words(found_by)})


def _row(recording_id: str) -> int:
    # FTS5 finds a row fast by its number only. 63 bits: two of 10^6 recordings collide once in 10^7 archives.
    return int.from_bytes(hashlib.sha256(UUID(recording_id).bytes).digest()[:8], "big") >> 1


def index_linked(session: Session, target_type: str, target_id: str) -> None:
    """Keep the words of all recordings of an incident or a case anew, after its number, title or place changed."""
    linked = select(Recording).where(
        Recording.id == Link.recording_id,
        Link.target_type == target_type,
        Link.target_id == target_id,
        Link.ended_at.is_(None),
    )
    for recording in session.scalars(linked).all():
        index_recording(session, recording)


def matches(session: Session, query: str) -> ColumnElement[bool]:
    """Give the condition on `Recording` that holds where every word of the query is found; no words: nowhere."""
    wanted = phrases(query)
    if not wanted:
        return false()
    if session.get_bind().dialect.name == "postgresql":
        sought = " & ".join(_postgres(phrase) for phrase in wanted)
        hit = _KEPT.c.words.op("@@")(func.to_tsquery("simple", sought))
    else:
        sought = " AND ".join(_sqlite(phrase) for phrase in wanted)
        hit = _KEPT.c.words.op("MATCH")(sought)
    return Recording.id.in_(select(_KEPT.c.recording_id).where(hit))


def _sqlite(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.words)}"{"*" if phrase.open_ended else ""}'


def _postgres(phrase: Phrase) -> str:
    quoted = [f"'{word}'" for word in phrase.words]
    if phrase.open_ended:
        quoted[-1] += ":*"
    return f"({' <-> '.join(quoted)})"


def matches_case(query: str) -> ColumnElement[bool]:
    """Give the condition on `Case` that holds where all parts of the query stand in its text; no parts: true."""
    parts = fold(query[:QUERY_MAX]).split()
    return and_(true(), *(Case.search_text.icontains(part, autoescape=True) for part in parts))
