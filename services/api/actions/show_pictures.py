"""Show what lists and players draw beside a recording: poster, storyboard, sound peaks."""

from services.accounts.rights import Principal
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish
from services.api.actions.play import unmade
from services.api.actions.preview import preview
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import NotPlayable
from services.index.models import Recording
from services.index.recordings import rendition
from services.index.visible import fetch
from services.media.storyboard import Storyboard, thumbnails_vtt


def show(archive: Archive, who: Principal, recording_id: str, kind: str, wish: Wish) -> bytes:
    """
    Give the poster, storyboard sheet or peaks of a recording; the look is entered first.

    Under a viewing it belongs to that; without one it is the day's preview of this person.

    Raises:
        NotPlayable: it has no pictures (no sound) at all. Not a 404: lists ask for every poster, and a 404 about
            a recording is recorded as a refusal.
        NotReady: it is still being made.
        And as `look` and `preview`.
    """
    stored = _find(archive, who, recording_id, kind)[0]
    _enter(archive, who, recording_id, wish)
    return stored.whole(archive.store)


def thumbnails(archive: Archive, who: Principal, recording_id: str, wish: Wish) -> str:
    """Give the WebVTT that places each moment on the storyboard's sheet; raises as `show`."""
    _, told = _find(archive, who, recording_id, "storyboard")
    _enter(archive, who, recording_id, wish)
    query = f"?viewing={wish.viewing}" if wish.viewing else ""
    return thumbnails_vtt(Storyboard.from_json(told), f"storyboard.jpg{query}")


def _enter(archive: Archive, who: Principal, recording_id: str, wish: Wish) -> None:
    if wish.viewing is None:
        preview(archive, who, recording_id)
    else:
        look(archive, who, recording_id, "recording.play", wish)


def _find(archive: Archive, who: Principal, recording_id: str, kind: str) -> tuple[Stored, dict[str, object]]:
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        row = rendition(session, recording.id, kind)
        if row is not None:
            return Stored.rendition(row), row.facts
        if _lacks_stream(recording, kind) or rendition(session, recording.id, "proxy") is not None:
            raise NotPlayable(f"this recording has no {kind}")
        raise unmade(session, recording, f"its {kind}")


def _lacks_stream(recording: Recording, kind: str) -> bool:
    """Say whether the examined original has no stream that such a thing is drawn from."""
    wanted = "audio" if kind == "peaks" else "video"
    streams = (recording.facts or {}).get("streams")
    return streams is not None and not any(stream["kind"] == wanted for stream in streams)
