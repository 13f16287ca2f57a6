"""The migrations make exactly the tables that the program declares, on both databases, once."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

import services.oversight.models  # noqa: F401  (its tables lie above the migrations' own floor)
from services.db import Base, open_engine
from services.errors import Misconfigured
from services.index.migrate import migrate, newest, present, require_current


def test_the_migrated_tables_are_the_declared_ones(archive):
    with archive.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        different = compare_metadata(context, Base.metadata)

    # The search table is made by hand: neither FTS5 nor tsvector is a declared table.
    assert [change for change in different if "recording_search" not in str(change)] == []


def test_migrating_again_changes_nothing(archive):
    assert migrate(archive.engine) == newest() == present(archive.engine)
    require_current(archive.engine)


def test_an_empty_database_is_refused_with_the_mend(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")

    assert present(engine) is None
    with pytest.raises(Misconfigured, match="huisu migrate"):
        require_current(engine)
    engine.dispose()


def test_sqlite_is_set_to_lose_nothing(sqlite_archive):
    with sqlite_archive.engine.connect() as connection:
        told = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in
                ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip

    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
