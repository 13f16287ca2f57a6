"""Run migrations on the connection that `services.index.migrate` hands over."""

from alembic import context

import services.accounts.models
import services.custody.tables
import services.index.exports
import services.index.models
import services.jobs.table  # noqa: F401  (every table must be known to the metadata)
from services.db import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
