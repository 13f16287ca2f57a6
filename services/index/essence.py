"""Find what proofs of a recording's clips are made from: the recorded root of its essence, and its leaves."""

import json

from sqlalchemy.orm import Session

from services.custody import sidecar
from services.custody.ledger import history
from services.custody.sidecar import Sidecar
from services.errors import IntegrityError, NotFound, RangeOutside
from services.index.models import Rendition
from services.index.recordings import rendition
from services.storage.store import ObjectStore


def recorded_root(session: Session, recording_id: str) -> bytes | None:
    """Give the essence root that the ledger has; None before the recording is fingerprinted, and where it has none."""
    lines = [line for line in history(session, recording_id) if line.entry.type == "rec.essence"]
    told = json.loads(lines[-1].values.get("essence_root", "null")) if lines else None
    return bytes.fromhex(told) if told else None


def leaves_row(session: Session, recording_id: str) -> Rendition | None:
    """Give the rendition that keeps the leaves, of the version known here; None where there is none."""
    row = rendition(session, recording_id, "essence")
    return row if row is not None and row.recipe.get("version") == sidecar.VERSION else None


def open_leaves(store: ObjectStore, row: Rendition) -> Sidecar:
    """
    Open the leaves; only those that are asked for are read.

    Nothing is verified here: a proof made from wrong leaves does not lead to the recorded root, and is not given out.

    Raises:
        IntegrityError: the store does not keep what the catalogue says. Raise the alarm.
        Invalid: it is no such file.
        StoreUnavailable: try again later.
    """
    key, version, size = row.key, row.version_id, row.size_bytes

    def read(offset: int, length: int) -> bytes:
        try:
            blocks = store.read(key, version, offset=min(offset, size), length=min(length, max(size - offset, 0)))
            return b"".join(blocks)
        except (NotFound, RangeOutside) as error:
            raise IntegrityError(f"{key} of version {version} is not in the store: {error}") from error

    return Sidecar.open(read)
