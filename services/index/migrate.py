"""Bring a database to this version's tables, and say which version it is at."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from services.db import Watch, busy_is_named
from services.errors import Misconfigured

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  (a quarter of a second that most commands need not pay)

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """Name the schema that this version of the program works with."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise Misconfigured("this installation carries no migrations")
    return head


def present(engine: Engine) -> str | None:
    """Name the schema that the database has; None: it is empty."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    with busy_is_named(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine) -> str:
    """Apply all migrations that the database lacks, in one transaction each; gives the schema reached."""
    from alembic import command  # noqa: PLC0415

    config = _config()
    writer = engine.execution_options(huisu_writing=True, huisu_watch=Watch("migration"))
    with busy_is_named(), writer.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return newest()


def require_current(engine: Engine) -> None:
    """Raise `Misconfigured` unless the database has exactly this version's schema."""
    has, wants = present(engine), newest()
    if has != wants:
        raise Misconfigured(f"the database has schema {has or 'none'}, this version needs {wants}: run `huisu migrate`")
