"""Show pictures of recordings in lists: one look per person, recording and day."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite

from services.accounts.models import Preview
from services.accounts.rights import NAMED_ONLY_GRADE, Principal
from services.api.actions.open_viewing import require_present
from services.api.together import Together
from services.bootstrap import Archive
from services.custody.work import Work, work
from services.errors import ReasonRequired
from services.index.visible import fetch


@dataclass(frozen=True, slots=True)
class Glance:
    """One person's look at one recording's pictures, by the bureau's calendar."""

    account: str
    actor: str
    role: str
    recording: str
    day: date


def preview(archive: Archive, who: Principal, recording_id: str) -> None:
    """
    Enter that `who` sees a recording's pictures today, once; durable on return.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        ReasonRequired: the strictest grade is never shown in lists, only under a viewing with a reason.
    """
    now = archive.clock()
    day = now.astimezone(ZoneInfo(archive.settings.zone)).date()
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        require_present(recording)
        if recording.grade >= NAMED_ONLY_GRADE:
            raise ReasonRequired("pictures of a recording of grade 4 are shown under a viewing with a reason only")
        if session.get(Preview, (who.id, recording.id, day)) is not None:
            return
    glance = Glance(who.id, who.name, who.role, recording_id, day)
    _together(archive).submit(glance, partial(_enter, archive))


def _enter(archive: Archive, glances: Sequence[Glance]) -> None:
    with work(archive.engine, archive.clock()) as done:
        for one in sorted(set(glances), key=lambda each: (each.account, each.recording)):
            if _is_first(done, one):
                done.append("rec.preview", one.recording, actor=one.actor, role=one.role, day=one.day.isoformat())


def _is_first(done: Work, one: Glance) -> bool:
    insert = postgresql.insert if done.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"account_id": one.account, "recording_id": one.recording, "day": one.day}
    made = insert(Preview).values(row).on_conflict_do_nothing().returning(Preview.account_id)
    return done.session.execute(made).first() is not None


_KNOWN: WeakKeyDictionary[Engine, Together[Glance]] = WeakKeyDictionary()
_KNOWN_LOCK = threading.Lock()


def _together(archive: Archive) -> Together[Glance]:
    with _KNOWN_LOCK:
        return _KNOWN.setdefault(archive.engine, Together())
