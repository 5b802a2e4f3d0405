"""Bring a database to the newest schema; safe to run again, by several machines at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from store.unit_of_work import READ_ONLY, engine_for_migrations

_LOCK = 7_270_001


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str, revision: str = "head") -> str:
    """Migrate the database at `url` to a revision and give its name; a newer one than this code knows stays."""
    engine = engine_for_migrations(url)
    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        at = MigrationContext.configure(connection).get_current_revision()
        if at and is_newer(at):  # somebody may have brought it there while we waited for the lock
            return at
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return current(url) or ""


def current(url: str) -> str | None:
    """The revision the database is at, or None when it is empty."""
    with engine_for_migrations(url).connect().execution_options(**READ_ONLY) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision this code was written for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_newer(at: str | None) -> bool:
    """Whether the revision is of a later version than this code, which works on it: what is added harms nobody."""
    return at is not None and at > (newest() or "")


def is_served(at: str | None) -> bool:
    """Whether this code works on a database at this revision: its own, or a later one."""
    return at == newest() or is_newer(at)


def draft(url: str, message: str) -> None:
    """Write the migration that leads from the database at `url` to the tables as they are; for developers."""
    config = _config()
    with engine_for_migrations(url).begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=f"{int(newest() or 0) + 1:04d}")
