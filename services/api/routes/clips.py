"""Give clips of recordings."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from services.api.actions.clip import Clip, clip
from services.api.admission import ArchiveDep, Who
from services.api.deps import Clock, ThingId
from services.api.registry import Routes
from services.api.sending import Origin, Sent, Stream, attachment, send
from services.api.wishes import Wished
from services.media.timecode import TimeRange
from services.media.virtual import VirtualFile

routes = Routes("clips")


@routes.declare(
    "GET HEAD", "/recordings/{id}/clip", action="recording.clip", about="recording", response_class=StreamingResponse,
    responses={200: {"content": {"video/mp4": {}}, "description": "the clip; its headers say what it holds"}},
)  # fmt: skip
def get_clip(
    request: Request,
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    start: Annotated[Clock, Query(description="seconds or HH:MM:SS[.nnn]")] = Fraction(0),
    end: Annotated[Clock | None, Query(description="not included; absent: the recording's end")] = None,
    mode: Annotated[str, Query(max_length=40, description="exact or verbatim")] = "exact",
) -> Response:
    """Give the stretch from `start` up to but not including `end` as MP4: exactly its frames, or verbatim."""
    goes_on = "range" in request.headers
    made = clip(archive, who, recording, start, end, mode, wish, goes_on=goes_on)
    return send_clip(request, made)


def send_clip(request: Request, made: Clip, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a clip: by ranges where its length is known, else as it is encoded; `headers` in place of its own."""
    told = headers_of(made) if headers is None else headers
    if isinstance(made.body, VirtualFile):
        sent = Sent(made.body, [Origin(made.stored, made.look)], made.etag or "", "video/mp4")
        return send(request, sent, told)
    if request.method == "HEAD":
        made.body.close()
        return Response(headers=told, media_type="video/mp4")
    return Stream(made.body, 200, {**told, "Accept-Ranges": "none"}, "video/mp4")


def headers_of(made: Clip) -> dict[str, str]:
    """Say what a clip holds and how it was made; ranges are half-open, times rounded down to the microsecond."""
    return {
        "Huisu-Clip-Range": str(TimeRange(made.start, made.end)),
        "Huisu-Clip-Kind": made.kind,
        "Huisu-Clip-Frames": _numbers(made.frames),
        "Huisu-Clip-Copied": _numbers(made.copied),
        **({"Huisu-Clip-Reason": made.reason} if made.reason else {}),
        **attachment(made.filename),
    }


def _numbers(frames: tuple[int, int] | None) -> str:
    return "none" if frames is None else f"{frames[0]}-{frames[1]}"
