"""Open viewings, and tell what was watched under them."""

from typing import Annotated

from fastapi import Path

from services.api import footage_schemas as shapes
from services.api.actions.end_viewing import tell_watched
from services.api.actions.open_viewing import Wish
from services.api.actions.open_viewing import open_viewing as begin
from services.api.admission import ArchiveDep, Who
from services.api.deps import AccessReason, Address, ThingId
from services.api.registry import Routes

routes = Routes("viewings")


@routes.declare(
    "POST", "/recordings/{id}/viewings", action="recording.play", about="recording", status_code=201,
    response_model=shapes.Opened, example={"reason": "复核案件", "purpose": "review"},
)  # fmt: skip
def open_viewing(
    recording: ThingId,
    archive: ArchiveDep,
    who: Who,
    reason: AccessReason,
    address: Address,
    body: shapes.NewViewing | None = None,
) -> shapes.Opened:
    """Begin to look: one entry of the ledger, by whose id the player's requests are joined."""
    body = body or shapes.NewViewing()
    wish = Wish(reason=body.reason or reason, purpose=body.purpose, address=address)
    return shapes.Opened(id=begin(archive, who, recording, wish))


@routes.declare(
    "PATCH", "/recordings/{id}/viewings/{viewing}", action="recording.play", about="viewing", status_code=204,
    example={"watched": [[0, 12.5]], "ended": True},
)  # fmt: skip
def note_watched(
    recording: ThingId, viewing: Annotated[str, Path()], body: shapes.Watched, archive: ArchiveDep, who: Who
) -> None:
    """Tell which stretches were watched, always all of them; `ended` closes the viewing."""
    tell_watched(archive, who, recording, viewing, body.watched, ended=body.ended)
