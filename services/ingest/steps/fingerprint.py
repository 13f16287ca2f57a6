"""
Fingerprint an original frame by frame, from the stored bytes that were verified: before anybody knows which clip will
be asked for, so that any clip can be proven later.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, select
from sqlalchemy.orm import Session

from services.bootstrap import Archive
from services.custody import sidecar
from services.custody.essence import READ_BYTES, ReadBlock
from services.custody.fingerprint import Essence, fingerprint
from services.custody.ledger import history
from services.digest import Digest
from services.errors import IntegrityError, MediaError, NotFound
from services.index.models import Object, Recording
from services.ingest.publish import EXAMINER, Made, publish
from services.ingest.scratch import scratch
from services.ingest.steps.missing import ask_for_missing
from services.jobs.lease import ask
from services.jobs.table import JobRow
from services.media.boxes import Read
from services.media.stretch import BOXED

KIND: Final = "fingerprint"
RECIPE: Final = str(sidecar.VERSION)
"""A job of this recipe is asked for once a recording; the next version asks anew."""

FIRST: Final = 4
"""Priority of what arrives: before its render, which takes far longer."""

_MOST_REASON: Final = 500


def fingerprint_original(archive: Archive, recording_id: str) -> None:
    """
    Enter the essence of an original (`rec.essence`) and keep the leaves of its trees beside it; done once a version.

    Only MP4, MOV and 3GP have one. Where such a file breaks a rule, the entry has the reason and no root.

    Raises:
        NotFound: there is no such recording.
        IntegrityError: the stored bytes are fewer than the catalogue says. Raise the alarm.
        StoreUnavailable: the original cannot be read now; nothing is noted.
    """
    with archive.reading() as session:
        recording = session.get(Recording, recording_id)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        if not session.scalars(select(Recording.id).where(Recording.id == recording_id, _fit())).first():
            return
        if _is_entered(session, recording_id):
            return
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
    with scratch(archive.settings.paths.scratch) as folder:
        with archive.store.lend(key, version, digest) as path:
            found = _look(path)
        made = [] if found.faults else [_kept(found, digest, folder)]
        with publish(archive, digest, made) as keep, archive.work() as work:
            recording = work.session.get_one(Recording, recording_id, with_for_update=True)
            if not _is_entered(work.session, recording_id):
                keep(work, recording)
                work.append("rec.essence", recording_id, sha256=digest.hex, tool=EXAMINER, **_told(found))


def _look(path: Path) -> Essence:
    with _reading(path) as (read, block, size):
        try:
            return fingerprint(read, block, size)
        except MediaError as error:
            return Essence((), (), (f"{error.code}: {error}",))
        except EOFError as error:
            raise IntegrityError(f"{path.name} is shorter than it was: {error}") from error


@contextmanager
def _reading(path: Path) -> Iterator[tuple[Read, ReadBlock, int]]:
    """Lend a file: for its boxes as fresh bytes, for its samples in one buffer that every read uses again."""
    view = memoryview(bytearray(READ_BYTES))
    with path.open("rb", buffering=0) as file:
        number = file.fileno()

        def read(offset: int, length: int) -> bytes:
            return os.pread(number, length, offset)

        def block(offset: int, length: int) -> memoryview:
            return view[: os.preadv(number, [view[:length]], offset)]

        yield read, block, os.fstat(number).st_size


def _kept(found: Essence, digest: Digest, folder: Path) -> Made:
    recipe: dict[str, Any] = {"tool": EXAMINER, "kind": "essence", "version": sidecar.VERSION}
    path = folder / "essence.bin"
    with path.open("wb") as file:
        for content in found.sidecar({"sha256": digest.hex, "tool": EXAMINER}):
            file.write(content)
    return Made("essence", path.name, recipe, "application/octet-stream", path=path)


def _told(found: Essence) -> dict[str, Any]:
    if found.faults:
        return {"version": sidecar.VERSION, "reason": "; ".join(found.faults)[:_MOST_REASON]}
    tracks = [
        {
            "handler": one.handler.decode("ascii", "backslashreplace"), "timescale": one.timescale, "n": one.samples,
            "root": one.root.hex(), "shown": None if one.shown is None else one.shown.numbers,
        }
        for one in found.headers
    ]  # fmt: skip
    return {"version": sidecar.VERSION, "essence_root": found.root.hex(), "tracks": tracks}


def _is_entered(session: Session, recording_id: str) -> bool:
    current = json.dumps(sidecar.VERSION)
    lines = (line for line in history(session, recording_id) if line.entry.type == "rec.essence")
    return any(line.values.get("version") == current for line in lines)


def ask_for(archive: Archive, recordings: Sequence[str]) -> None:
    """Ask for the fingerprints of these recordings, if they are examined and their bytes verified; else later."""
    with archive.plain() as session:
        due = session.scalars(select(Recording.id).where(Recording.id.in_(recordings), _fit(), _unasked())).all()
        now = archive.clock()
        bells = [ask(session, KIND, recording, now, recipe=RECIPE, priority=FIRST) for recording in due]
    archive.ring(bells)


def ask_for_fingerprints(archive: Archive, after: str) -> str | None:
    """Ask for the fingerprints that are missing behind the recording `after`, as `ask_for_missing` does."""
    return ask_for_missing(archive, KIND, RECIPE, _fit() & _unasked(), after)


def _fit() -> ColumnElement[bool]:
    """Choose recordings with boxes that are examined and whose stored bytes were read back."""
    known = Recording.facts.is_not(None) & Recording.container.in_(sorted(BOXED))
    verified = select(Object.id).where(Object.id == Recording.object_id, Object.verified_at.is_not(None)).exists()
    return known & Recording.state.not_in(("quarantined", "disposed")) & verified


def _unasked() -> ColumnElement[bool]:
    of_it = JobRow.kind == KIND, JobRow.key == cast(Recording.id, String), JobRow.recipe == RECIPE
    return ~select(JobRow.id).where(*of_it).exists()
