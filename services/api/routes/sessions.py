"""Give sessions: the recordings of one device or room as one timeline, one playlist, and clips across their joints."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from services.accounts.names import check_number
from services.api import session_schemas as shapes
from services.api.actions.see_session import see_session
from services.api.admission import ArchiveDep, Who
from services.api.registry import Routes
from services.index.session_view import SessionFacts

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
