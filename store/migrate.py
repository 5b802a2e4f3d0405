"""Bring a database to the newest schema; safe to run again, by several machines at once."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from store.unit_of_work import READ_ONLY, engine_for_migrations

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_270_001
_LOCK_WAIT = "200ms"
_PAUSE_SECONDS = 0.5
_TABLE_IS_HELD = ("55P03", "40P01")  # lock_not_available, deadlock_detected
_ABOUT_TO_START = ("starting up", "shutting down", "recovery mode")
_MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # a third of a second that only migrating costs

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def wait_for_server(url: str, seconds: float, says: Callable[[str], object]) -> None:
    """Wait for a PostgreSQL that is about to start, as at the boot of a machine; `says` is given why, once.

    Raises OperationalError when it does not take a connection after so many seconds, and at once when it answers that
    it will not: a wrong password does not mend itself.
    """
    engine, end, has_said = engine_for_migrations(url), time.monotonic() + seconds, False
    while True:
        try:
            engine.connect().close()
        except OperationalError as refused:
            why = str(refused.orig).strip()
            answered = "FATAL" in why and not any(word in why for word in _ABOUT_TO_START)
            if engine.dialect.name == "sqlite" or answered or time.monotonic() >= end:
                raise
            if not has_said:
                says(why.partition("\n")[0])
                has_said = True
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def upgrade(url: str, revision: str = "head", held: Callable[[], object] = lambda: None) -> str:
    """Migrate the database at `url` to a revision and give its name; a newer one than this code knows stays.

    As often as a process at work holds a table of it for longer than `_LOCK_WAIT` all is undone, and tried again;
    `held` is called each time.
    """
    engine = engine_for_migrations(url)
    while True:
        try:
            with engine.begin() as connection:
                _bring_to(connection, revision)
            return current(url) or ""
        except OperationalError as refused:
            if getattr(refused.orig, "sqlstate", None) not in _TABLE_IS_HELD:
                raise
            held()
            time.sleep(_PAUSE_SECONDS)


def _bring_to(connection: Connection, revision: str) -> None:
    """Run what is missing, in this transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        # Whoever wants a table that we wait for waits behind us: doors for no longer than DOOR_WAIT_SECONDS.
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'"))
    at = _revision(connection)
    if at and (is_newer(at) or (revision, at) == ("head", newest())):
        return  # somebody may have brought it there while we waited for the lock
    from alembic import command  # noqa: PLC0415  # a third of a second that only migrating costs

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def current(url: str) -> str | None:
    """The revision the database is at, or None when it is empty."""
    with engine_for_migrations(url).connect().execution_options(**READ_ONLY) as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


@functools.cache
def newest() -> str | None:
    """The revision this code was written for: the last migration, each of which has its number in its name."""
    return max((file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")), default=None)


def is_newer(at: str | None) -> bool:
    """Whether the revision is of a later version than this code, which works on it: what is added harms nobody."""
    return at is not None and at > (newest() or "")


def is_served(at: str | None) -> bool:
    """Whether this code works on a database at this revision: its own, or a later one."""
    return at == newest() or is_newer(at)


def draft(url: str, message: str) -> None:
    """Write the migration that leads from the database at `url` to the tables as they are; for developers."""
    from alembic import command  # noqa: PLC0415  # see above

    config = _config()
    with engine_for_migrations(url).begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=f"{int(newest() or 0) + 1:04d}")
