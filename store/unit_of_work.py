"""One transaction as a thing: a session, and the database's time at its start.

The engine: SQLite in WAL mode with immediate write transactions, or PostgreSQL; the same code on both.
"""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool
from sqlmodel import Session, create_engine

READ_ONLY = {"read_only": True}
AT_REST = 4  # connections of a process
_DRIVERS = ("postgresql", "postgresql+psycopg", "sqlite", "sqlite+pysqlite")
_PREPARE = "prepare_threshold"
_RESTED_SECONDS = 1.0
_ASKED_ANEW_SECONDS = 60.0
_BEGUN_AT = "begun_at"
_LONGEST_TRANSACTION_SECONDS = 60  # shorter than a lease
_KNOWS_TRANSACTION_TIMEOUT = 170_000  # PostgreSQL 17; before it an open pipeline escapes the other timeout


@dataclass(frozen=True)
class Patience:
    """How long the database is waited for, in seconds: for a lock, a statement, a connection that is free.

    The first two are PostgreSQL's; of SQLite, which has one writer at a time, `writer` is waited for.
    """

    lock: float = 30
    statement: float = _LONGEST_TRANSACTION_SECONDS
    connection: float = 30
    writer: float = 30


_PATIENT = Patience()
_at_once: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()


def database_address(url: str) -> URL:
    """`DATABASE_URL` as SQLAlchemy reads it. Raises ValueError with a sentence, in which nothing of it stands.

    PostgreSQL by the name that any tool gives it; `prepare_threshold=0` (never) as the number the driver takes.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("it cannot be read: it must look like postgresql://user:password@host:5432/name") from None
    if address.drivername == "postgres":
        address = address.set(drivername="postgresql")
    if address.drivername not in _DRIVERS:
        raise ValueError("it must begin with postgresql:// or sqlite:///")
    if not str(address.query.get(_PREPARE, "0")).isdecimal():
        raise ValueError(f"{_PREPARE} must be a whole number; 0: statements are not prepared")
    return address


def engine_for(url: str, pool_size: int = 12, patience: Patience = _PATIENT, name: str = "crewcard-xero") -> Engine:
    """An engine for `DATABASE_URL`; to be made after a fork, never before. Creates SQLite's folder.

    PostgreSQL's list of connections has the name, unless the address gives another `application_name`.
    """
    address = database_address(url)
    if address.get_backend_name() != "sqlite":
        engine = create_engine(
            address.difference_update_query([_PREPARE]),
            connect_args={"application_name": name, **_driver_options(address)},
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=patience.connection,
            pool_use_lifo=True,  # who was busy a moment ago knows the statements and need not be asked
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",  # of the driver: transactions begin below
        )
        _set_up_connections(engine, patience)
        _ping_the_rested(engine)
        _count_at_once(engine)
        _begin_with_the_time(engine)
        _leave_the_read_only(engine)
        return engine
    _make_for_its_owner(address.database)
    engine = create_engine(
        address,
        poolclass=QueuePool,
        pool_size=pool_size,
        pool_timeout=patience.connection,
        connect_args={"check_same_thread": False, "timeout": patience.writer},
        hide_parameters=True,  # an error's text may reach a log; what was to be stored may not
    )
    use_immediate_transactions(engine, patience.writer)
    return engine


def engine_for_migrations(url: str) -> Engine:
    """An engine that keeps no connection; SQLite with the same hooks, so that a failing migration leaves nothing."""
    address = database_address(url)
    options = _driver_options(address)
    engine = create_engine(address.difference_update_query([_PREPARE]), poolclass=NullPool, connect_args=options)
    if engine.dialect.name == "sqlite":
        _make_for_its_owner(engine.url.database)
        use_immediate_transactions(engine)
    return engine


def _driver_options(address: URL) -> dict[str, Any]:
    """How often a statement runs before it is prepared; never, where a pooler gives each transaction another one."""
    said = address.query.get(_PREPARE)
    prepare = {} if said is None else {_PREPARE: int(str(said)) or None}
    return {**{name: value for name, value in address.query.items() if name == "application_name"}, **prepare}


def _make_for_its_owner(database: str | None) -> None:
    """SQLite's file, where there is none, readable by its owner alone; what SQLite puts beside it takes after it.

    One that is there is never opened: to close it again would give up the locks that SQLite holds on it in this
    process, and another process would take away the log that we write.
    """
    if not database or database == ":memory:" or database.startswith("file:"):
        return
    path = Path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # it is there, or SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _set_up_connections(engine: Engine, patience: Patience) -> None:
    """A process that is suspended in the middle of a transaction loses it: nobody waits for its locks for ever.

    Nor for those of anybody else: a lock on a whole table, by a person or a job, is given up after a while.

    Plans are kept, and those made while a table is small must not read all of it when it has grown: rows are
    found by their keys (ADR 12, measured).
    """

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
        raw.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST_TRANSACTION_SECONDS}s'")
        raw.execute(f"SET lock_timeout = {int(patience.lock * 1000)}")
        raw.execute(f"SET statement_timeout = {int(patience.statement * 1000)}")
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


def _count_at_once(engine: Engine) -> None:
    """How many connections were in use side by side since somebody last asked (`Store.rest`)."""
    _at_once[engine] = 0

    @event.listens_for(engine, "checkout")
    def _checkout(_raw: Any, _record: Any, _proxy: Any) -> None:
        _at_once[engine] = max(_at_once[engine], engine.pool.checkedout())  # type: ignore[attr-defined]


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


def _leave_the_read_only(engine: Engine) -> None:
    """A server that takes nothing new is left, with all connections: the next ones may lead to its successor."""

    @event.listens_for(engine, "handle_error")
    def _handle_error(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == "25006":
            context.is_disconnect = True


def _answers(engine: Engine, raw: Any) -> bool:
    try:
        return engine.dialect.do_ping(raw)
    except engine.dialect.loaded_dbapi.Error:
        return False


def use_immediate_transactions(engine: Engine, busy_seconds: float = _PATIENT.writer) -> None:
    """Begin writes with BEGIN IMMEDIATE (the driver's own transactions lose updates), reads with BEGIN."""

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={int(busy_seconds * 1000)}",
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


TimeSource = Callable[[Connection], datetime]


class Work:
    """What happens in one transaction: all of it or nothing. `told` says whether the outbox got anything.

    `trace` is where it belongs, if anywhere: what it publishes of the same trace comes out of it. `packing` is known
    to the store.
    """

    def __init__(self, connection: Connection, time_source: TimeSource, packing: "PackingKnown") -> None:
        self.connection = connection
        self.on_sqlite = self.connection.dialect.name == "sqlite"  # no row locks: one writer at a time
        self.told = False
        self.trace: str | None = None
        self._last: list[Callable[[], None]] = []
        self._time_source = time_source
        self._packing = packing
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """Models within this transaction; made when first asked for, because to open one costs several statements."""
        if self._session is None:
            self._session = Session(self.connection, expire_on_commit=False)
        return self._session

    def do_last(self, act: Callable[[], None]) -> None:
        """Do this when everything else is done, right before the commit: for what takes a lock that all share."""
        self._last.append(act)

    def finish(self) -> None:
        """What was kept for the end, in order, and what models say is written."""
        self.flush()
        while self._last:
            self._last.pop(0)()

    def flush(self) -> None:
        """What models say and no statement did yet is written."""
        if self._session is not None:
            self._session.flush()

    def close(self) -> None:
        """Let go of the models; they can be read on."""
        if self._session is not None:
            self._session.close()

    @property
    def packs(self) -> bool:
        """Whether what is written about contents is packed (`store/packing`)."""
        return self._packing.is_on(self.connection)

    @functools.cached_property
    def now(self) -> datetime:
        """Database time, aware UTC: at the start of what writes, when it is first asked for in what only looks."""
        return self.moment()

    def moment(self) -> datetime:
        """Database time this very moment: after whatever was committed before a lock that we waited for."""
        return self._time_source(self.connection)

    def after(self, seconds: float) -> datetime:
        """The moment this many seconds after the start of the transaction."""
        return self.now + timedelta(seconds=seconds)


class PackingKnown:
    """Whether contents are written packed. Once that is on it is never switched off, and not asked for again.

    While it is off it is asked for once a minute.
    """

    def __init__(self) -> None:
        self._on = False
        self._asked_at: float | None = None

    def is_on(self, connection: Connection) -> bool:
        """As the table `packing` says, or said less than a minute ago."""
        now = time.monotonic()
        if not self._on and (self._asked_at is None or now - self._asked_at >= _ASKED_ANEW_SECONDS):
            self._on = bool(connection.exec_driver_sql("SELECT count(*) FROM packing").scalar_one())
            self._asked_at = now
        return self._on


class Store:
    """The database, opened for writing or for reading. Time can be handed in by tests."""

    def __init__(self, engine: Engine, time_source: TimeSource = database_time) -> None:
        self.engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._time_source = time_source
        self._packing = PackingKnown()
        self._calm = 0

    def rest(self, calm: int = 12) -> None:
        """To be called every few seconds: closes what a busy time left open, once it was over so many times.

        `AT_REST` connections were enough since then, and no more are opened until more are needed side by side.
        """
        if self.engine not in _at_once:  # SQLite's cost nobody anything
            return
        needed, _at_once[self.engine] = _at_once[self.engine], 0
        self._calm = self._calm + 1 if needed <= AT_REST else 0
        pool: Any = self.engine.pool
        if self._calm >= calm and pool.checkedin() + pool.checkedout() > AT_REST:
            self.engine.dispose()

    @contextmanager
    def write(self, lock_seconds: float | None = None) -> Iterator[Work]:
        """A transaction that commits when the block ends well and rolls back otherwise. Never held over HTTP.

        PostgreSQL waits `lock_seconds` for each lock, where that is not what the engine says.
        """
        with self.engine.begin() as connection, contextlib.closing(self._work(connection)) as work:
            if lock_seconds is not None and not work.on_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}")
            work.now = work.moment()
            yield work
            work.finish()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """A transaction that only looks; on SQLite it does not keep writers out."""
        with self._reading.connect() as connection, contextlib.closing(self._work(connection)) as work:
            yield work

    def _work(self, connection: Connection) -> Work:
        return Work(connection, self._time_source, self._packing)
