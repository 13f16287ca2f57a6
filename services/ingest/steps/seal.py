"""Seal an upload: read it once, fingerprint it, compare it with what the dock claimed."""

from zoneinfo import ZoneInfo

from services.bootstrap import Archive
from services.custody.tree import root
from services.digest import fingerprint_file
from services.errors import NotFound
from services.index.models import Upload
from services.ingest.given import read_given
from services.ingest.shelf import Shelf


def seal(archive: Archive, upload: str) -> None:
    """
    Note an upload's SHA-256 and chunk root, and why it must be quarantined if it is not what was claimed.

    Raises:
        NotFound: the upload is unknown, or its bytes are not on this gate's disk.
    """
    with archive.reading() as session:
        row = session.get(Upload, upload)
        if row is None:
            raise NotFound(f"there is no upload {upload}")
        if row.sha256 is not None:
            return
        given = row.given
    found = fingerprint_file(Shelf(archive.settings.paths.staging).complete_path(upload))
    claimed = read_given(given, ZoneInfo(archive.settings.zone), archive.clock()).claimed
    with archive.plain() as session:
        row = session.get_one(Upload, upload)
        row.sha256, row.chunk_root = found.digest.hex, root(found.leaves)
        if claimed is not None and claimed != found.digest:
            row.reason = f"declared SHA-256 {claimed.hex}, received {found.digest.hex}"
        row.changed_at = archive.clock()
