"""Alembic's entry: the connection comes from the caller, never from a file."""

from alembic import context
from sqlmodel import SQLModel

import store.tables  # noqa: F401  # tells SQLModel about the tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    include_name=lambda name, *_: name != "invoice_search_parts",  # it is only where `pg_trgm` is
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
