"""Look at a recording: no byte of it is given before the entry that says so is durable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from services.accounts.rights import NAMED_ONLY_GRADE, Principal
from services.api.actions.open_viewing import LONGEST, Wish, begin_or_join, is_over, require_present
from services.api.looks import Looks, looks_of
from services.bootstrap import Archive
from services.errors import Gone, NotFound, ReasonRequired
from services.index.models import Recording, Viewing
from services.index.visible import fetch, is_id


@dataclass(frozen=True, slots=True)
class Look:
    """A committed look. Whatever leaves under it is noted here before it leaves."""

    viewing: str
    recording: str
    reason: str | None
    archive: Archive
    looks: Looks

    def note_bytes(self, what: str, start: int, end: int) -> None:
        """Note bytes of a stored file that are handed to the line."""
        self.looks.note_bytes(self.viewing, what, start, end, self.archive.clock())

    def note_ranges(self, what: str, ranges: Sequence[tuple[int, int]]) -> None:
        """Note ranges of a stored file that are handed to the line together."""
        self.looks.note_ranges(self.viewing, what, ranges, self.archive.clock())

    def note_sent(self, count: int) -> None:
        """Note bytes that are no part of a stored file."""
        self.looks.note_sent(self.viewing, count, self.archive.clock())

    def note_times(self, start: float, end: float) -> None:
        """Note a stretch of the recording that is sent, in seconds."""
        self.looks.note_times(self.viewing, [(start, end)], self.archive.clock())


def look(archive: Archive, who: Principal, recording_id: str, action: str, wish: Wish) -> Look:
    """
    Join the viewing that the wish names, or else an open one of this person, or open one: committed on return.

    Raises:
        NotFound, NotAllowed: as `fetch`; also a viewing of another person or recording.
        Gone: the viewing has ended, or the recording was disposed of.
        ReasonRequired: the recording's grade asks for a reason and none was given.
    """
    looks = looks_of(archive)
    looks.write_when_due(archive.engine, archive.clock())
    if wish.viewing is None:
        viewing, reason = begin_or_join(archive, who, recording_id, action, wish), wish.reason
    else:
        with archive.reading() as session:
            recording = fetch(session, who, action, recording_id)
            row, lasts = _joined(session, archive, who, recording, wish, looks)
            viewing, reason = row.id, row.reason or wish.reason
            require_present(recording)
            if recording.grade >= NAMED_ONLY_GRADE and reason is None:
                raise ReasonRequired(f"viewing {viewing} has no reason, and the recording's grade asks for one")
        if not lasts:
            wish = replace(wish, viewing=None, reason=reason, purpose=row.purpose)
            viewing = begin_or_join(archive, who, recording_id, action, wish)
    looks.touch(viewing, archive.clock())
    return Look(viewing, recording_id, reason, archive, looks)


def _joined(
    session: Session, archive: Archive, who: Principal, recording: Recording, wish: Wish, looks: Looks
) -> tuple[Viewing, bool]:
    """Give the viewing that the wish names, and whether it lasts still: if not, another may begin in its place."""
    name = wish.viewing or ""
    row = session.get(Viewing, name) if is_id(name) else None
    if row is None or row.account_id != who.id or row.recording_id != recording.id:
        raise NotFound(f"you have no viewing {name[:40]!r} of this recording")
    now = archive.clock()
    seen = max(row.last_seen, looks.last_seen(row.id) or row.last_seen)
    if not is_over(row, seen, now):
        return row, True
    if not wish.again or now - row.started_at >= LONGEST:
        raise Gone(f"viewing {row.id} has ended: open another")
    return row, False
