"""Find recordings, show one with all that is known of it, change what people say of it, tell its history."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, Query, Response

from services.api import footage_schemas as shapes
from services.api import schemas
from services.api.actions.change_meta import change_meta
from services.api.actions.read_history import HistoryLine, read_history
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, IfMatch, Limit, ThingId, etag
from services.api.registry import Routes
from services.api.searches import note_search
from services.index import recordings
from services.index.keyset import Page
from services.index.recording_facts import RecordingFacts, RecordingItem, facts
from services.index.recordings import Filter
from services.index.visible import fetch

routes = Routes("recordings")

Word = Annotated[str | None, Query(max_length=200)]


async def _filter(
    case: Word = None,
    incident: Word = None,
    officer: Word = None,
    device: Word = None,
    unit: Word = None,
    kind: Word = None,
    state: Word = None,
    flag: Word = None,
    from_: Annotated[
        schemas.Moment | None, Query(alias="from", description="recordings that run at or after this")
    ] = None,
    to: Annotated[schemas.Moment | None, Query(description="recordings that begin before this")] = None,
    q: Annotated[str | None, Query(max_length=200, description="words, Chinese ones too")] = None,
) -> Filter:
    return Filter(case, incident, officer, device, unit, kind, state, flag, from_, to, q)


def told(filter_: Filter) -> Mapping[str, Any]:
    """Give a filter's values as the ledger keeps them."""
    values = {name.rstrip("_"): value for name, value in asdict(filter_).items() if name != "q" and value is not None}
    return {name: value if isinstance(value, str) else value.isoformat() for name, value in values.items()}


@routes.declare("GET", "/recordings", action="recording.see", response_model=schemas.PageOf[shapes.Recording])
def list_recordings(
    filter_: Annotated[Filter, Depends(_filter)],
    archive: ArchiveDep,
    who: Who,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[RecordingItem]:
    """List the recordings that one may see, the latest first; the search is recorded."""
    with archive.reading() as session:
        found = recordings.page(session, who, filter_, limit=limit, cursor=cursor)
    note_search(archive, who, filter_.q, told(filter_), len(found.items))
    return found


@routes.declare(
    "GET", "/recordings/{id}", action="recording.see", about="recording", response_model=shapes.RecordingPage
)
def see_recording(recording: ThingId, archive: ArchiveDep, who: Who, response: Response) -> RecordingFacts:
    """Show all that is known about a recording."""
    with archive.reading() as session:
        found = facts(session, fetch(session, who, "recording.see", recording))
    response.headers.update(etag(found.version))
    return found


@routes.declare(
    "PATCH", "/recordings/{id}", action="recording.categorise", about="recording",
    response_model=shapes.RecordingPage, example={"category": "CALL", "note": "盗窃现场"},
)  # fmt: skip
def change_recording(
    recording: ThingId, body: shapes.RecordingPatch, version: IfMatch, archive: ArchiveDep, who: Who, response: Response
) -> RecordingFacts:
    """Change category, grade or note; everything else about a recording is a fact."""
    changed = change_meta(archive, who, recording, shapes.told(body), version)
    response.headers.update(etag(changed.version))
    return changed


@routes.declare(
    "GET", "/recordings/{id}/history", action="recording.history", about="recording",
    response_model=schemas.PageOf[shapes.HistoryLine],
)  # fmt: skip
def see_history(
    recording: ThingId, archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[HistoryLine]:
    """Tell everything that ever happened to a recording, from the first entry on."""
    return read_history(archive, who, recording, limit, cursor)
