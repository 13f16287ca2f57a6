"""End viewings: by their person, by silence, by their length; and note what was watched meanwhile."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select

from services.accounts.rights import Principal
from services.api.actions.open_viewing import LONGEST, SILENCE, is_over
from services.api.looks import Gathered, add_to, as_told, in_row, looks_of, merged
from services.bootstrap import Archive
from services.errors import Gone, Invalid, NotFound
from services.index.models import Viewing
from services.index.visible import fetch, is_id

MOST_WATCHED: Final = 10_000
LATEST_S: Final = 1e7
"""No recording is so long (115 days); what a page tells beyond it is no position."""


def tell_watched(
    archive: Archive,
    who: Principal,
    recording_id: str,
    viewing_id: str,
    watched: Sequence[tuple[float, float]],
    *,
    ended: bool = False,
) -> None:
    """
    Note the stretches that a person watched, in seconds, half-open; `ended` closes the viewing as well.

    Ending one that has ended changes nothing, so that a page may say it twice.

    Raises:
        NotFound, NotAllowed: as `fetch`; also a viewing of another person or recording.
        Gone: the viewing had ended.
        Invalid: a stretch of the wrong form.
    """
    ranges = _checked(watched)
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        row = session.get(Viewing, viewing_id) if is_id(viewing_id) else None
        if row is None or row.account_id != who.id or row.recording_id != recording.id:
            raise NotFound(f"you have no viewing {viewing_id[:40]!r} of this recording")
        looks = looks_of(archive)
        seen = max(row.last_seen, looks.last_seen(row.id) or row.last_seen)
        over = is_over(row, seen, archive.clock())
    if over and ended:
        return
    if over:
        raise Gone(f"viewing {viewing_id} has ended: open another")
    looks.note_times(row.id, ranges, archive.clock())
    if ended:
        end_viewing(archive, row.id, "ended")


def _checked(watched: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(watched) > MOST_WATCHED:
        raise Invalid(f"at most {MOST_WATCHED} watched stretches are told at once, not {len(watched)}")
    for start, end in watched:
        if not (math.isfinite(start) and math.isfinite(end) and 0 <= start <= end <= LATEST_S):
            raise Invalid(f"a watched stretch is [start, end] in seconds, not [{start}, {end}]")
    return merged([(round(start, 3), round(end, 3)) for start, end in watched])


def end_viewing(archive: Archive, viewing_id: str, outcome: str) -> bool:
    """Enter the end of a viewing with all it came to; False when it had ended before."""
    looks = looks_of(archive)
    gathered = looks.take(viewing_id)
    try:
        with archive.work() as work:
            row = work.session.get(Viewing, viewing_id, with_for_update=True)
            if row is None or row.ended_at is not None:
                _keep(archive, viewing_id, gathered)  # becomes an entry "after the end"
                return False
            if gathered is not None:
                add_to(row, gathered)
            row.ended_at = work.at
            told = as_told(in_row(row))
            work.append("rec.view.end", row.recording_id, actor=row.actor, viewing=row.id, outcome=outcome, **told)
    except BaseException:
        _keep(archive, viewing_id, gathered)
        raise
    return True


def _keep(archive: Archive, viewing_id: str, gathered: Gathered | None) -> None:
    if gathered is not None:
        looks_of(archive).give_back(viewing_id, gathered)


def end_silent(archive: Archive, running_since: datetime) -> int:
    """
    End every viewing that was silent for ten minutes or lasts for twelve hours; gives how many.

    One that fell silent before `running_since` was served by a process that may have died with what it
    had not written: its end is unknown.
    """
    now, looks, count = archive.clock(), looks_of(archive), 0
    with archive.reading() as session:
        silent = or_(Viewing.last_seen <= now - SILENCE, Viewing.started_at <= now - LONGEST)
        query = select(Viewing).where(Viewing.ended_at.is_(None), silent).order_by(Viewing.last_seen).limit(1000)
        found = [(row.id, row.started_at, row.last_seen) for row in session.scalars(query)]
    for viewing, started_at, last_seen in found:
        if now - started_at >= LONGEST:
            outcome = "twelve hours"
        elif (looks.last_seen(viewing) or last_seen) > now - SILENCE:
            continue  # in use; only its row is behind
        else:
            outcome = "silence" if last_seen >= running_since else "unknown end"
        count += end_viewing(archive, viewing, outcome)
    return count
