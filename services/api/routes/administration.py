"""Administer units, accounts, tokens and devices, within one's own unit and what lies below it."""

from fastapi import Response

from services.accounts import people, tokens, units
from services.accounts.people import Account
from services.accounts.tokens import TokenFacts
from services.accounts.units import UnitChange, UnitFacts
from services.api import schemas
from services.api.actions import change_devices, change_tokens, change_units, change_users
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, IfMatch, Limit, ThingId, etag
from services.api.registry import Routes
from services.index import devices
from services.index.devices import DeviceChange, DeviceFacts
from services.index.keyset import Page

routes = Routes("administration")


@routes.declare("GET", "/units", action="me.see", response_model=schemas.PageOf[schemas.Unit])
def list_units(archive: ArchiveDep, who: Who) -> Page[UnitFacts]:
    """List one's own unit and all below it, each after the one above; never more than one page."""
    with archive.reading() as session:
        return Page(tuple(units.list_units(session, who)), None)


@routes.declare(
    "POST", "/units", action="admin.write", status_code=201, response_model=schemas.Unit,
    example={"number": "D2", "name": "二大队", "parent": "D1"},
)  # fmt: skip
def add_unit(body: schemas.NewUnit, archive: ArchiveDep, who: Who) -> UnitFacts:
    """Add a unit below one's own."""
    return change_units.add_unit(archive, who, body.number, body.name, body.parent, body.case_pattern)


@routes.declare(
    "PATCH", "/units/{id}", action="admin.write", about="unit", response_model=schemas.Unit, example={"name": "三大队"}
)
def change_unit(
    unit: ThingId, body: schemas.UnitPatch, version: IfMatch, archive: ArchiveDep, who: Who, response: Response
) -> UnitFacts:
    """Change a unit; moving it moves everything below it."""
    change = UnitChange(body.name, body.parent, body.case_pattern)
    changed = change_units.change_unit(archive, who, unit, change, version)
    response.headers.update(etag(changed.version))
    return changed


@routes.declare("GET", "/users", action="admin.see", response_model=schemas.PageOf[schemas.User])
def list_users(archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Page[Account]:
    """List accounts by name."""
    with archive.reading() as session:
        found = people.list_users(session, who, after=cursor or "", limit=limit + 1)
    return Page(tuple(found[:limit]), found[limit - 1].name if len(found) > limit else None)


@routes.declare(
    "POST", "/users", action="admin.write", status_code=201, response_model=schemas.User,
    example={"name": "li", "role": "officer", "unit": "D1"},
)  # fmt: skip
def add_user(body: schemas.NewUser) -> Account:
    """Refuse: an account needs a second person; make it on the archive's machine (`huisu user add`)."""
    change_users.refuse_to_add(body.name)


@routes.declare("GET", "/users/{id}", action="admin.see", about="account", response_model=schemas.User)
def see_user(user: ThingId, archive: ArchiveDep, who: Who, response: Response) -> Account:
    """Show an account."""
    with archive.reading() as session:
        found = people.show(session, people.get_user(session, who, user))
    response.headers.update(etag(found.version))
    return found


@routes.declare(
    "PATCH", "/users/{id}", action="admin.write", about="account", response_model=schemas.User,
    example={"language": "en"},
)  # fmt: skip
def change_user(
    user: ThingId, body: schemas.UserPatch, version: IfMatch, archive: ArchiveDep, who: Who, response: Response
) -> Account:
    """Set an account's language, or take it out of use; whatever gives rights needs a second person."""
    changed = change_users.change_user(
        archive, who, user, language=body.language, disable=bool(body.disabled), version=version
    )
    response.headers.update(etag(changed.version))
    return changed


@routes.declare("GET", "/tokens", action="admin.see", response_model=schemas.PageOf[schemas.Token])
def list_tokens(archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Page[TokenFacts]:
    """List tokens in the order of their making."""
    with archive.reading() as session:
        found = tokens.list_tokens(session, who, after=cursor, limit=limit + 1)
    return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


@routes.declare(
    "POST", "/tokens", action="admin.write", status_code=201, tells_secret=True, response_model=schemas.IssuedToken,
    example={"name": "dock-7", "role": "dock", "unit": "D1", "days": 90},
)  # fmt: skip
def issue_token(body: schemas.NewToken, archive: ArchiveDep, who: Who) -> schemas.IssuedToken:
    """Issue a token for a dock or an integrator; its secret is told this once."""
    issued, secret = change_tokens.issue_token(archive, who, body.name, body.role, body.unit, body.days)
    return schemas.IssuedToken(**schemas.Token.model_validate(issued).model_dump(), secret=secret)


@routes.declare(
    "PATCH", "/tokens/{id}", action="admin.write", about="token", response_model=schemas.Token,
    example={"revoked": True},
)  # fmt: skip
def revoke_token(
    token: ThingId, body: schemas.TokenPatch, version: IfMatch, archive: ArchiveDep, who: Who
) -> TokenFacts:
    """End a token at once."""
    return change_tokens.revoke_token(archive, who, token, body.reason, version)


@routes.declare("GET", "/devices", action="admin.see", response_model=schemas.PageOf[schemas.Device])
def list_devices(
    archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[DeviceFacts]:
    """List devices by number."""
    with archive.reading() as session:
        return devices.list_devices(session, who, limit=limit, cursor=cursor)


@routes.declare(
    "POST", "/devices", action="admin.write", status_code=201, response_model=schemas.Device,
    example={"number": "CAM-7", "kind": "camera"},
)  # fmt: skip
def add_device(body: schemas.NewDevice, archive: ArchiveDep, who: Who) -> DeviceFacts:
    """Take a device in."""
    return change_devices.add_device(archive, who, body.number, body.kind, body.unit, body.name)


@routes.declare(
    "PATCH", "/devices/{id}", action="admin.write", about="device", response_model=schemas.Device,
    example={"name": "三号机"},
)  # fmt: skip
def change_device(
    device: ThingId, body: schemas.DevicePatch, version: IfMatch, archive: ArchiveDep, who: Who, response: Response
) -> DeviceFacts:
    """Change a device."""
    change = DeviceChange(body.kind, body.unit, body.name)
    changed = change_devices.change_device(archive, who, device, change, version)
    response.headers.update(etag(changed.version))
    return changed


@routes.declare(
    "POST", "/devices/{id}/rosters", action="admin.write", about="device", status_code=201, response_model=schemas.Made,
    example={"officer": "0042", "starts_at": "2026-03-01T08:00:00+08:00"},
)  # fmt: skip
def assign_device(device: ThingId, body: schemas.NewRoster, archive: ArchiveDep, who: Who) -> schemas.Made:
    """Say who carries a device from when to when."""
    roster = change_devices.assign_device(archive, who, device, body.officer, body.starts_at, body.ends_at)
    return schemas.Made(id=roster)
