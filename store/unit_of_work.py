"""One transaction as a thing: a session, and the database's time at its start."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from store.database import READ_ONLY, database_time

TimeSource = Callable[[Connection], datetime]


class Work:
    """What happens in one transaction: all of it or nothing. `told` says whether the outbox got anything."""

    def __init__(self, connection: Connection, time_source: TimeSource) -> None:
        self.connection = connection
        self.on_sqlite = self.connection.dialect.name == "sqlite"  # no row locks: one writer at a time
        self.told = False
        self._last: list[Callable[[], None]] = []
        self._time_source = time_source
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


class Store:
    """The database, opened for writing or for reading. Time can be handed in by tests."""

    def __init__(self, engine: Engine, time_source: TimeSource = database_time) -> None:
        self.engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._time_source = time_source

    @contextmanager
    def write(self) -> Iterator[Work]:
        """A transaction that commits when the block ends well and rolls back otherwise. Never held over HTTP."""
        with self.engine.begin() as connection, contextlib.closing(Work(connection, self._time_source)) as work:
            work.now = work.moment()
            yield work
            work.finish()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """A transaction that only looks; on SQLite it does not keep writers out."""
        with self._reading.connect() as connection, contextlib.closing(Work(connection, self._time_source)) as work:
            yield work
