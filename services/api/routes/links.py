"""Show and change what recordings are linked to; answer doubtful links."""

from typing import Annotated, Any

from fastapi import Path, Query

from services.api import footage_schemas as shapes
from services.api import schemas
from services.api.actions.link_recording import answer_proposal, link_recording, unlink_recording
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, AccessReason, Cursor, Limit, ThingId
from services.api.registry import Routes
from services.index import lists
from services.index.keyset import Page
from services.index.lists import ProposalItem
from services.index.models import Proposal
from services.index.recording_facts import LinkFacts, facts
from services.index.visible import fetch

routes = Routes("links")


@routes.declare(
    "GET", "/recordings/{id}/links", action="recording.see", about="recording",
    response_model=schemas.PageOf[shapes.Link],
)  # fmt: skip
def list_links(recording: ThingId, archive: ArchiveDep, who: Who) -> Page[LinkFacts]:
    """List the incidents and cases that a recording belongs to, and why."""
    with archive.reading() as session:
        return Page(facts(session, fetch(session, who, "recording.see", recording)).links, None)


@routes.declare(
    "POST", "/recordings/{id}/links", action="recording.link", about="recording", status_code=201,
    response_model=shapes.Link, example={"target": "case", "number": "A-2026-1", "reason": "同一现场"},
)  # fmt: skip
def add_link(recording: ThingId, body: shapes.NewLink, archive: ArchiveDep, who: Who) -> LinkFacts:
    """Link a recording to an incident or a case by hand."""
    return link_recording(archive, who, recording, body.target, body.number, body.reason)


@routes.declare("DELETE", "/recordings/{id}/links/{link}", action="recording.link", about="link", status_code=204)
def remove_link(
    recording: ThingId,
    link: Annotated[str, Path()],
    archive: ArchiveDep,
    who: Who,
    said: AccessReason,
    reason: Annotated[str | None, Query(max_length=500, description="why it was wrong")] = None,
) -> None:
    """End a link, and the case links that only it brought, with a reason (`?reason=` or `X-Access-Reason`)."""
    unlink_recording(archive, who, recording, link, reason or said)


@routes.declare("GET", "/link-proposals", action="recording.see", response_model=schemas.PageOf[shapes.Proposal])
def list_proposals(
    archive: ArchiveDep,
    who: Who,
    state: Annotated[str | None, Query(max_length=20)] = "open",
    recording: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[dict[str, Any]]:
    """List doubtful links of the recordings that one may see, the newest first."""
    with archive.reading() as session:
        found = lists.list_proposals(session, who, state=state, recording=recording, limit=limit, cursor=cursor)
    return found.map(lambda items: [shape(item) for item in items])


def shape(item: ProposalItem) -> dict[str, Any]:
    """Show a proposal; when it was made stands as `created_at`."""
    names = [name for name in shapes.Proposal.model_fields if name != "created_at"]
    return {name: getattr(item, name) for name in names} | {"created_at": item.made_at}


@routes.declare(
    "POST", "/link-proposals/{id}/confirm", action="proposal.answer", about="proposal",
    response_model=shapes.Answered, example={"reason": "本人处警"},
)  # fmt: skip
def confirm_proposal(
    proposal: ThingId, archive: ArchiveDep, who: Who, body: shapes.ProposalAnswer | None = None
) -> Proposal:
    """Say that a proposed link is right: it becomes a link."""
    return answer_proposal(archive, who, proposal, confirm=True, reason=body.reason if body else None)


@routes.declare(
    "POST", "/link-proposals/{id}/reject", action="proposal.answer", about="proposal",
    response_model=shapes.Answered, example={"reason": "不是这起警情"},
)  # fmt: skip
def reject_proposal(
    proposal: ThingId, archive: ArchiveDep, who: Who, body: shapes.ProposalAnswer | None = None
) -> Proposal:
    """Say that a proposed link is wrong: it does not come back."""
    return answer_proposal(archive, who, proposal, confirm=False, reason=body.reason if body else None)
