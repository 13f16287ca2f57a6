"""Read an original back from the store and compare it: only then may a dock release the camera's copy."""

import logging

from sqlalchemy import select

from services.bootstrap import Archive
from services.digest import digest_blocks
from services.index.models import Object, Recording, Upload
from services.ingest.shelf import Shelf

log = logging.getLogger(__name__)


def read_back(archive: Archive, upload: str) -> None:
    """
    Compare the stored bytes with the sealed digest: equal → `verified`, else `quarantined`.

    The staging copy goes only once the store's copy is proved; one that differs keeps it.
    """
    with archive.reading() as session:
        row = session.get_one(Upload, upload)
        if row.state in {"verified", "quarantined"}:
            if row.state == "verified":
                Shelf(archive.settings.paths.staging).discard(upload)
            return
        obj = session.execute(select(Object).where(Object.sha256 == row.sha256)).scalar_one()
        key, version, wanted, size = obj.key, obj.version_id, obj.sha256, obj.size_bytes
    digest, found_size = digest_blocks(archive.store.read(key, version))
    equal = digest.hex == wanted and found_size == size
    with archive.work() as work:
        row = work.session.get_one(Upload, upload, with_for_update=True)
        obj = work.session.execute(select(Object).where(Object.sha256 == wanted)).scalar_one()
        recording = work.session.get_one(Recording, row.recording_id)
        row.state, row.changed_at = ("verified" if equal else "quarantined"), work.at
        for owner in {recording.id, obj.recording_id}:
            work.append(
                "rec.verify", owner, sha256=wanted, size=size, object_key=key, version_id=version,
                result="equal" if equal else "differs", found_sha256=digest.hex, found_size=found_size,
            )  # fmt: skip
        if equal:
            obj.verified_at = obj.verified_at or work.at
        else:
            row.reason = f"stored bytes differ: SHA-256 {digest.hex}, sealed {wanted}"
            recording.state, recording.version = "quarantined", recording.version + 1
            work.append("rec.quarantine", recording.id, reason=row.reason, expected=wanted, found=digest.hex)
    if equal:
        Shelf(archive.settings.paths.staging).discard(upload)
    else:
        log.error("stored original differs from its seal", extra={"upload": upload, "key": key})
