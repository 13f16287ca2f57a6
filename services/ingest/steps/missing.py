"""Ask for what recordings of before lack, a few at a time, behind all that arrives and all that people wait for."""

from typing import Final

from sqlalchemy import ColumnElement, func, select

from services.bootstrap import Archive
from services.index.models import Recording
from services.jobs.lease import ask
from services.jobs.table import JobRow, JobState

AT_ONCE: Final = 50
"""Such jobs of one kind that may wait: what arrives today goes before them, and so do people."""

LAST: Final = 9
"""Their priority."""


def ask_for_missing(archive: Archive, kind: str, recipe: str, lacks: ColumnElement[bool], after: str) -> str | None:
    """
    Ask for jobs of this kind for the recordings behind `after` that lack it.

    Gives the recording up to which was asked, or None: none behind it lacks it.
    """
    with archive.reading() as session:
        waiting = select(func.count()).where(
            JobRow.kind == kind, JobRow.state.in_((JobState.QUEUED, JobState.RUNNING)), JobRow.recipe == recipe
        )
        room = AT_ONCE - session.scalars(waiting).one()
        if room <= 0:
            return after
        query = select(Recording.id).where(Recording.id > after, lacks).order_by(Recording.id).limit(room)
        missing = list(session.scalars(query))
    if not missing:
        return None
    with archive.plain() as session:
        now = archive.clock()
        bells = [ask(session, kind, recording, now, recipe=recipe, priority=LAST) for recording in missing]
    archive.ring(bells)
    return missing[-1]
