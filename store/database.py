"""The engine: SQLite in WAL mode with immediate write transactions, or PostgreSQL; the same code on both."""

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool
from sqlmodel import create_engine

READ_ONLY = {"read_only": True}
_BUSY_MS = 30_000
_RESTED_SECONDS = 1.0
_BEGUN_AT = "begun_at"
_LONGEST_TRANSACTION_SECONDS = 60  # shorter than a lease
_KNOWS_TRANSACTION_TIMEOUT = 170_000  # PostgreSQL 17; before it an open pipeline escapes the other timeout


def engine_for(url: str, pool_size: int = 12) -> Engine:
    """An engine for `DATABASE_URL`; to be made after a fork, never before. Creates SQLite's folder."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=4,
            pool_use_lifo=True,  # who was busy a moment ago knows the statements and need not be asked
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",  # of the driver: transactions begin below
        )
        _set_up_connections(engine)
        _ping_the_rested(engine)
        _begin_with_the_time(engine)
        return engine
    _make_for_its_owner(address.database)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        connect_args={"check_same_thread": False, "timeout": 30},
        hide_parameters=True,  # an error's text may reach a log; what was to be stored may not
    )
    use_immediate_transactions(engine)
    return engine


def engine_for_migrations(url: str) -> Engine:
    """An engine that keeps no connection; SQLite with the same hooks, so that a failing migration leaves nothing."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _make_for_its_owner(engine.url.database)
        use_immediate_transactions(engine)
    return engine


def _make_for_its_owner(database: str | None) -> None:
    """SQLite's file, where there is none, readable by its owner alone; what SQLite puts beside it takes after it."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return
    path = Path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # then SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _set_up_connections(engine: Engine) -> None:
    """A process that is suspended in the middle of a transaction loses it: nobody waits for its locks for ever.

    Plans are kept, and those made while a table is small must not read all of it when it has grown: rows are
    found by their keys (ADR 12, measured).
    """

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
        raw.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST_TRANSACTION_SECONDS}s'")
        if raw.info.server_version >= _KNOWS_TRANSACTION_TIMEOUT:
            raw.execute(f"SET transaction_timeout = '{_LONGEST_TRANSACTION_SECONDS}s'")
        raw.commit()


def _ping_the_rested(engine: Engine) -> None:
    """Before a connection is used that nobody used for a while, the server is asked whether it still knows it.

    One that was used a moment ago may be lost as well, but so may any in the middle of its transaction; to ask each
    time would be a round trip in seven of a busy worker.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_raw: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(raw: Any, record: Any, _proxy: Any) -> None:
        rested = time.monotonic() - record.info.get("used", time.monotonic())
        if rested > _RESTED_SECONDS and not _answers(engine, raw):
            raise InvalidatePoolError


def _begin_with_the_time(engine: Engine) -> None:
    """A transaction that writes begins in the round trip that asks for the time; what only looks needs no other.

    At READ COMMITTED each statement sees what is committed when it begins, inside a transaction and outside.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.info.pop(_BEGUN_AT, None)
        if connection.get_execution_options().get("read_only"):
            return
        raw: Any = connection.connection.dbapi_connection
        try:
            begun = raw.execute("BEGIN; SELECT clock_timestamp()", prepare=False)
        except psycopg.OperationalError as lost:
            connection.invalidate(lost)
            raise OperationalError("BEGIN", None, lost, connection_invalidated=True) from lost
        begun.nextset()
        connection.info[_BEGUN_AT] = begun.fetchone()[0]


def _answers(engine: Engine, raw: Any) -> bool:
    try:
        return engine.dialect.do_ping(raw)
    except engine.dialect.loaded_dbapi.Error:
        return False


def use_immediate_transactions(engine: Engine) -> None:
    """Begin writes with BEGIN IMMEDIATE (the driver's own transactions lose updates), reads with BEGIN."""

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={_BUSY_MS}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def database_time(connection: Connection) -> datetime:
    """The database's clock, the one clock all machines share. SQLite's is this machine's."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    begun: datetime | None = connection.info.pop(_BEGUN_AT, None)
    moment: datetime = begun or connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return moment.astimezone(UTC)
