"""
Record a deposited upload: catalogue rows and ledger lines, in one transaction. From here it is evidence.

A recording's id follows from the upload that made it. So a recovery, which finds the arrival beside the original and
the entries in the log, brings the recording back under its own id: then `rec.rebuild` continues its chain.
"""

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError as UniqueViolation
from sqlalchemy.orm import Session
from uuid_utils import UUID

from services.accounts.models import User
from services.bootstrap import Archive, new_id
from services.custody.tables import object_head
from services.custody.work import Work
from services.digest import CHUNK_LOG2, Digest
from services.index.flags import set_flags
from services.index.models import Arrival, Device, Object, Recording, Upload
from services.index.retention import keep
from services.ingest.given import Given, flags_as_json, read_given
from services.jobs.lease import Ring, ask
from services.media.facts import Flag
from services.storage import keys
from services.storage.store import NO_LOCK, Lock

KIND_OF_DEVICE = {"room": "interview", "vehicle": "vehicle", "facility": "facility"}
"""What a device records where the upload does not say; every other one is worn on a body."""

SMALL_BYTES = 4096
"""Below this, equal bytes say nothing: they are always two recordings. Source: design 2.0."""


ID_PREFIX = b"huisu/recording/v1\n"


def recording_id_of(upload: str, received_at: datetime | None) -> str:
    """Name the recording that an upload makes: a UUIDv7 of its arrival's time, the rest hashed from its id."""
    own = UUID(upload)
    at_ms = own.int >> 80 if received_at is None else int(received_at.timestamp() * 1000)
    rest = int.from_bytes(hashlib.sha256(ID_PREFIX + own.bytes).digest()[:10], "big")
    number = (at_ms & (1 << 48) - 1) << 80 | rest
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=number))


def record(archive: Archive, upload: str) -> None:
    """
    Make a deposited upload a recording, or a further arrival of one; ask for its read-back and examination.

    Two gates may record the same bytes at once: the one that loses the race for the object's row
    starts over and finds it.
    """
    lock = _lock_of(archive, upload)
    for attempt in (1, 2, 3):
        try:
            bells = _record_once(archive, upload, lock)
            break
        except UniqueViolation:
            if attempt == 3:
                raise
    archive.ring(bells)


def _lock_of(archive: Archive, upload: str) -> Lock:
    """Ask the store what protects the deposited version; outside the transaction, which holds no I/O but SQL."""
    with archive.reading() as session:
        row = session.get_one(Upload, upload)
        if row.sha256 is None or not row.deposited or row.recording_id is not None:
            return NO_LOCK
        key, version = keys.original(Digest.from_hex(row.sha256)), row.object_version
    return archive.store.lock_state(key, version)


def _record_once(archive: Archive, upload: str, lock: Lock) -> list[Ring]:
    with archive.work() as work:
        row = work.session.get_one(Upload, upload, with_for_update=True)
        if row.recording_id is not None or not row.deposited:
            return []
        given = read_given(row.given, ZoneInfo(archive.settings.zone), work.at)
        obj = work.session.execute(select(Object).where(Object.sha256 == row.sha256)).scalar_one_or_none()
        recording_id = recording_id_of(row.id, row.received_at)
        is_known = work.session.scalar(select(object_head.c.n).where(object_head.c.obj == recording_id)) is not None
        may_join = obj is not None and row.reason is None and not is_known
        same = _same_recording(work.session, obj, given) if obj is not None and may_join else None
        recording = same or _new_recording(archive, work, row, given, obj, lock)
        first = "rec.rebuild" if is_known else "rec.ingest"
        _add_arrival(work, row, recording, given, event=first if same is None else "rec.arrival")
        if obj is None:
            _note_lock(work, recording.id, row.object_version, lock)
        if row.reason:
            expected = row.given.get("sha256")
            work.append("rec.quarantine", recording.id, reason=row.reason, expected=expected, found=row.sha256)
        row.recording_id, row.duplicate = recording.id, obj is not None
        row.state = "quarantined" if row.reason else "stored"
        row.changed_at = work.at
        if row.reason:
            return []
        gate = archive.settings.gate
        bells = [ask(work.session, "read-back", upload, work.at, gate=gate, priority=6)]
        if same is None:
            bells.append(
                ask(work.session, "examine", recording.id, work.at, priority=4 if given.kind == "interview" else 5)
            )
        return bells


def _same_recording(session: Session, obj: Object, given: Given) -> Recording | None:
    """Find the recording of these bytes that nothing given contradicts; none below 4 KiB or when undecodable."""
    if obj.size_bytes < SMALL_BYTES:
        return None
    rows = session.execute(select(Recording).where(Recording.object_id == obj.id).order_by(Recording.id)).scalars()
    for recording in rows:
        if recording.state in {"damaged", "quarantined", "disposed"}:
            continue
        other_device = given.device and recording.device and given.device != recording.device
        other_start = (
            given.started_at and recording.started_source == "given" and given.started_at != recording.started_at
        )
        if other_device or other_start or _other_unit(session, given.officer, recording):
            continue
        return recording
    return None


def _other_unit(session: Session, officer: str | None, recording: Recording) -> bool:
    if officer is None or recording.officer is None or officer == recording.officer:
        return False
    units = [_unit_of_officer(session, number) for number in (officer, recording.officer)]
    return units[0] != units[1]


def _unit_of_officer(session: Session, number: str | None) -> str | None:
    if number is None:
        return None
    return session.execute(select(User.unit_id).where(User.number == number)).scalar_one_or_none()


def _new_recording(
    archive: Archive, work: Work, row: Upload, given: Given, obj: Object | None, lock: Lock
) -> Recording:
    recording_id = recording_id_of(row.id, row.received_at)
    flags = list(given.flags)
    session = work.session
    device = None
    if given.device is not None:
        device = session.execute(select(Device).where(Device.number == given.device)).scalar_one_or_none()
        if device is None:
            flags.append(Flag("unknown-device", detail=given.device))
    officer_unit = _unit_of_officer(session, given.officer)
    if given.officer is not None and officer_unit is None:
        flags.append(Flag("unknown-officer", detail=given.officer))
    unit = officer_unit or (device.unit_id if device else None) or row.unit_id
    if unit is None:
        flags.append(Flag("unassigned", detail="neither officer, device nor dock names a known unit"))
    if obj is None:
        obj = _new_object(row, recording_id, work.at, lock)
        session.add(obj)
        session.flush()
    else:
        flags.append(Flag("same-bytes", detail=f"the same bytes are recording {obj.recording_id}"))
        _flag_twins(work, obj)
    started_at, source = _start(given, row, work.at)
    kind = given.kind or KIND_OF_DEVICE.get(device.kind if device else "", "body")
    kept = keep(ends_at=given.ended_at or started_at, kind=kind, months=archive.settings.retention_months)
    recording = Recording(
        id=recording_id,
        object_id=obj.id,
        state="quarantined" if row.reason else "kept",
        kind=kind,
        unit_id=unit,
        officer=given.officer,
        device=given.device,
        dock=row.dock,
        filename=given.filename,
        started_at=started_at,
        started_source=source,
        started_given=row.given.get("started_at"),
        ended_at=given.ended_at if given.ended_at and given.ended_at >= started_at else None,
        received_at=row.received_at or work.at,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        given=row.given,
        session_number=given.session,
        channel=given.channel,
        retain_until=kept.until,
        retain_rule=kept.rule,
    )
    set_flags(recording, flags_as_json(tuple(flags)))
    session.add(recording)
    session.flush()
    return recording


def _note_lock(work: Work, recording_id: str, version: str | None, lock: Lock) -> None:
    until = lock.until.isoformat() if lock.until else None
    mode = lock.mode.value if lock.mode else None
    work.append("rec.lock", recording_id, version_id=version, mode=mode, until=until, hold=lock.hold)


def _new_object(row: Upload, recording_id: str, now: datetime, lock: Lock) -> Object:
    assert row.sha256 is not None  # noqa: S101  (a deposited upload is sealed)
    assert row.chunk_root is not None  # noqa: S101
    return Object(
        id=new_id(),
        recording_id=recording_id,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        chunk_log2=CHUNK_LOG2,
        chunk_root=row.chunk_root,
        key=keys.original(Digest.from_hex(row.sha256)),
        version_id=row.object_version,
        stored_at=now,
        lock_mode=lock.mode.value if lock.mode else None,
        lock_until=lock.until,
        hold=lock.hold,
    )


def _flag_twins(work: Work, obj: Object) -> None:
    """Mark the recordings that already stand on this object: both sides of `same-bytes` show it."""
    twins = work.session.execute(select(Recording).where(Recording.object_id == obj.id)).scalars()
    for twin in twins:
        if any(flag["kind"] == "same-bytes" for flag in twin.flags):
            continue
        set_flags(twin, [*twin.flags, Flag("same-bytes", detail="another recording has the same bytes").to_json()])
        twin.version += 1
        work.append("rec.facts", twin.id, flags=twin.flags)


def _start(given: Given, row: Upload, now: datetime) -> tuple[datetime, str]:
    """Choose the start by the contract's order; the container's own time is weighed in `examine`."""
    if given.started_at is not None:
        return given.started_at, "given"
    if given.file_mtime is not None:
        return given.file_mtime, "file"
    return row.received_at or now, "arrival"


def _add_arrival(work: Work, row: Upload, recording: Recording, given: Given, *, event: str) -> None:
    assert row.sha256 is not None  # noqa: S101  (a deposited upload is sealed)
    key = keys.arrival(Digest.from_hex(row.sha256), row.id)
    received_at = row.received_at or work.at
    work.session.add(
        Arrival(
            id=row.id,
            recording_id=recording.id,
            upload_id=row.id,
            gate=row.gate,
            sender=row.sender,
            dock=row.dock,
            filename=given.filename,
            claimed_sha256=row.given.get("sha256", "")[:200] or None,
            received_at=received_at,
            given=row.given,
            key=key,
        )
    )
    told = {
        "arrival": row.id,
        "sender": row.sender,
        "dock_id": row.dock,
        "filename": given.filename,
        "received_at": received_at.isoformat(),
        "dock_claimed_sha256": row.given.get("sha256"),
        "metadata": row.given,
        "sha256": row.sha256,
    }
    if event == "rec.arrival":
        work.append(event, recording.id, **told)
        return
    assert row.chunk_root is not None  # noqa: S101
    work.append(
        event,
        recording.id,
        **told,
        size=row.size_bytes,
        chunk_log2=CHUNK_LOG2,
        chunk_root=row.chunk_root.hex(),
        camera_id=recording.device,
        officer=recording.officer,
        unit=recording.unit_id,
        kind=recording.kind,
        rec_start=recording.started_at.isoformat(),
        start_source=recording.started_source,
        object_key=keys.original(Digest.from_hex(row.sha256)),
        version_id=row.object_version,
        state=recording.state,
        reason=row.reason,
    )
