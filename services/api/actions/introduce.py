"""Tell someone who they are to the archive, and what their role may do."""

from dataclasses import dataclass

from services.accounts.credentials import Caller
from services.accounts.models import Unit
from services.accounts.people import UnitName
from services.accounts.rights import ACTIONS, allows
from services.bootstrap import Archive


@dataclass(frozen=True, slots=True)
class Introduction:
    """What the pages need to know of the person in front of them."""

    id: str
    name: str
    role: str
    unit: UnitName | None
    rights: list[str]
    csrf: str | None
    language: str | None


def introduce(archive: Archive, caller: Caller) -> Introduction:
    """Give a caller's introduction; `csrf` and `language` only with a session."""
    who = caller.who
    with archive.reading() as session:
        unit = session.get(Unit, who.unit) if who.unit else None
    return Introduction(
        id=who.id,
        name=who.name,
        role=who.role,
        unit=UnitName(unit.id, unit.number, unit.name) if unit else None,
        rights=sorted(action for action in ACTIONS if allows(who, action)),
        csrf=caller.csrf,
        language=caller.language,
    )
