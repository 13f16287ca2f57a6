"""Show what machines found about a recording; dismiss a finding, or take that back."""

from typing import Annotated

from fastapi import Path, Response

from services.api import footage_schemas as shapes
from services.api import schemas
from services.api.actions.dismiss_flag import dismiss_flag
from services.api.actions.read_flags import read_flags
from services.api.admission import ArchiveDep, Who
from services.api.deps import IfMatch, ThingId, etag
from services.api.registry import Routes
from services.index.keyset import Page
from services.media.facts import Flag

routes = Routes("flags")


@routes.declare(
    "GET", "/recordings/{id}/flags", action="recording.see", about="recording",
    response_model=schemas.PageOf[shapes.Flag],
)  # fmt: skip
def see_flags(recording: ThingId, archive: ArchiveDep, who: Who, response: Response) -> Page[Flag]:
    """List what machines found about a recording; the ETag is the recording's, for PATCH."""
    flags, version = read_flags(archive, who, recording)
    response.headers.update(etag(version))
    return Page(tuple(flags), None)


@routes.declare(
    "PATCH", "/recordings/{id}/flags/{flag}", action="flag.dismiss", about="flag",
    response_model=shapes.Flag, example={"dismissed": True, "reason": "镜头朝向夜空"},
)  # fmt: skip
def answer_flag(
    recording: ThingId,
    flag: Annotated[str, Path(max_length=64)],
    body: shapes.FlagAnswer,
    version: IfMatch,
    archive: ArchiveDep,
    who: Who,
    response: Response,
) -> Flag:
    """Dismiss a finding with a reason, or restore it; either is recorded, and the flag stays visible."""
    answered, now = dismiss_flag(
        archive, who, recording, flag, dismissed=body.dismissed, reason=body.reason, version=version
    )
    response.headers.update(etag(now))
    return answered
