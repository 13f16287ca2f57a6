"""
Open the database and say which of its tables hold evidence.

Every table is declared here, once. An *evidence* row changes only inside `services.custody.work`,
which demands a ledger entry of the object that the row belongs to; *plain* rows (jobs, leases, login
sessions, rate limits, caches) change through `plain` and hold nothing that must be proved; *ledger*
rows are written by `services.custody.ledger` alone. The guard watches the statements of each
connection, because ORM listeners alone miss bulk, Core and textual writes.
"""

import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import (
    JSON,
    URL,
    Connection,
    Dialect,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from services.errors import DatabaseBusy, Misconfigured, UnrecordedChange
from services.sqlite import open_sqlite

Kind = Literal["evidence", "plain", "ledger"]

EVIDENCE: Final[dict[str, str]] = {
    "units": "id",
    "users": "id",
    "tokens": "id",
    "devices": "id",
    "rosters": "device_id",
    "recordings": "id",
    "arrivals": "recording_id",
    "objects": "recording_id",
    "renditions": "recording_id",
    "links": "recording_id",
    "proposals": "recording_id",
    "recording_persons": "recording_id",
    "sessions": "id",
    "session_members": "recording_id",
    "incidents": "id",
    "incident_officers": "incident_id",
    "cases": "id",
    "case_officers": "case_id",
    "case_incidents": "case_id",
    "spot_checks": "id",
    "spot_populations": "spot_check_id",
    "spot_items": "spot_check_id",
    "exports": "id",
    "export_items": "export_id",
    "export_packages": "export_id",
    "repairs": "recording_id",
}
"""Evidence tables, each with the column that names the ledger object its rows belong to."""

PLAIN: Final[frozenset[str]] = frozenset(
    {
        "alembic_version",
        "idempotency_keys",
        "jobs",
        "login_attempts",
        "login_links",
        "login_sessions",
        "denial_counts",
        "fixity_checks",
        "fixity_days",
        "fixity_objects",
        "processes",
        "previews",
        "recording_search",
        "recoveries",
        "uploads",
        "viewings",
    }
)
LEDGER: Final[frozenset[str]] = frozenset(
    {"object_head", "pending", "entry", "payload", "tile", "checkpoint", "cosig", "displaced"}
)

TRUSTED_S = 5.0
"""How long an idle connection to PostgreSQL counts as alive, unless the server said that it ended it."""


class Base(DeclarativeBase):
    """Carry every table of the archive, with names that Alembic can repeat on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """Keep an aware instant in UTC: a timestamp on PostgreSQL, sortable text of fixed width on SQLite."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Choose the column type of this database."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive time: nobody could say later what it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored instant needs a zone: {value!r}")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  (the interface's)
        """Give back an aware UTC time."""
        if value is None or isinstance(value, datetime):
            return value.astimezone(UTC) if value else None
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


Id = Uuid(as_uuid=False)
"""A UUID as text in Python: native on PostgreSQL, 32 hexadecimal digits on SQLite."""

Json = JSON().with_variant(JSONB(), "postgresql")
"""A JSON value. Never used for ledger bytes, which are stored verbatim."""


@dataclass(slots=True)
class Watch:
    """What one transaction may write, and what it has written so far."""

    mode: Literal["plain", "work", "migration"]
    flushing: bool = False
    ledger_open: bool = False
    touched: set[str] = field(default_factory=set)


def open_engine(url: str, *, pool_size: int = 10) -> Engine:
    """
    Connect to SQLite (a file) or PostgreSQL through the drivers we rely on, and set the guard.

    Raises:
        Misconfigured: another database, or a SQLite that could lose commits and cannot be told not to.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = open_sqlite(url)
    elif parsed.get_backend_name() == "postgresql":
        engine = _open_postgres(parsed, pool_size)
    else:
        raise Misconfigured(f"database {parsed.get_backend_name()!r} is not supported: use sqlite or postgresql")
    event.listen(engine, "before_cursor_execute", _guard)
    return engine


def _open_postgres(url: URL, pool_size: int) -> Engine:
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_size=pool_size)

    @event.listens_for(engine, "checkin")
    def _laid_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _see_whether_it_lives(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        # Asking each time would cost as much as a statement. A server that ended a connection has said so on it; one
        # that is gone without a word is only found by asking.
        idle_since = record.info.get("idle_since")
        if idle_since is None:
            return
        try:
            if time.monotonic() - idle_since >= TRUSTED_S or _has_word(connection.fileno()):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    return engine


def _has_word(socket: int) -> bool:
    """Say whether anything came, be it the end, on a connection that waits for no answer."""
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_WRITE = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|(?<!do\s)(?<!for\s)update(?:\s+or\s+\w+)?|delete\s+from|"
    r"merge\s+into|truncate(?:\s+table)?|copy)\s+(?:only\s+)?[\"`\[]?(?:\w+[\"`\]]?\.[\"`\[]?)?(\w+)",
    re.IGNORECASE,
)
_APPENDS = re.compile(r"\bhuisu_append\b", re.IGNORECASE)
_APPENDED: Final = frozenset({"object_head", "payload", "pending"})
_HARMLESS = ("select", "pragma", "begin", "commit", "rollback", "savepoint", "release", "show", "set", "explain")


@lru_cache(maxsize=1024)
def written_tables(statement: str) -> frozenset[str]:
    """Name the tables that an SQL statement writes; a SELECT writes none, unless it calls the ledger's own function."""
    bare = _COMMENT.sub(" ", statement).strip()
    named = () if bare[:9].lower().startswith(_HARMLESS) else _WRITE.findall(bare)
    return frozenset(name.lower() for name in named) | (_APPENDED if _APPENDS.search(bare) else frozenset())


def _guard(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    written = written_tables(statement)
    watch: Watch | None = connection.get_execution_options().get("huisu_watch")
    if not written or (watch and watch.mode == "migration"):
        return
    for table in written:
        _judge(table, watch)


def _judge(table: str, watch: Watch | None) -> None:
    if table not in EVIDENCE and table not in PLAIN and table not in LEDGER:
        raise UnrecordedChange(f"table {table!r} is declared neither evidence nor plain nor ledger")
    if watch is None:
        raise UnrecordedChange(f"table {table!r} would change in a transaction opened for reading")
    if table in LEDGER and not watch.ledger_open:
        raise UnrecordedChange(f"ledger table {table!r} is written by the ledger alone")
    if table in EVIDENCE and not (watch.mode == "work" and watch.flushing):
        # Bulk, Core and textual writes cannot be tied to the object they change, so none are allowed.
        raise UnrecordedChange(f"evidence table {table!r} would change outside the unit of work that records it")
    watch.touched.add(table)


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that can only read; any write in it is refused."""
    with busy_is_named(), Session(engine) as session:
        yield session


@contextmanager
def plain(engine: Engine) -> Iterator[Session]:
    """
    Open a session for plain tables that commits on a clean exit and rolls back on any error.

    Raises:
        UnrecordedChange: an evidence or ledger table would change. Nothing is kept.
        DatabaseBusy: another writer held the database too long. Nothing is kept.
    """
    with busy_is_named(), watched_session(engine, Watch("plain")) as session, session.begin():
        yield session


@contextmanager
def watched_session(
    engine: Engine, watch: Watch, kind: type[Session] = Session, *, eager: bool = False
) -> Iterator[Session]:
    """
    Open a writing session whose statements are judged by `watch`; the caller begins and commits.

    An `eager` one is before other writers of SQLite where several wait.
    """
    with engine.connect() as connection:  # options of a connection cost less than those of an engine made for it
        connection.execution_options(huisu_writing=True, huisu_watch=watch, huisu_eager=eager)
        with kind(connection, expire_on_commit=False) as session:
            yield session


def hold_snapshot(session: Session) -> None:
    """Begin the session's transaction anew, and let all that it reads from here on be of one moment."""
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def lock_name(session: Session, name: str) -> None:
    """Let no other transaction pass here with the same name until this one ends (SQLite has one writer anyway)."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


@contextmanager
def busy_is_named() -> Iterator[None]:
    """Turn a database that is locked, gone or full into the error that callers can answer."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseBusy(f"the database did not take the transaction: {error.orig}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseBusy(f"the database connection was lost: {error.orig}") from error
        raise
