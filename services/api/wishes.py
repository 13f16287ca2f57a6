"""Read from a request how somebody wishes to look: under which viewing, why, from where."""

from typing import Annotated

from fastapi import Depends, Query

from services.api.actions.open_viewing import Wish
from services.api.deps import AccessReason, Address


async def _wish(
    reason: AccessReason,
    address: Address,
    *,
    viewing: Annotated[str | None, Query(max_length=64, description="joins these bytes to a viewing of yours")] = None,
    again: Annotated[bool, Query(description="begin another where that viewing ended by silence")] = False,
) -> Wish:
    return Wish(viewing=viewing, reason=reason, address=address, again=again)


Wished = Annotated[Wish, Depends(_wish)]
"""`?viewing=` and `X-Access-Reason`, as every route that shows footage takes them."""
