"""Answer a proposed export as the second person: let it be made, or refuse it."""

from services.accounts.rights import Principal
from services.api.actions.make_export import Asked, queue
from services.api.actions.open_viewing import REASON_CHARACTERS, checked_text
from services.bootstrap import Archive
from services.errors import Conflict, NotAllowed
from services.index.exporting import fetch_export, items_of, require_on_all
from services.index.exports import PROPOSED, QUEUED, REFUSED, Export


def answer_export(archive: Archive, who: Principal, export_id: str, *, approve: bool, reason: str | None) -> Asked:
    """
    Approve or refuse a proposed export.

    Raises:
        NotFound: there is none that `who` may know of.
        NotAllowed: `who` asked for it, is a token, or may not approve exports of one of its recordings.
        Conflict: it was answered already, or needs no answer.
    """
    why = checked_text(reason, "reason", REASON_CHARACTERS)
    with archive.work() as work:
        fetch_export(work.session, who, export_id)
        row = work.session.get_one(Export, export_id, with_for_update=True, populate_existing=True)
        if who.kind != "user":
            raise NotAllowed("an export is approved by a person: whoever asked for it may hold this token")
        if row.requester_id == who.id:
            raise NotAllowed("an export is approved by another person than the one who asked for it")
        recordings = [item.recording_id for item in items_of(work.session, export_id)]
        require_on_all(work.session, who, "export.approve", recordings)
        if row.state != PROPOSED:
            raise Conflict(f"export {row.id} is {row.state}: it waits for no answer")
        row.state, row.answered_by, row.answer_reason = QUEUED if approve else REFUSED, who.name, why
        row.version += 1
        if not approve:
            row.ended_at = work.at
        work.append("export.answer", row.id, actor=who.name, answer="approved" if approve else "refused", reason=why)
        return Asked(row.id, row.state, queue(archive, work, row.id) if approve else None)
