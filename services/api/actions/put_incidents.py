"""Take in many incidents, each in its own transaction; one that is refused changes nothing of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.accounts.rights import Principal
from services.api.actions.put_incident import put_incident
from services.api.case_schemas import IncidentItem
from services.api.problems import status_of
from services.bootstrap import Archive
from services.errors import HuisuError, IntegrityError, Invalid


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item: the status and code that it would have got alone."""

    number: str | None
    status: int
    code: str | None = None
    detail: str | None = None


def put_incidents(archive: Archive, who: Principal, items: Sequence[Any]) -> list[ItemOutcome]:
    """
    Take in each item as `put_incident` would, in their order.

    Raises:
        IntegrityError: the archive contradicts itself; nothing after that item was tried.
    """
    return [_put(archive, who, item) for item in items]


def _put(archive: Archive, who: Principal, item: Any) -> ItemOutcome:
    named = item.get("number") if isinstance(item, dict) else None
    number = named[:128] if isinstance(named, str) else None
    try:
        told = IncidentItem.model_validate(item).told()
        number = told.pop("number")
        _, created = put_incident(archive, who, number, told)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(step) for step in first["loc"])
        return ItemOutcome(number, 422, Invalid.code, f"/{place}: {first['msg']}")
    except IntegrityError:
        raise
    except HuisuError as error:
        return ItemOutcome(number, status_of(error), error.code, str(error))
    return ItemOutcome(number, 201 if created else 200)
