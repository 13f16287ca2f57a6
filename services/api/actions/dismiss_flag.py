"""Say that there is nothing in a machine's finding, or take that back. The flag stays and stays found."""

from services.accounts.rights import Principal
from services.api.actions.open_viewing import REASON_CHARACTERS, checked_text, require_present
from services.bootstrap import Archive
from services.custody.work import Work
from services.errors import NotFound, PreconditionFailed, ReasonRequired
from services.index.flags import answer_flag, flags_of
from services.index.models import Recording
from services.index.visible import fetch
from services.media.facts import Dismissal, Flag


def dismiss_flag(
    archive: Archive,
    who: Principal,
    recording_id: str,
    flag_id: str,
    *,
    dismissed: bool,
    reason: str | None,
    version: int | None,
) -> tuple[Flag, int]:
    """
    Dismiss a flag with a reason, or restore it; gives it as it is then, and the recording's version.

    Asking for what is so already changes nothing; dismissing again with another reason does.

    Raises:
        NotFound, NotAllowed: as `fetch`; also a flag that the recording has not.
        ReasonRequired: a dismissal without a reason.
        PreconditionFailed: the recording has another version than `version`.
        Gone: the recording was disposed of.
    """
    why = checked_text(reason, "reason", REASON_CHARACTERS)
    if dismissed and why is None:
        raise ReasonRequired("a flag is dismissed with a reason only")
    with archive.work() as work:
        fetch(work.session, who, "flag.dismiss", recording_id)
        row = work.session.get_one(Recording, recording_id, with_for_update=True, populate_existing=True)
        require_present(row)
        if version is not None and version != row.version:
            raise PreconditionFailed(f"recording {row.id} has version {row.version}, the answer is for {version}")
        flag = next((one for one in flags_of(row) if one.id == flag_id), None)
        if flag is None:
            raise NotFound(f"recording {row.id} has no flag {flag_id[:40]!r}")
        if _is_so(flag, why if dismissed else None):
            return flag, row.version
        at = archive.clock()
        answered = answer_flag(row, flag_id, Dismissal(who.name, at, why or "") if dismissed else None)
        assert answered is not None  # noqa: S101  (it was there a line ago)
        row.version += 1
        _enter(work, row.id, answered, who.name, why, dismissed=dismissed)
        return answered, row.version


def _is_so(flag: Flag, reason: str | None) -> bool:
    return reason == (flag.dismissed.reason if flag.dismissed else None)


def _enter(work: Work, recording_id: str, flag: Flag, actor: str, reason: str | None, *, dismissed: bool) -> None:
    told = flag.to_json()
    work.append(
        "rec.flag.dismiss" if dismissed else "rec.flag.restore",
        recording_id,
        actor=actor,
        reason=reason,
        flag=flag.id,
        **{name: told.get(name) for name in ("kind", "start", "end", "detector", "version", "score", "channel")},
    )
