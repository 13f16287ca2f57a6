"""
Make what an export holds, once, and enter it: one `rec.export` in the history of each item's recording.

What was made of a recording is kept in the store before it is entered, so that whoever takes over from a worker that
died goes on with the very bytes that were entered, and enters nothing twice.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.api.actions.export_items import Lent, MadeItem, lent_original, make_item
from services.bootstrap import Archive
from services.custody.package.build import File, Printed, print_file
from services.custody.package.texts import CHUNK_LOG2, Item, Listed
from services.errors import DigestMismatch, IntegrityError
from services.index.exporting import items_of
from services.index.exports import ENTERED, QUEUED, Export, ExportItem
from services.index.models import Recording
from services.storage import keys

Report = Callable[[], None]
_PROOFS: Final = "proofs/"


@dataclass(frozen=True, slots=True)
class Entered:
    """An item that was entered: what is said of it, its entry's id, and its files in the package."""

    item: Item
    event: str
    files: tuple[File, ...]


def enter_items(
    archive: Archive, export_id: str, folder: Path, held: contextlib.ExitStack, report: Report
) -> list[Entered]:
    """
    Give the items of an export as local files, made and entered now or before; `held` keeps originals lent.

    Raises:
        IntegrityError: a stored original, or what was made and entered, is not what was recorded. Raise the alarm.
        And what `make_item` raises.
    """
    with archive.reading() as session:
        rows = items_of(session, export_id)
        names = {row.recording_id: session.get_one(Recording, row.recording_id).filename for row in rows}
    lent = {name: held.enter_context(lent_original(archive, name, report)) for name in sorted(names)}
    if any(row.event_id is None for row in rows):
        made = _made(archive, export_id, rows, lent, folder, report)
        _enter(archive, export_id, made)
        with archive.reading() as session:
            rows = items_of(session, export_id)
    return [_file_of(archive, row, lent[row.recording_id], folder, report) for row in rows]


def _made(
    archive: Archive, export_id: str, rows: Sequence[ExportItem], lent: dict[str, Lent], folder: Path, report: Report
) -> list[tuple[MadeItem, Printed]]:
    found = []
    for row in rows:
        made = make_item(archive, row, lent[row.recording_id], folder)
        printed = print_file(made.path, lambda _: report())
        if made.made != "original":
            archive.store.put(keys.export_item(export_id, made.path.name), made.path)
            if made.proof is not None:
                archive.store.put_bytes(keys.export_item(export_id, f"{row.n:03d}.json"), made.proof)
            made.path.unlink()
        found.append((made, printed))
        report()
    return found


def _enter(archive: Archive, export_id: str, made: Sequence[tuple[MadeItem, Printed]]) -> None:
    with archive.work() as work:
        export = work.session.get_one(Export, export_id, with_for_update=True)
        if export.state != QUEUED:
            return  # another worker was faster, or it ended
        rows = items_of(work.session, export_id)
        for row, (one, printed) in zip(rows, made, strict=True):
            row.file, row.made, row.made_start, row.made_end = one.file, one.made, one.start, one.end
            row.size_bytes, row.sha256, row.chunk_root = printed.size_bytes, printed.sha256, printed.chunk_root
            row.proof_sha256 = None if one.proof is None else hashlib.sha256(one.proof).hexdigest()
            row.proven = one.words
            row.event_id = work.append(
                "rec.export", row.recording_id, actor=export.requester, export=export_id, item=row.n, kind=row.kind,
                made=one.made, file=one.file, sha256=printed.sha256, size=printed.size_bytes, chunk_log2=CHUNK_LOG2,
                chunk_root=printed.chunk_root.hex(), start=one.start, end=one.end, copies=export.copies,
                recipient=export.recipient, purpose=export.purpose, case=export.case_number,
            )  # fmt: skip
        export.state = ENTERED
        export.version += 1
        work.append("export.enter", export_id, items=[[row.n, row.event_id, row.sha256] for row in rows])


def _file_of(archive: Archive, row: ExportItem, lent: Lent, folder: Path, report: Report) -> Entered:
    """Give an entered item as local files: the lent original, or what is kept of a clip or still, compared again."""
    if row.event_id is None or row.file is None or row.made is None or row.sha256 is None or row.chunk_root is None:
        raise IntegrityError(f"item {row.n} of export {row.export_id} was not entered")
    path = lent.path
    if row.made != "original":
        path = folder / Path(row.file).name
        with path.open("wb") as out:
            out.writelines(archive.store.read(keys.export_item(row.export_id, path.name)))
    printed = print_file(path, lambda _: report())
    if (printed.sha256, printed.size_bytes) != (row.sha256, row.size_bytes):
        raise DigestMismatch(f"{row.file} has the digest {printed.sha256}, {row.sha256} was entered")
    files = [File(Listed(row.file, printed.sha256, printed.size_bytes, printed.crc32), path=path)]
    proof = None
    if row.proof_sha256 is not None:
        proof = f"{_PROOFS}{row.n:03d}.json"
        content = b"".join(archive.store.read(keys.export_item(row.export_id, f"{row.n:03d}.json")))
        if hashlib.sha256(content).hexdigest() != row.proof_sha256:
            raise DigestMismatch(f"{proof} of export {row.export_id} is not the one that was entered")
        files.append(File.of(proof, content))
    item = Item(
        row.n, row.file, row.kind, row.recording_id, lent.filename, row.made_start, row.made_end, row.made, proof,
        row.sha256, printed.size_bytes, row.chunk_root, row.proven,
    )  # fmt: skip
    return Entered(item, row.event_id, tuple(files))
