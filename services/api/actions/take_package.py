"""Take one copy of a package: the rights of whoever takes it, and an entry, before its first byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.entered import Entered
from services.api.actions.see_export import filename_of
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import Conflict, Gone, NotFound
from services.index.exporting import fetch_export, items_of, packages_of, require_on_all
from services.index.exports import ENDED, MADE

ENTERED = Entered()
BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
GOES_ON: Final = timedelta(hours=1)
"""Longest time in which parts of a copy belong to one taking; what is asked for later is entered anew."""


@dataclass(frozen=True, slots=True)
class Package:
    """A copy that may leave now. What leaves of it was entered already, item by item, when it was made."""

    stored: Stored
    filename: str
    archive: Archive

    def note_sent(self, count: int) -> None:
        """Take no note: the entry is of the whole."""

    def note_ranges(self, what: str, ranges: Sequence[tuple[int, int]]) -> None:
        """Take no note: the entry is of the whole."""


def take_package(
    archive: Archive, who: Principal, export_id: str, copy: int, *, address: str, method: str, goes_on: bool
) -> Package:
    """
    Enter that `who` takes a copy; `goes_on` says that the request may be for a further part of it.

    A further part is one asked for from the same address within the same hour.

    Raises:
        NotFound: no export that `who` may know of, or no such copy of it.
        NotAllowed: `who` may not export one of its recordings (any more).
        Gone: it failed or was refused: there will be no package.
        Conflict: it is not made yet.
    """
    with archive.reading() as session:
        row = fetch_export(session, who, export_id)
        require_on_all(session, who, "recording.export", [item.recording_id for item in items_of(session, export_id)])
        if row.state != MADE:
            kind = Gone if row.state in ENDED else Conflict
            raise kind(f"export {row.id} is {row.state}: there is no package")
        found = [one for one in packages_of(session, [row.id]).get(row.id, []) if one.copy_number == copy]
        if not found:
            raise NotFound(f"export {row.id} has no copy {copy}")
        one = found[0]
        stored = Stored("package", one.key, one.version_id, one.size_bytes, one.sha256, "application/zip")
    taking = (who.id, export_id, copy, address, (archive.clock() - BEGINNING) // GOES_ON)
    if not (goes_on and ENTERED.has(*taking)):
        with archive.work() as work:
            work.append(
                "export.take",
                export_id,
                actor=who.name,
                copy=copy,
                sha256=stored.sha256,
                address=address,
                method=method,
            )
        ENTERED.add(*taking)
    return Package(stored, filename_of(export_id, copy), archive)
