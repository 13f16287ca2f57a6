"""Open SQLite so that no commit can be lost, and so that its writers wait for each other fairly."""

import time
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another writer before it gives up."""

EAGER_S: Final = 0.002
"""How often an eager writer asks for the write lock while another has it."""

PATIENT_S: Final = 0.25
"""How long any other writer waits before it asks as eagerly."""

PAUSES_S: Final = (0.001, 0.025)
"""The shortest and the longest pause of a patient writer; each is as long as it has waited so far."""

SQLITE_FIXED = (3, 51, 3)
"""First SQLite without the WAL-reset bug that can lose commits with two connections. Source: SQLite release notes."""


def sqlite_module() -> Any:
    """Give the SQLite driver of the pinned wheel: the one in the interpreter may lose commits."""
    from pysqlite3 import dbapi2  # noqa: PLC0415  (PostgreSQL sites need not have it)

    return dbapi2


def open_sqlite(url: str) -> Engine:
    """
    Connect to a file of SQLite; each commit is on the disk before it is answered.

    A transaction of a connection with the option `huisu_writing` has the write lock from its beginning on, and fails
    there as SQLite does when others keep it for `BUSY_TIMEOUT_MS`; with `huisu_eager` it is before others that wait.
    """
    module = sqlite_module()
    engine = create_engine(url, module=module, pool_size=20, max_overflow=60)
    journal = "WAL" if module.sqlite_version_info >= SQLITE_FIXED else "DELETE"
    synchronous = "FULL" if journal == "WAL" else "EXTRA"

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late and be deferred
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"journal_mode={journal}",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("huisu_writing", False):
            # A transaction that reads first and writes later can fail to upgrade: writers say so at once.
            _take_write_lock(connection, patient_s=0 if options.get("huisu_eager", False) else PATIENT_S)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _take_write_lock(connection: Connection, patient_s: float) -> None:
    """
    Begin a writing transaction as soon as the lock can be had.

    SQLite's own waiting pauses longer each time, up to 100 ms, so that of several writers the one that came last asks
    most often and passes the others, which then wait for seconds (source: `sqliteDefaultBusyCallback` of its main.c).
    Here whoever has waited long asks most often.
    """
    driver: Any = connection.connection.driver_connection
    began = time.monotonic()
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while (waited := time.monotonic() - began) < BUSY_TIMEOUT_MS / 1000:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite_module().OperationalError as error:
                if "locked" not in str(error):
                    break
            else:
                return
            time.sleep(EAGER_S if waited >= patient_s else min(max(waited, PAUSES_S[0]), PAUSES_S[1]))
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # refused now, it is refused as every other statement is
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
