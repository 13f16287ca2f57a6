"""Look over what an archive needs from its machine, one line each with the mend."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import select, text

from services.bootstrap import Archive, open_archive
from services.custody.checkpoint import read_checkpoint
from services.custody.logtree import log_size
from services.custody.note import read_note
from services.custody.publish import published_head, published_past
from services.custody.receipt import MERGE_DELAY_MS
from services.custody.sequencer import waiting_since
from services.custody.signer_client import Signer
from services.custody.standing import Standing, signer_place, standing
from services.custody.witnessing import load_policy
from services.errors import HuisuError, SignerUnavailable, Unavailable
from services.index.fixity import progress
from services.index.migrate import newest, present
from services.index.upkeep import Recovery
from services.media.facts import ALLOWED_DECODERS
from services.media.programs import ffmpeg_path, ffmpeg_version, missing_decoders
from services.media.sandbox import sandbox_kind
from services.queue import reach
from services.settings import Settings
from services.sqlite import SQLITE_FIXED, sqlite_module

GIB = 1 << 30

MERGE_DELAY = timedelta(milliseconds=MERGE_DELAY_MS)
"""How late an entry may be in a signed head: what receipts promise."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at: fine, worth a look, or in the way; and what to do about it."""

    level: Literal["ok", "warn", "bad"]
    what: str
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Line]:
    """Look at everything, whatever fails on the way."""
    yield from _guarded("ffmpeg", _media)
    yield from _guarded("sandbox", _sandbox)
    yield from _guarded("disk", lambda: _disk(settings))
    yield from _guarded("clock", _clock)
    try:
        archive = open_archive(settings)
    except HuisuError as error:
        yield Line("bad", "archive", str(error), "mend the settings")
        return
    try:
        yield from _guarded("database", lambda: _database(archive))
        yield from _guarded("object store", lambda: _store(archive))
        yield from _guarded("custody log", lambda: _log(archive))
        yield from _guarded("restore", lambda: _restore(archive))
        yield from _guarded("fixity", lambda: _fixity(archive))
        yield from _guarded("broker", lambda: _broker(settings))
        yield from _guarded("pages", _pages)
    finally:
        archive.close()


def _guarded(what: str, look: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    try:
        yield from look()
    except (HuisuError, OSError) as error:
        yield Line("bad", what, str(error), "see the message")


def _media() -> Iterator[Line]:
    yield Line("ok", "ffmpeg", f"{ffmpeg_version()} at {ffmpeg_path()}")
    missing = missing_decoders()
    yield Line(
        "warn" if missing else "ok",
        "decoders",
        f"{len(ALLOWED_DECODERS) - len(missing)} of {len(ALLOWED_DECODERS)} allowed ones are there",
        f"missing: {', '.join(missing)}; use the pinned ffmpeg" if missing else "",
    )


def _sandbox() -> Iterator[Line]:
    kind = sandbox_kind()
    mend = "" if kind == "bwrap" else "install bubblewrap and allow user namespaces for stronger confinement"
    yield Line("ok" if kind == "bwrap" else "warn", "sandbox", kind, mend)


def _disk(settings: Settings) -> Iterator[Line]:
    paths = settings.paths
    for name, folder in (("home", paths.home), ("staging", paths.staging)):
        place = folder
        while not place.exists():
            place = place.parent
        usage = shutil.disk_usage(place)
        share = usage.used / usage.total
        # Shares of rule 10: warn at 85 %, alarm at 95 %.
        level: Literal["ok", "warn", "bad"] = "bad" if share >= 0.95 else "warn" if share >= 0.85 else "ok"
        mend = "make room or move the folder" if level != "ok" else ""
        yield Line(level, f"disk of {name}", f"{usage.free / GIB:.1f} GiB free, {share:.0%} used", mend)


def _clock() -> Iterator[Line]:
    now = datetime.now(UTC)
    plausible = now.year >= 2026 and abs(time.time() - now.timestamp()) < 1
    mend = "" if plausible else "set the clock and run a time service"
    yield Line("ok" if plausible else "bad", "clock", now.isoformat(timespec="seconds"), mend)


def _database(archive: Archive) -> Iterator[Line]:
    if archive.engine.dialect.name == "sqlite":
        version = sqlite_module().sqlite_version_info
        told = ".".join(map(str, version))
        fixed = version >= SQLITE_FIXED
        mend = "" if fixed else "safe but slow journal in use; install the pinned pysqlite3"
        yield Line("ok" if fixed else "warn", "SQLite", told, mend)
    else:
        with archive.reading() as session:
            yield Line("ok", "PostgreSQL", str(session.execute(text("SHOW server_version")).scalar_one()))
    has, wants = present(archive.engine), newest()
    mend = "" if has == wants else "run `huisu migrate`"
    yield Line("ok" if has == wants else "bad", "schema", f"{has or 'none'}, this version needs {wants}", mend)


def _store(archive: Archive) -> Iterator[Line]:
    archive.store.prepare()
    report = archive.store.probe(archive.clock())
    yield Line(
        "ok" if report.enforced else "warn",
        "write-once",
        "the store refuses to delete or shorten" if report.enforced else "; ".join(report.findings),
        "" if report.enforced else "use a store with object lock to hold against its administrator",
    )
    yield Line("warn", "copies", "one copy", "keep a second copy on other kit (rule 62)")


def _log(archive: Archive) -> Iterator[Line]:
    if present(archive.engine) != newest():
        return  # another line says so
    settings, url = archive.settings, archive.engine.url
    database = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    place = signer_place(Signer(settings.paths.signer_socket), database)
    if place.facts is None or place.trouble:
        yield Line("warn" if place.facts is None else "bad", "signer", place.trouble, "start it; see the message")
    if place.facts is not None:
        shared = [what for what, is_so in (("user", place.shares_user), ("disk", place.shares_disk)) if is_so]
        unseen = "" if database else "; the database's own disk cannot be seen from here"
        told = f"shares {' and '.join(shared)} with the database" if shared else "apart from the database"
        mend = "run it as another user on another disk: HUISU_SIGNER_HOME, HUISU_SIGNER_SOCKET" if shared else ""
        yield Line("warn" if shared else "ok", "signer's place", f"{told}{unseen}", mend)
    policy = load_policy(settings.policy_file)
    with archive.reading() as session:
        now = standing(session, policy, archive.clock())
        since = waiting_since(session)
    yield from _sequence(archive, now, since)
    if now.watched.is_watched:
        yield Line("ok", "witnesses", f"enough signed; the last at {now.watched.last_at}")
    else:
        told = f"too few signed within 24 h; missing: {', '.join(now.watched.missing)}" if policy.quorum else "none"
        yield Line("warn", "witnesses", told, "name outside witnesses in HUISU_POLICY_FILE and see that they answer")


def _sequence(archive: Archive, now: Standing, since: datetime | None) -> Iterator[Line]:
    """Say how far entries are behind the log, and its signed head behind that."""
    late = archive.clock() - since if since else timedelta(0)
    told = f"{now.pending} entries wait, the oldest for {late.total_seconds():.0f} s" if since else "nothing waits"
    mend = "start `huisu sequencer` (`huisu up` runs it) and the signer; their logs say what they wait for"
    yield Line("bad" if late > MERGE_DELAY else "ok", "sequencer", told, mend if late > MERGE_DELAY else "")
    if now.head is None:
        yield Line(
            "ok" if now.size == 0 else "bad", "log", f"{now.size} entries, never signed", mend if now.size else ""
        )
        return
    age = (archive.clock() - now.head.made_at).total_seconds()
    is_late = now.size > now.head.size and now.lag > MERGE_DELAY
    signed = f"{now.size} entries, {now.head.size} of them signed {age:.0f} s ago"
    yield Line("bad" if is_late else "ok", "log", signed, mend if is_late else "")


def _restore(archive: Archive) -> Iterator[Line]:
    """Say whether an older database was restored under what was signed and published."""
    if present(archive.engine) != newest():
        return
    text = published_head(archive.store)
    known = read_checkpoint(read_note(text.encode()).text).size if text is not None else 0
    with suppress(SignerUnavailable):
        known = max(known, Signer(archive.settings.paths.signer_socket).public().size)
    with archive.reading() as session:
        has = log_size(session)
    known = max(known, published_past(archive.store, has))
    with archive.reading() as session:  # again: a running archive enters first and publishes then
        has = log_size(session)
        is_open = session.scalars(select(Recovery.id).where(Recovery.event_id.is_(None)).limit(1)).first() is not None
    if has < known or is_open:
        behind = f"the database has {has} entries, {known} were signed or published: an older one was restored"
        told = "a recovery was cut short" if is_open else behind
        yield Line("bad", "restore", told, "stop the archive and run `huisu recover`")
    else:
        yield Line("ok", "restore", "the database has all that was signed")


def _fixity(archive: Archive) -> Iterator[Line]:
    if present(archive.engine) != newest():
        return
    with archive.reading() as session:
        now = progress(session, archive.clock(), archive.settings.fixity_days)
    told = f"{now.objects_read} of {now.objects} originals read within {now.days} days"
    if now.failing:
        ids = ", ".join(recording for one in now.failures for recording in one.recordings)
        damaged = f"{now.failing} originals are not what was taken in: recordings {ids}"
        yield Line("bad", "fixity", damaged, "`huisu repair propose` from a good copy")
    elif now.late:
        yield Line(
            "warn", "fixity", f"{told}; {now.late} are late", "keep `huisu beat` running; raise HUISU_FIXITY_MIB_S"
        )
    else:
        yield Line("ok", "fixity", told)


def _broker(settings: Settings) -> Iterator[Line]:
    if settings.broker_url is None:
        yield Line("ok", "broker", "none: workers look into the database")
        return
    try:
        reach(settings.broker_url.get_secret_value())
        yield Line("ok", "broker", "answers")
    except Unavailable as error:
        yield Line("bad", "broker", str(error), "start it or mend HUISU_BROKER_URL")


def _pages() -> Iterator[Line]:
    from services.api.pages import BUILT as PAGES  # noqa: PLC0415  (the web framework is heavy)

    built = (PAGES / "index.html").is_file()
    yield Line(
        "ok" if built else "warn", "pages", "built" if built else "not built", "" if built else "run `make pages`"
    )
