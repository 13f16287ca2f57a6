"""Give footage: original, playlist and media, pictures, sound peaks; the look is always entered first."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.api.actions.play import play, play_media, play_original
from services.api.actions.show_pictures import show, thumbnails
from services.api.actions.take_original import take_original
from services.api.admission import ArchiveDep, Who
from services.api.deps import Clock, ThingId
from services.api.registry import Routes
from services.api.sending import Origin, Sent, attachment, repr_digest, send, send_stored
from services.api.wishes import Wished
from services.media.samples import MOST_SAMPLES as MOST_ENTRIES
from services.media.virtual import VirtualFile

routes = Routes("media")

Audio = Annotated[int | None, Query(ge=0, le=63, description="number of the stream that is heard; absent: the first")]
Version = Annotated[str | None, Query(max_length=40, description="as the playlist names it")]


def _bytes(kind: str, meaning: str) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {kind: {}}, "description": meaning}}


@routes.declare(
    "GET HEAD", "/recordings/{id}/original", action="recording.original", about="recording", response_class=Response,
    responses=_bytes("application/octet-stream", "the original, or the ranges asked for (206)"),
)  # fmt: skip
def get_original(request: Request, recording: ThingId, wish: Wished, archive: ArchiveDep, who: Who) -> Response:
    """Give the original, whole or by ranges; needs its own right, and a reason."""
    taken = take_original(archive, who, recording, wish)
    headers = repr_digest(taken.stored.sha256) | attachment(taken.filename)
    return send_stored(request, taken.stored, taken.look, headers)


@routes.declare(
    "GET", "/recordings/{id}/hls/index.m3u8", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("application/vnd.apple.mpegurl", "the playlist; its addresses carry the viewing"),
)  # fmt: skip
def get_playlist(
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    rendition: Annotated[
        str | None, Query(max_length=40, description="original, proxy or recovered; absent: the best")
    ] = None,
    start: Annotated[Clock | None, Query(description="where the player begins: short segments there")] = None,
    audio: Audio = None,
) -> Response:
    """Give the playlist of the original's own bytes where browsers play them, else of its review copy."""
    text = play(archive, who, recording, wish, rendition=rendition, start=start, audio=audio).playlist()
    return Response(text, media_type="application/vnd.apple.mpegurl")


@routes.declare(
    "GET HEAD", "/recordings/{id}/hls/init.mp4", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("video/mp4", "the init segment that goes before every segment of the original"),
)  # fmt: skip
def get_init(
    request: Request,
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    v: Version = None,
    audio: Audio = None,
) -> Response:
    """Give the init segment of a playlist of the original."""
    original, look = play_original(archive, who, recording, v, wish, audio)
    file = VirtualFile.of(original.played.init())
    return send(request, Sent(file, [Origin(original.stored, look)], original.etag("init"), "video/mp4"))


@routes.declare(
    "GET HEAD", "/recordings/{id}/hls/{first}-{end}.m4s", action="recording.play", about="recording",
    response_class=Response, responses=_bytes("video/mp4", "a segment: a header, then the original's own bytes"),
)  # fmt: skip
def get_segment(
    request: Request,
    recording: ThingId,
    first: Annotated[int, Path(ge=0, le=MOST_ENTRIES)],
    end: Annotated[int, Path(ge=0, le=MOST_ENTRIES)],
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    v: Version = None,
    audio: Audio = None,
) -> Response:
    """Give one segment of a playlist of the original, as the playlist names it."""
    original, look = play_original(archive, who, recording, v, wish, audio)
    file = original.played.segment(first, end)
    return send(request, Sent(file, [Origin(original.stored, look)], original.etag(f"{first}-{end}"), "video/mp4"))


@routes.declare(
    "GET HEAD", "/recordings/{id}/hls/media.mp4", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("video/mp4", "the ranges that the playlist names (206)"),
)  # fmt: skip
def get_media(
    request: Request,
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    rendition: Annotated[str | None, Query(max_length=64, description="as the playlist names it")] = None,
) -> Response:
    """Give the segments of a playlist."""
    stored, look = play_media(archive, who, recording, rendition, wish)
    return send_stored(request, stored, look)


@routes.declare(
    "GET", "/recordings/{id}/thumbnails.vtt", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("text/vtt", "places each moment on the storyboard's sheet"),
)  # fmt: skip
def get_thumbnails(recording: ThingId, wish: Wished, archive: ArchiveDep, who: Who) -> Response:
    """Say which part of the storyboard shows which moment."""
    return Response(thumbnails(archive, who, recording, wish), media_type="text/vtt")


@routes.declare(
    "GET", "/recordings/{id}/storyboard.jpg", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("image/jpeg", "the sheet of small pictures"),
)  # fmt: skip
def get_storyboard(recording: ThingId, wish: Wished, archive: ArchiveDep, who: Who) -> Response:
    """Give the storyboard's sheet."""
    return Response(show(archive, who, recording, "storyboard", wish), media_type="image/jpeg")


@routes.declare(
    "GET", "/recordings/{id}/poster", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("image/jpeg", "a picture from the recording's first tenth"),
)  # fmt: skip
def get_poster(recording: ThingId, wish: Wished, archive: ArchiveDep, who: Who) -> Response:
    """Give the picture that lists show."""
    return Response(show(archive, who, recording, "poster", wish), media_type="image/jpeg")


@routes.declare(
    "GET", "/recordings/{id}/peaks", action="recording.play", about="recording", response_class=Response,
    responses=_bytes("application/json", "minimum and maximum of each 20 ms, as audiowaveform's version 2"),
)  # fmt: skip
def get_peaks(recording: ThingId, wish: Wished, archive: ArchiveDep, who: Who) -> Response:
    """Give the outline of the sound."""
    return Response(show(archive, who, recording, "peaks", wish), media_type="application/json")
