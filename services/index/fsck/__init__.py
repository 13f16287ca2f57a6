"""
Compare catalogue, ledger and object store, and say where they disagree. Reports; never changes anything.

Every pass streams: memory does not grow with the archive. The archive may be at work meanwhile: the
ledger is read in one snapshot, and what is listed in the store is looked up in the catalogue
afterwards, never before, so that what just arrived is no finding.
Source: knowledge integrity 7.3.
"""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy.orm import Session

from services.custody.note import VerifierKey
from services.index.fsck.chains import check_chains, check_owners
from services.index.fsck.effects import check_ingested, check_jobs, check_uploads
from services.index.fsck.finding import Finding
from services.index.fsck.log import check_continued, check_foreign, check_log, check_published
from services.index.fsck.objects import (
    check_arrivals,
    check_disposed,
    check_originals,
    check_renditions,
    check_untracked,
)
from services.index.fsck.recovered import check_recoveries
from services.storage.store import ObjectStore

__all__ = ["Finding", "Progress", "check"]

Progress = Callable[[str, int], None]
"""Told the name of a pass and how many things it has looked at; for progress bars."""


def check(
    session: Session,
    store: ObjectStore,
    *,
    deep: bool = False,
    trusted: Sequence[VerifierKey] = (),
    progress: Progress = lambda _name, _count: None,
) -> Iterator[Finding]:
    """
    Give everything that is wrong, as it is found; nothing, when catalogue, ledger and store agree.

    Args:
        session: reads only; its transaction is ended and begun anew between the passes.
        store: where the objects are.
        deep: read every object again and compare its SHA-256 and chunk root, not only its size.
        trusted: the log's keys, oldest first; without any, signatures of its heads are not checked.
        progress: told how far each pass is.

    Raises:
        StoreUnavailable: the store does not answer: nothing can be said about its objects.
    """
    yield from check_log(session, trusted, progress)
    yield from check_chains(session, progress)
    yield from check_recoveries(session, progress)
    yield from check_owners(session, progress)
    yield from check_ingested(session, progress)
    yield from check_published(session, store, progress, deep=deep)
    yield from check_continued(session, store)
    yield from check_foreign(session, store, progress)
    yield from check_originals(session, store, progress, deep=deep)
    yield from check_arrivals(session, store, progress, deep=deep)
    yield from check_renditions(session, store, progress, deep=deep)
    yield from check_disposed(session, store, progress)
    yield from check_untracked(session, store, progress)
    yield from check_uploads(session, progress)
    yield from check_jobs(session, progress)
