"""Ask for exports, approve what takes two persons, see how far they are, take their packages."""

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from services.accounts.denials import Denial, Denials
from services.api import export_schemas as shapes
from services.api import schemas
from services.api.actions.answer_export import answer_export
from services.api.actions.make_export import MOST_COPIES, Asked, make_export
from services.api.actions.see_export import ExportFacts, see_export, see_exports
from services.api.actions.take_package import take_package
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Address, Cursor, Limit, ThingId
from services.api.registry import Routes
from services.api.sending import Origin, Sent, attachment, repr_digest, send
from services.index.keyset import Page
from services.media.virtual import Extent, VirtualFile

routes = Routes("exports")

EXAMPLE = {
    "recipient": "某区人民检察院",
    "purpose": "移送审查起诉",
    "copies": 1,
    "items": [{"recording": "019387f0-0000-7000-8000-000000000000", "kind": "verbatim", "start": "12.5", "end": "40"}],
}


@routes.declare(
    "POST", "/exports", action="recording.export", status_code=202, response_model=shapes.Asked, example=EXAMPLE
)
def ask_for_export(request: Request, body: shapes.NewExport, archive: ArchiveDep, who: Who, address: Address) -> Asked:
    """Ask for an export package; what holds anything of grade 3 or 4 is proposed to a second person first."""
    denials: Denials = request.app.state.denials

    def note_unknown(recording: str) -> None:
        denial = Denial("not-found", "recording.export", f"/api/v1/recordings/{recording}", request.method, address)
        denials.note(who, denial, archive.clock())

    return make_export(archive, who, body.told(), note_unknown)


@routes.declare("GET", "/exports", action="export.see", response_model=schemas.PageOf[shapes.Export])
def list_exports(
    archive: ArchiveDep,
    who: Who,
    state: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[ExportFacts]:
    """List the exports of whose recordings one may know all, the newest first; without their items."""
    return see_exports(archive, who, state=state, limit=limit, cursor=cursor)


@routes.declare("GET", "/exports/{id}", action="export.see", about="export", response_model=shapes.Export)
def get_export(export: ThingId, archive: ArchiveDep, who: Who) -> ExportFacts:
    """Show an export: its state, what it holds, its packages, and what went wrong."""
    return see_export(archive, who, export)


@routes.declare(
    "POST", "/exports/{id}/approve", action="export.approve", about="export", status_code=202,
    response_model=shapes.Asked, example={"reason": "同意移送"},
)  # fmt: skip
def approve_export(export: ThingId, archive: ArchiveDep, who: Who, body: shapes.Answer | None = None) -> Asked:
    """Let a proposed export be made, as a second person."""
    return answer_export(archive, who, export, approve=True, reason=body.reason if body else None)


@routes.declare(
    "POST", "/exports/{id}/refuse", action="export.approve", about="export", response_model=shapes.Asked,
    example={"reason": "与案件无关"},
)  # fmt: skip
def refuse_export(export: ThingId, archive: ArchiveDep, who: Who, body: shapes.Answer | None = None) -> Asked:
    """Refuse a proposed export, as a second person."""
    return answer_export(archive, who, export, approve=False, reason=body.reason if body else None)


@routes.declare(
    "GET HEAD", "/exports/{id}/package", action="recording.export", about="export", response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "one copy of the package"}},
)  # fmt: skip
def get_package(
    request: Request,
    export: ThingId,
    archive: ArchiveDep,
    who: Who,
    address: Address,
    copy: Annotated[int, Query(ge=1, le=MOST_COPIES)] = 1,
) -> Response:
    """Give one copy of the package as a zip file; byte ranges, `Repr-Digest`."""
    goes_on = "range" in request.headers
    made = take_package(archive, who, export, copy, address=address, method=request.method, goes_on=goes_on)
    sent = Sent(
        VirtualFile.of(Extent(0, made.stored.size_bytes)), [Origin(made.stored, made)], made.stored.etag,
        made.stored.media_type,
    )  # fmt: skip
    return send(request, sent, {**repr_digest(made.stored.sha256), **attachment(made.filename)})
