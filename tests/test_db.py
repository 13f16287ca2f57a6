"""The guard: evidence changes only where it is recorded, whichever way one tries."""

from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.bootstrap import new_id
from services.db import EVIDENCE, LEDGER, PLAIN, Base, Instant, open_engine, written_tables
from services.errors import Misconfigured, UnrecordedChange
from services.index.models import Recording, Upload


def unit(**values):
    return Unit(
        **({"id": new_id(), "number": "u1", "name": "一", "path": "/", "created_at": datetime.now(UTC)} | values)
    )


def test_every_table_is_declared_once():
    import services.custody.tables
    import services.index.exports
    import services.index.models
    import services.jobs.table
    import services.oversight.models  # noqa: F401

    declared = [*EVIDENCE, *PLAIN, *LEDGER]

    assert len(declared) == len(set(declared))
    assert set(Base.metadata.tables) <= set(declared)
    assert set(EVIDENCE) | set(LEDGER) <= set(Base.metadata.tables)


def test_every_owner_is_a_column():
    missing = [table for table, owner in EVIDENCE.items() if owner not in Base.metadata.tables[table].c]

    assert missing == []


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT * FROM units WHERE name = 'update units'", set()),
        ("INSERT INTO units (id) VALUES (1)", {"units"}),
        ("insert or replace into units values (1)", {"units"}),
        ('UPDATE "units" SET name = 1', {"units"}),
        ("UPDATE/**/units SET name = 1", {"units"}),
        ("/* x */ DELETE FROM units", {"units"}),
        ("WITH a AS (SELECT 1) UPDATE units SET name = 1", {"units"}),
        ("WITH gone AS (DELETE FROM links RETURNING 1) SELECT * FROM gone", {"links"}),
        ("INSERT INTO jobs (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1", {"jobs"}),
        ("SELECT * FROM jobs FOR UPDATE", set()),
        ("DELETE FROM main.units", {"units"}),
        ("TRUNCATE TABLE entry", {"entry"}),
        ("REPLACE INTO units VALUES (1)", {"units"}),
        ("SELECT huisu_append('[]', '[]')", {"object_head", "pending", "payload"}),
        (
            "WITH a AS (DELETE FROM jobs) SELECT public.HUISU_APPEND(1, 2)",
            {"jobs", "object_head", "pending", "payload"},
        ),
    ],
)
def test_writes_are_seen_in_any_dress(statement, tables):
    assert written_tables(statement) == tables


WAYS = {
    "flush": lambda s: (s.add(unit()), s.flush()),
    "bulk insert": lambda s: s.execute(insert(Unit), [{"id": new_id(), "number": "x", "name": "x", "path": "/"}]),
    "bulk update": lambda s: s.execute(update(Unit).values(name="x")),
    "bulk delete": lambda s: s.execute(delete(Unit)),
    "query update": lambda s: s.query(Unit).update({"name": "x"}),
    "core on the connection": lambda s: s.connection().execute(update(Unit).values(name="x")),
    "text": lambda s: s.execute(text("UPDATE units SET name = 'x'")),
    "driver text": lambda s: s.connection().exec_driver_sql("UPDATE units SET name = 'x'"),
    "behind a common table": lambda s: s.execute(text("WITH a AS (SELECT 1) UPDATE units SET name = 'x'")),
    "behind a comment": lambda s: s.execute(text("/* harmless */ UPDATE /* */ units SET name = 'x'")),
    "the ledger itself": lambda s: s.execute(text("DELETE FROM pending")),
    "the ledger's own function": lambda s: s.execute(text("SELECT huisu_append('[]', '[]')")),
    "an undeclared table": lambda s: s.execute(text("UPDATE strangers SET name = 'x'")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["reading", "plain"])
def test_evidence_changes_in_no_other_transaction(archive, way, mode):
    with pytest.raises(UnrecordedChange), getattr(archive, mode)() as session:
        WAYS[way](session)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "flush"])
def test_work_itself_allows_only_the_flush(archive, way):
    with pytest.raises(UnrecordedChange), archive.work() as work:
        WAYS[way](work.session)


def test_a_plain_engine_session_cannot_write_at_all(archive):
    with pytest.raises(UnrecordedChange), Session(archive.engine) as session:
        session.execute(update(Upload).values(state="x"))


def test_plain_rows_change_in_plain(archive):
    with archive.plain() as session:
        session.execute(text("DELETE FROM uploads"))

    with archive.reading() as session:
        assert session.query(Recording).count() == 0


def test_other_databases_are_refused():
    with pytest.raises(Misconfigured, match="mysql"):
        open_engine("mysql://x/y")


def test_instants_need_a_zone_and_sort_as_text():
    kept = Instant()
    dialect = sqlite.dialect()
    moment = datetime(2026, 3, 1, 8, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))

    stored = kept.process_bind_param(moment, dialect)

    assert stored == "2026-03-01T00:00:00.000005Z"
    assert kept.process_result_value(stored, dialect) == moment
    with pytest.raises(ValueError, match="zone"):
        kept.process_bind_param(datetime(2026, 3, 1), dialect)


@pytest.fixture
def pooled(empty_postgres):
    """Give an engine with one connection in its pool, and count how often the server is asked whether it lives."""
    engine, asked = open_engine(empty_postgres.postgres()), []
    ask = engine.dialect.do_ping
    engine.dialect.do_ping = lambda connection: asked.append(connection) or ask(connection)
    backend(engine)
    yield engine, asked
    engine.dispose()
    empty_postgres.drop(empty_postgres.made[-1])


def backend(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


@pytest.mark.postgres
def test_a_connection_just_used_is_trusted(pooled):
    engine, asked = pooled

    assert backend(engine) == backend(engine)
    assert asked == []


@pytest.mark.postgres
def test_a_connection_long_idle_is_asked_first(pooled, monkeypatch):
    engine, asked = pooled
    used = backend(engine)
    monkeypatch.setattr("services.db.TRUSTED_S", 0.0)

    assert backend(engine) == used
    assert len(asked) == 1


@pytest.mark.postgres
def test_connections_that_the_server_ended_are_replaced_before_anybody_notices(pooled):
    engine, asked = pooled
    with engine.connect() as first, engine.connect() as second:
        ended = {one.execute(text("SELECT pg_backend_pid()")).scalar_one() for one in (first, second)}
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False)) as other:
        for pid in ended:
            assert other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,)).fetchone() == (True,)

    with engine.connect() as first, engine.connect() as second:
        assert ended.isdisjoint(one.execute(text("SELECT pg_backend_pid()")).scalar_one() for one in (first, second))
    assert len(asked) == 1
