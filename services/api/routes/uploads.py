"""List uploads; one of them is shown by the dock's door where this process has one, else from the database."""

from services.api import schemas
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit
from services.api.registry import Routes
from services.index import uploads
from services.index.keyset import Page
from services.index.uploads import UploadFacts

routes = Routes("uploads")
elsewhere = Routes("uploads")
"""For processes without a gate."""


@routes.declare("GET", "/uploads", action="upload.see", response_model=schemas.PageOf[schemas.Upload])
def list_uploads(
    archive: ArchiveDep, who: Who, state: str | None = None, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[UploadFacts]:
    """List uploads, the newest first: one's own, or all of one's units."""
    with archive.reading() as session:
        return uploads.list_uploads(session, who, state=state, limit=limit, cursor=cursor)


@elsewhere.declare("GET", "/uploads/{name}", action="upload.see", about="upload", response_model=schemas.Upload)
def see_upload(name: str, archive: ArchiveDep, who: Who) -> UploadFacts:
    """Show an upload by its id, with or without its gate's name before it."""
    with archive.reading() as session:
        return uploads.find_upload(session, who, name.rpartition(".")[2])
