"""Take devices in, change them, and say who carries them."""

from datetime import datetime

from services.accounts.rights import Principal
from services.api.actions.change_units import require_within
from services.bootstrap import Archive
from services.index import devices
from services.index.devices import DeviceChange, DeviceFacts


def add_device(
    archive: Archive, who: Principal, number: str, kind: str, unit: str | None, name: str | None
) -> DeviceFacts:
    """Take a device in. Raises `NotAllowed` outside one's own unit, `Invalid` and `Conflict`."""
    with archive.work() as work:
        if unit is not None:
            require_within(work, who, unit)
        return devices.add_device(work, number, kind=kind, unit=unit, name=name, actor=who.name)


def change_device(
    archive: Archive, who: Principal, device_id: str, change: DeviceChange, version: int | None
) -> DeviceFacts:
    """Change a device. Raises as `add_device`, and `NotFound` and `PreconditionFailed`."""
    with archive.work() as work:
        device = devices.get_device(work.session, who, device_id)
        if change.unit:
            require_within(work, who, change.unit)
        return devices.change_device(work, device, change, actor=who.name, version=version)


def assign_device(
    archive: Archive, who: Principal, device_id: str, officer: str, starts_at: datetime, ends_at: datetime | None
) -> str:
    """Say who carries a device from when to when. Raises `NotFound`, `Invalid` and `Conflict`."""
    with archive.work() as work:
        device = devices.get_device(work.session, who, device_id)
        return devices.assign_device(work, device, officer, starts_at, ends_at, actor=who.name)
