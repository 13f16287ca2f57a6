"""Give single frames of a recording, and when each is shown; the look is always entered first."""

from fractions import Fraction
from typing import Annotated, Literal

from fastapi import Query, Request, Response

from services.api.actions.list_frames import list_frames
from services.api.actions.take_still import take_still
from services.api.admission import ArchiveDep, Who
from services.api.deps import Clock, ThingId
from services.api.frame_schemas import FrameTile
from services.api.ranges import names_tag
from services.api.registry import Routes
from services.api.wishes import Wished
from services.errors import Invalid
from services.media.picturefile import MEDIA_TYPES

routes = Routes("frames")

CITED = "the frame; headers (and the texts of a PNG) name it: number, time, the file's own tick, digests"


@routes.declare(
    "GET", "/recordings/{id}/frame", action="recording.play", about="recording", response_class=Response,
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}, "description": CITED}},
)  # fmt: skip
def get_frame(
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    t: Annotated[Clock | None, Query(description="seconds or HH:MM:SS[.nnn]: the frame shown then")] = None,
    n: Annotated[int | None, Query(ge=0, le=2**31, description="the frame's number, counted from 0")] = None,
    width: Annotated[int | None, Query(ge=1, le=8192)] = None,
    form: Annotated[Literal["jpeg", "png"], Query(alias="format")] = "jpeg",
) -> Response:
    """Give the very frame that a viewer sees at `t`, or frame `n`, decoded from the original, with its citation."""
    if t is not None and n is not None:
        raise Invalid("a frame is asked for by its time or by its number, not by both")
    made = take_still(archive, who, recording, t or Fraction(0) if n is None else n, wish, form=form, width=width)
    return Response(made.picture, media_type=MEDIA_TYPES[form], headers=made.citation)


@routes.declare(
    "GET", "/recordings/{id}/frames", action="recording.play", about="recording", response_model=FrameTile,
    responses={304: {"description": "the tile is the one that you have"}},
)  # fmt: skip
def get_frames(
    request: Request,
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    tile: Annotated[int | None, Query(ge=0, le=2**31, description="number of the tile, from 0")] = None,
    at: Annotated[Clock | None, Query(description="seconds: the tile that holds the frame shown then")] = None,
) -> Response:
    """Say exactly when each frame is shown, 4,096 of them at a time, so that a page can step frame by frame."""
    if tile is not None and at is not None:
        raise Invalid("a tile is asked for by its number or by a time in it, not by both")
    found = list_frames(archive, who, recording, wish, tile=tile, at=at)
    known = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if names_tag(request.headers.get("if-none-match"), found.etag):
        return Response(status_code=304, headers=known)
    return Response(FrameTile.of(found).model_dump_json(), media_type="application/json", headers=known)
