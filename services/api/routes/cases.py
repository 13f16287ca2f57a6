"""Take in cases, show them, and give their recordings by the wall clock."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query, Response

from services.api import case_schemas as shapes
from services.api import footage_schemas, schemas
from services.api.actions.put_case import put_case
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit, MaybeIfMatch, Number, etag
from services.api.registry import Routes
from services.api.searches import note_search
from services.index import lists, recordings
from services.index.keyset import Page
from services.index.lists import CaseFacts, CaseItem, show_case
from services.index.recording_facts import RecordingItem
from services.index.recordings import Filter
from services.index.timeline import Timeline, case_timeline
from services.index.visible import fetch_case

routes = Routes("cases")


@routes.declare("GET", "/cases", action="case.see", response_model=schemas.PageOf[shapes.CaseSummary])
def list_cases(
    archive: ArchiveDep,
    who: Who,
    q: Annotated[str | None, Query(max_length=200, description="parts of number, title or kind")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[CaseItem]:
    """List cases, the latest accepted first; the search is recorded."""
    with archive.reading() as session:
        found = lists.list_cases(session, who, q=q, limit=limit, cursor=cursor)
    note_search(archive, who, q, {"list": "cases"}, len(found.items))
    return found


@routes.declare(
    "PUT", "/cases/{number}", action="case.write", about="case", response_model=shapes.Case,
    example={"unit": "D1", "title": "人民路盗窃案", "officers": ["0042"], "incidents": ["J1"]},
    responses={201: {"model": shapes.Case}},
)  # fmt: skip
def upsert_case(
    number: Number, body: shapes.CaseBody, version: MaybeIfMatch, archive: ArchiveDep, who: Who, response: Response
) -> CaseFacts:
    """Take in what case management tells of a case; what is absent stays as it is."""
    found, created = put_case(archive, who, number, body.told(), version)
    response.status_code = 201 if created else 200
    response.headers.update(etag(found.version))
    return found


@routes.declare("GET", "/cases/{number}", action="case.see", about="case", response_model=shapes.Case)
def see_case(number: Number, archive: ArchiveDep, who: Who, response: Response) -> CaseFacts:
    """Show a case."""
    with archive.reading() as session:
        found = show_case(session, who, fetch_case(session, who, "case.see", number))
    response.headers.update(etag(found.version))
    return found


@routes.declare(
    "GET", "/cases/{number}/recordings", action="case.see", about="case",
    response_model=schemas.PageOf[footage_schemas.Recording],
)  # fmt: skip
def list_case_recordings(
    number: Number, archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[RecordingItem]:
    """List the recordings of a case that one may see, by the wall clock from the first on."""
    with archive.reading() as session:
        fetch_case(session, who, "case.see", number)
        found = recordings.page(session, who, Filter(case=number), limit=limit, cursor=cursor, order="oldest")
    note_search(archive, who, None, {"case": number}, len(found.items))
    return found


@routes.declare("GET", "/cases/{number}/timeline", action="case.see", about="case", response_model=shapes.Timeline)
def see_timeline(number: Number, archive: ArchiveDep, who: Who) -> Timeline:
    """Lay out the recordings of a case: lanes, gaps, overlaps."""
    with archive.reading() as session:
        case = fetch_case(session, who, "case.see", number)
        return case_timeline(session, who, case, timedelta(seconds=archive.settings.session_gap_s))
