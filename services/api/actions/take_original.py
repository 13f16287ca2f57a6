"""Take the original: right, reason and two entries before its first byte."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.accounts.rights import Principal
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import REASON_CHARACTERS, Wish, checked_text
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import NotFound, ReasonRequired
from services.index.models import Object, Recording, Viewing
from services.index.visible import fetch, is_id


@dataclass(frozen=True, slots=True)
class Original:
    """An original that may leave now: its bytes, its name, and the look under which it leaves."""

    stored: Stored
    filename: str
    look: Look


def take_original(archive: Archive, who: Principal, recording_id: str, wish: Wish) -> Original:
    """
    Enter that `who` takes the original; gives where its bytes are.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        ReasonRequired: neither the wish nor its viewing has a reason.
        Gone: the viewing has ended, or the recording was disposed of.
    """
    reason = checked_text(wish.reason, "reason", REASON_CHARACTERS)
    with archive.reading() as session:
        recording = fetch(session, who, "recording.original", recording_id)
        stored, filename = Stored.original(session.get_one(Object, recording.object_id)), recording.filename
        if reason is None and not _has_reason(session.get, who, recording, wish.viewing):
            raise ReasonRequired("an original is taken with a reason: X-Access-Reason, or a viewing opened with one")
    seen = look(archive, who, recording_id, "recording.original", wish)
    _enter(archive, who, seen, reason or seen.reason)
    return Original(stored, filename, seen)


def _has_reason(get: Callable[..., Any], who: Principal, recording: Recording, viewing: str | None) -> bool:
    if viewing is None:
        return False
    row: Viewing | None = get(Viewing, viewing) if is_id(viewing) else None
    if row is None or row.account_id != who.id or row.recording_id != recording.id:
        raise NotFound(f"you have no viewing {viewing[:40]!r} of this recording")
    return row.reason is not None


def _enter(archive: Archive, who: Principal, seen: Look, reason: str | None) -> None:
    """Enter `rec.original` once for a viewing, however many ranges; a reason of its own each time."""
    with archive.reading() as session:
        row = session.get_one(Viewing, seen.viewing)
        if reason == row.reason and _is_entered(row):
            return
    with archive.work() as work:
        row = work.session.get_one(Viewing, seen.viewing, with_for_update=True)
        if reason == row.reason and _is_entered(row):
            return
        if not _is_entered(row):
            row.byte_ranges = [*row.byte_ranges, ["original"]]
        work.append("rec.original", seen.recording, actor=who.name, viewing=seen.viewing, reason=reason)


def _is_entered(row: Viewing) -> bool:
    """The row names the original, with or without ranges, once its entry is there."""
    return any(what == "original" for what, *_ in row.byte_ranges)
