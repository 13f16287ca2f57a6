"""Give sessions: the recordings of one device or room as one timeline, one playlist, and clips across their joints."""

from typing import Annotated

from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator

from services.accounts.names import check_number
from services.api import session_schemas as shapes
from services.api.actions.clip_session import InOne, JoinedClip, clip_session
from services.api.actions.play_session import play_session
from services.api.actions.play_silent import Part, play_silent
from services.api.actions.see_session import see_session
from services.api.admission import ArchiveDep, Who
from services.api.deps import ThingId
from services.api.registry import Routes
from services.api.routes.clips import headers_of, send_clip
from services.api.sending import Origin, Sent, Stream, attachment, send
from services.api.wishes import Wished
from services.index.session_view import SessionFacts
from services.media.joinverbatim import Taken
from services.media.timecode import TimeRange
from services.media.virtual import VirtualFile

routes = Routes("sessions")

SessionName = Annotated[
    str,
    Path(alias="id", description="the session's id, or its number, percent-encoded"),
    AfterValidator(lambda text: check_number(text, "session's", 128)),
]


@routes.declare(
    "GET", "/sessions/{id}", action="recording.see", about="session", response_model=shapes.Session
)  # fmt: skip
def get_session(name: SessionName, archive: ArchiveDep, who: Who) -> SessionFacts:
    """Show the recordings of a session that one may see: their places, gaps, overlaps, and how sure each place is."""
    return see_session(archive, who, name)


Channel = Annotated[
    str | None, Query(max_length=64, description="absent: the leading one; empty: the one without name")
]


@routes.declare(
    "GET", "/sessions/{id}/hls/index.m3u8", action="recording.play", about="session", response_class=Response,
    responses={200: {"content": {"application/vnd.apple.mpegurl": {}}, "description": "a chapter for each recording"}},
)  # fmt: skip
def get_session_playlist(
    name: SessionName,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    channel: Channel = None,
    rendition: Annotated[str | None, Query(max_length=40, description="original or proxy; absent: the best")] = None,
    audio: Annotated[int | None, Query(ge=0, le=63, description="number of the stream that is heard")] = None,
) -> Response:
    """Give one playlist over the recordings of a channel; what was not recorded is a gap of its true length."""
    text = play_session(archive, who, name, channel, wish, rendition, audio)
    return Response(text, media_type="application/vnd.apple.mpegurl")


@routes.declare(
    "GET HEAD", "/recordings/{id}/hls/silent.mp4", action="recording.play", about="recording", response_class=Response,
    responses={200: {"content": {"video/mp4": {}}, "description": "a part of a session's playlist, with silence"}},
)  # fmt: skip
def get_silent(
    request: Request,
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    v: Annotated[str | None, Query(max_length=40, description="as the playlist names it")] = None,
    rendition: Annotated[str | None, Query(max_length=64, description="as the playlist names it")] = None,
    first: Annotated[int | None, Query(ge=0, lt=2**62, description="absent: the init segment")] = None,
    second: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    from_: Annotated[int, Query(alias="from", ge=0, lt=2**40, description="frames of silence")] = 0,
    to: Annotated[int, Query(ge=0, lt=2**40)] = 0,
) -> Response:
    """Give a part of a session's playlist of a recording without sound, with silence so that players go on."""
    part = Part(rendition, v, None if first is None else (first, second), (from_, to))
    file, stored, look, etag = play_silent(archive, who, recording, part, wish)
    return send(request, Sent(file, [Origin(stored, look)], etag, "video/mp4"))


Place = Annotated[str, Query(max_length=64, description="seconds, HH:MM:SS[.nnn], or a moment (RFC 3339)")]


@routes.declare(
    "GET", "/sessions/{id}/clip", action="recording.clip", about="session", response_class=StreamingResponse,
    responses={200: {"content": {"video/mp4": {}}, "description": "the clip; its headers say what it holds"}},
)  # fmt: skip
def get_session_clip(
    request: Request,
    name: SessionName,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    start: Place = "0",
    end: Annotated[str | None, Query(max_length=64, description="not included; absent: the channel's end")] = None,
    mode: Annotated[str, Query(max_length=40, description="exact or verbatim")] = "exact",
    channel: Channel = None,
) -> Response:
    """Give [start, end) of a channel as one MP4, across joints; what was not recorded is a gap of its true length."""
    goes_on = "range" in request.headers
    made = clip_session(archive, who, name, channel, start, end, mode, wish, goes_on=goes_on)
    if isinstance(made, InOne):
        return send_clip(request, made.clip, _headers_in_one(made))
    if isinstance(made.body, VirtualFile):
        origins = [Origin(stored, look) for stored, look in zip(made.stored, made.looks, strict=True)]
        return send(request, Sent(made.body, origins, made.etag, "video/mp4"), _headers(made))
    length = {"Content-Length": str(made.body.size_bytes), "Accept-Ranges": "none"}
    return Stream(made.body, 200, _headers(made) | length, "video/mp4")


def _headers_in_one(made: InOne) -> dict[str, str]:
    """Give the recording's own headers, with the range in seconds of the session."""
    one = made.clip
    told = {
        "Huisu-Clip-Range": str(TimeRange(made.at + one.start, made.at + one.end)),
        "Huisu-Clip-Members": _member(made.recording, Taken(one.start, one.end, one.frames)),
        "Huisu-Clip-Gaps": "none",
    }
    return headers_of(one) | told


def _headers(made: JoinedClip) -> dict[str, str]:
    """Say what a clip holds of each recording, in order; range and gaps in seconds of the session."""
    frames = ",".join("none" if one.frames is None else f"{one.frames[0]}-{one.frames[1]}" for _, one in made.members)
    return {
        "Huisu-Clip-Range": str(TimeRange(made.start, made.end)),
        "Huisu-Clip-Kind": made.kind,
        "Huisu-Clip-Members": ",".join(_member(recording, one) for recording, one in made.members),
        "Huisu-Clip-Frames": frames,
        "Huisu-Clip-Copied": frames if made.kind == "verbatim" else "none",
        "Huisu-Clip-Gaps": ",".join(str(TimeRange(*gap)) for gap in made.gaps) or "none",
        **attachment(made.filename),
    }


def _member(recording: str, taken: Taken) -> str:
    return f"{recording}={TimeRange(taken.start, taken.end)}"
