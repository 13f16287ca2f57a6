"""Turn settings into an `Archive`: the same for every process and for tests."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services import db
from services.custody.work import Work, work
from services.errors import DigestMismatch, IntegrityError, NotFound, RangeOutside, Unavailable
from services.index.bureau import case_pattern
from services.index.links import LinkRules
from services.index.matching import Rules
from services.index.models import Rendition
from services.index.recordings import rendition
from services.jobs.lease import Ring
from services.media import framefile
from services.media.frames import FrameIndex
from services.media.frametimes import FrameTimes
from services.media.indexshelf import Shelf
from services.media.pool import Pool
from services.queue import QUEUES, celery_app, ring
from services.settings import Settings
from services.storage.open import open_store
from services.storage.store import ObjectStore

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


def new_id() -> str:
    """Make an id that sorts by its time of making (UUIDv7)."""
    return str(uuid7())


@dataclass(frozen=True)
class Archive:
    """Everything that a process works with. Passed in, never global."""

    settings: Settings
    engine: Engine
    store: ObjectStore
    clock: Callable[[], datetime] = utc_now
    decoders: Pool = field(init=False, repr=False, compare=False)
    """The children that decode while somebody waits; none runs before it is asked."""
    _indexes: Shelf = field(default_factory=Shelf, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Have no more decoders than this machine has cores."""
        object.__setattr__(self, "decoders", Pool(min(self.settings.decoders, os.cpu_count() or 1)))

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Open a transaction in which evidence may change, with its ledger lines."""
        with work(self.engine, self.clock()) as done:
            yield done

    @contextmanager
    def plain(self) -> Iterator[Session]:
        """Open a transaction for tables that prove nothing."""
        with db.plain(self.engine) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with db.reading(self.engine) as session:
            yield session

    @cached_property
    def broker(self) -> "Celery | None":
        """The cluster's broker, or none: then workers poll the database."""
        url = self.settings.broker_url
        gate = f"gate.{self.settings.gate}"
        return celery_app(url.get_secret_value(), (gate, *QUEUES[1:])) if url else None

    def case_pattern(self, session: Session, unit: str | None) -> str:
        """Give the form of case numbers in a unit (by id): its bureau's own, else the setting's (rule 18)."""
        return case_pattern(session, unit, self.settings.case_pattern)

    def link_rules(self, session: Session, unit: str | None) -> LinkRules:
        """Give what linking needs to know, with the case numbers of this unit."""
        settings = self.settings
        matching = Rules(
            before=timedelta(seconds=settings.link_before_s),
            after=timedelta(seconds=settings.link_after_s),
            longest=timedelta(seconds=settings.incident_max_s),
        )
        return LinkRules(matching, self.case_pattern(session, unit), settings.retention_months)

    def ring(self, rings: Iterable[Ring]) -> None:
        """Tell workers of new jobs. A broker that is down loses nothing: the sweeper rings again."""
        if self.broker is None:
            return
        for bell in rings:
            try:
                ring(self.broker, bell.queue, bell.job)
            except Unavailable as error:
                log.warning("doorbell did not ring", extra={"job": bell.job, "error": str(error)})
                return

    def index_of(self, recording_id: str) -> FrameIndex | None:
        """
        Give the frame index of a recording; None before it is examined, and until one of this version is made.

        Raises:
            IntegrityError: what the store keeps is not what the catalogue says. Raise the alarm.
            StoreUnavailable: try again later.
        """
        with self.reading() as session:
            row = rendition(session, recording_id, "frame-index")
        if row is None or row.recipe.get("version") != framefile.VERSION:
            return None
        return self._indexes.get(row.sha256, lambda: framefile.unpack(_whole(self.store, row)))

    def frame_times_of(self, recording_id: str) -> FrameTimes | None:
        """
        Give when each frame of a recording is presented; None where it has no pictures or is not examined.

        Recordings that an older version examined have these times alone until they are indexed again.

        Raises:
            IntegrityError, StoreUnavailable: as `index_of`.
        """
        index = self.index_of(recording_id)
        if index is not None:
            return index.frame_times
        with self.reading() as session:
            row = rendition(session, recording_id, "frame-times")
        return None if row is None else FrameTimes.from_bytes(_whole(self.store, row))

    def close(self) -> None:
        """Let go of the database's connections, and end the decoders."""
        self.decoders.close()
        self.engine.dispose()


def open_archive(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Archive:
    """
    Open the archive that these settings describe. Creates folders, never tables (`huisu migrate` does).

    Raises:
        Misconfigured: the settings cannot work; the message says the mend.
        StoreUnavailable: the object store does not answer.
    """
    paths = settings.paths
    for folder in (paths.home, paths.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    if settings.ffmpeg is not None:
        from services.media.programs import choose_ffmpeg  # noqa: PLC0415  (commands that touch no media skip it)

        choose_ffmpeg(settings.ffmpeg)
    store = open_store(
        kind=settings.store,
        path=paths.store,
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value() if settings.s3_access_key else None,
        secret_key=settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None,
        secure=settings.s3_secure,
        region=settings.s3_region,
        originals=settings.s3_originals,
        derived=settings.s3_derived,
        spool=paths.spool,
        spool_bytes=settings.spool_bytes,
    )
    return Archive(settings, db.open_engine(settings.database), store, clock)


def _whole(store: ObjectStore, row: Rendition) -> bytes:
    """Read a small rendition and prove it: what clips are cut by must be what was made."""
    try:
        content = b"".join(store.read(row.key, row.version_id))
    except (NotFound, RangeOutside) as error:
        raise IntegrityError(f"{row.key} of version {row.version_id} is not in the store: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != row.sha256:
        raise DigestMismatch(f"{row.key} has the digest {found}, not {row.sha256}")
    return content
