"""Link a recording to an incident or a case by hand, end a link, answer a proposed one."""

from services.accounts.rights import Principal
from services.api.actions.open_viewing import REASON_CHARACTERS, checked_text
from services.bootstrap import Archive
from services.custody.work import Work
from services.errors import NotFound, ReasonRequired
from services.index import cases, linking_by_hand
from services.index.models import Proposal, Recording
from services.index.recording_facts import LinkFacts, facts
from services.index.visible import fetch, fetch_case, fetch_incident, is_id


def link_recording(
    archive: Archive, who: Principal, recording_id: str, target: str, number: str, reason: str
) -> LinkFacts:
    """
    Link a recording because `who` says so; a number that nobody told of yet is taken in as unknown.

    Raises:
        NotFound, NotAllowed: as `fetch`; also an incident or case that `who` may not know of.
        Invalid: another kind of target, a case number of the wrong form, a reason of the wrong form.
    """
    why = _required(reason)
    with archive.work() as work:
        recording = _locked(work, who, "recording.link", recording_id)
        unit = recording.unit_id
        if target == "case" and (case := cases.find_case(work.session, number)) is not None:
            fetch_case(work.session, who, "case.see", number)
            unit = case.unit_id or unit
        elif target == "incident" and cases.find_incident(work.session, number) is not None:
            fetch_incident(work.session, who, "incident.see", number)
        rules = archive.link_rules(work.session, unit)
        link = linking_by_hand.link_by_hand(work, recording, target, number, why, who.name, rules)
        work.session.flush()
        return next(one for one in facts(work.session, recording).links if one.id == link.id)


def unlink_recording(archive: Archive, who: Principal, recording_id: str, link_id: str, reason: str | None) -> None:
    """
    End a link and what only it brought; the reason is required (rule 16).

    Raises:
        NotFound, NotAllowed: as `fetch`; also a link that the recording has not (any more).
        ReasonRequired, Invalid: no reason, or one of the wrong form.
    """
    with archive.work() as work:
        recording = _locked(work, who, "recording.link", recording_id)
        why = _required(reason)
        if not is_id(link_id):
            raise NotFound(f"recording {recording.id} has no link {link_id[:40]!r}")
        rules = archive.link_rules(work.session, recording.unit_id)
        linking_by_hand.unlink(work, recording, link_id, why, who.name, rules)


def answer_proposal(
    archive: Archive, who: Principal, proposal_id: str, *, confirm: bool, reason: str | None
) -> Proposal:
    """
    Confirm or reject a proposed link; gives the proposal as it is then.

    Raises:
        NotFound: there is none, or its recording is one that `who` may not know of.
        NotAllowed: `who` may know of it, but not answer.
        Conflict: it was answered already.
    """
    why = checked_text(reason or None, "reason", REASON_CHARACTERS)
    with archive.work() as work:
        proposal = work.session.get(Proposal, proposal_id, with_for_update=True) if is_id(proposal_id) else None
        if proposal is None:
            raise NotFound("there is no such proposal")
        recording = _locked(work, who, "proposal.answer", proposal.recording_id)
        rules = archive.link_rules(work.session, recording.unit_id)
        linking_by_hand.answer_proposal(
            work, recording, proposal, confirm=confirm, reason=why, actor=who.name, rules=rules
        )
        return proposal


def _required(reason: str | None) -> str:
    why = checked_text(reason, "reason", REASON_CHARACTERS)
    if why is None:
        raise ReasonRequired("a link is made and ended with a reason only")
    return why


def _locked(work: Work, who: Principal, action: str, recording_id: str) -> Recording:
    fetch(work.session, who, action, recording_id)
    return work.session.get_one(Recording, recording_id, with_for_update=True, populate_existing=True)
