"""Keep devices by the number that footage names them, and who carried them when."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError as DuplicateRow
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import Unit
from services.accounts.names import check_name, check_number
from services.accounts.rights import Principal
from services.accounts.units import named_unit, require_version
from services.custody.work import Work
from services.errors import Conflict, Invalid, NotFound
from services.index.keyset import LIMIT_DEFAULT, Key, Page, page
from services.index.models import Device, Roster
from services.index.visible import is_id

KINDS: Final = ("camera", "room", "vehicle", "facility", "dock")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device as others see it; `unit` is a number."""

    id: str
    number: str
    kind: str
    unit: str | None
    name: str | None
    version: int


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What of a device is to change; None leaves it, an empty text takes it away."""

    kind: str | None = None
    unit: str | None = None
    name: str | None = None


def add_device(
    work: Work, number: str, *, kind: str, unit: str | None = None, name: str | None = None, actor: str
) -> DeviceFacts:
    """
    Take a device in.

    Raises:
        Invalid: a value of the wrong form, or an unknown unit.
        Conflict: the number is another device's.
    """
    session = work.session
    if session.scalar(select(Device.id).where(Device.number == number)) is not None:
        raise Conflict(f"there is a device {number!r} already")
    device = Device(
        id=str(uuid7()),
        number=check_number(number, "device", 128),
        kind=_kind(kind),
        unit_id=named_unit(session, unit).id if unit else None,
        name=check_name(name, "device name", 200) if name else None,
        version=1,
        created_at=work.at,
    )
    session.add(device)
    try:
        session.flush()
    except DuplicateRow as error:
        raise Conflict(f"device {number!r} was added by another in this moment") from error
    shown = show(session, device)
    work.append("device.put", device.id, actor=actor, before=None, after=asdict(shown))
    return shown


def change_device(
    work: Work, device: Device, change: DeviceChange, *, actor: str, version: int | None = None
) -> DeviceFacts:
    """Change what is given. Raises `PreconditionFailed` on another version, and `Invalid`."""
    session = work.session
    require_version(f"device {device.number!r}", device.version, version)
    before = show(session, device)
    if change.kind is not None:
        device.kind = _kind(change.kind)
    if change.unit is not None:
        device.unit_id = named_unit(session, change.unit).id if change.unit else None
    if change.name is not None:
        device.name = check_name(change.name, "device name", 200) if change.name else None
    if show(session, device) == before:
        return before
    device.version += 1
    after = show(session, device)
    work.append("device.put", device.id, actor=actor, before=asdict(before), after=asdict(after))
    return after


def assign_device(
    work: Work, device: Device, officer: str, starts_at: datetime, ends_at: datetime | None, *, actor: str
) -> str:
    """
    Say who carries a device from when to when, and give the roster's id; an open end is until further notice.

    Raises:
        Invalid: it ends before it starts.
        Conflict: another officer carries it in that time.
    """
    officer = check_number(officer, "badge")
    if ends_at is not None and ends_at <= starts_at:
        raise Invalid(f"a roster ends after its start: {starts_at.isoformat()} to {ends_at.isoformat()}")
    clash = [Roster.device_id == device.id, or_(Roster.ends_at.is_(None), Roster.ends_at > starts_at)]
    if ends_at is not None:
        clash.append(Roster.starts_at < ends_at)
    other = work.session.scalars(select(Roster).where(*clash).limit(1)).first()
    if other is not None:
        raise Conflict(f"officer {other.officer!r} carries {device.number!r} from {other.starts_at.isoformat()}")
    roster = Roster(
        id=str(uuid7()),
        device_id=device.id,
        device_number=device.number,
        officer=officer,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    work.session.add(roster)
    told = {"officer": officer, "from": starts_at.isoformat(), "to": ends_at.isoformat() if ends_at else None}
    work.append("device.put", device.id, actor=actor, before=None, after={"roster": roster.id, **told})
    return roster.id


def get_device(session: Session, who: Principal, device_id: str) -> Device:
    """Give a device where someone's rights reach its unit, or where it has none yet; raises `NotFound`."""
    device = session.get(Device, device_id) if is_id(device_id) else None
    reaches = device is not None and (who.reaches_all or device.unit_id is None or device.unit_id in who.units)
    if device is None or not reaches:
        raise NotFound(f"there is no device {device_id[:80]}")
    return device


def list_devices(
    session: Session, who: Principal, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[DeviceFacts]:
    """List devices by number."""
    query = select(Device)
    if not who.reaches_all:
        query = query.where(or_(Device.unit_id.is_(None), Device.unit_id.in_(sorted(who.units))))
    found = page(session, query, [Key(Device.number)], limit=limit, cursor=cursor, of="devices")
    return found.map(lambda rows: [show(session, row) for row in rows])


def show(session: Session, device: Device) -> DeviceFacts:
    """Show a device."""
    unit = session.get(Unit, device.unit_id) if device.unit_id else None
    return DeviceFacts(
        device.id, device.number, device.kind, unit.number if unit else None, device.name, device.version
    )


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise Invalid(f"{kind!r} is no kind of device: {', '.join(KINDS)}")
    return kind
