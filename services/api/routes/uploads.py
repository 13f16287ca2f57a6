"""List uploads and show one: from the database, and while its bytes come, as its gate sees it."""

import json
from dataclasses import replace

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from services.accounts.rights import Principal
from services.api import schemas
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit
from services.api.registry import Routes
from services.bootstrap import Archive
from services.custody.signer_client import Signer
from services.errors import SignerUnavailable
from services.index import uploads
from services.index.keyset import Page
from services.index.receipts import accepted
from services.index.uploads import UploadFacts

routes = Routes("uploads")


@routes.declare("GET", "/uploads", action="upload.see", response_model=schemas.PageOf[schemas.Upload])
def list_uploads(
    archive: ArchiveDep, who: Who, state: str | None = None, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[UploadFacts]:
    """List uploads, the newest first: one's own, or all of one's units."""
    with archive.reading() as session:
        return uploads.list_uploads(session, who, state=state, limit=limit, cursor=cursor)


@routes.declare("GET", "/uploads/{name}", action="upload.see", about="upload", response_model=schemas.Upload)
async def see_upload(name: str, request: Request, archive: ArchiveDep, who: Who) -> UploadFacts:
    """Show an upload by its id, with or without its gate's name before it."""
    found = await run_in_threadpool(_find, archive, who, name.rpartition(".")[2])
    if found.recording is not None:
        found = replace(found, receipt=await run_in_threadpool(_receipt, archive, found.recording))
    return replace(found, offset=await _offset_at_gate(request)) if found.state == "receiving" else found


def _find(archive: Archive, who: Principal, upload: str) -> UploadFacts:
    with archive.reading() as session:
        return uploads.find_upload(session, who, upload)


def _receipt(archive: Archive, recording: str) -> str | None:
    """Ask the signer for the log's word on the recording's entry; None: it has none yet, or the signer is away."""
    with archive.reading() as session:
        found = accepted(session, recording)
    if found is None:
        return None
    try:
        return Signer(archive.settings.paths.signer_socket).receipt(found.leaf_hash, found.at_ms)
    except SignerUnavailable:
        return None


async def _offset_at_gate(request: Request) -> int | None:
    """Ask this process's door, which knows how many bytes it has; None: it has no door, or the upload is elsewhere."""
    if request.app.state.ask_gate is None:
        return None
    answer = await request.app.state.ask_gate(request)
    return json.loads(answer.body).get("offset") if answer.status_code == 200 else None
