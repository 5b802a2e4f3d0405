"""The console of an installation, and people of each role."""

import contextlib

import pytest
import uvicorn
from sqlalchemy import event

from tests import machines
from tests.console.visiting import Person
from web import main


@pytest.fixture
def console(on_sqlite):
    """The address of the web process."""
    chosen = uvicorn.Config(main.build(on_sqlite.tools), log_level="error", lifespan="off")
    with machines.served(chosen) as url:
        yield url


@pytest.fixture
def console_of():
    """The address of the web process of an installation of one's own."""
    with contextlib.ExitStack() as kept:

        def make(installation):
            chosen = uvicorn.Config(main.build(installation.tools), log_level="error", lifespan="off")
            return kept.enter_context(machines.served(chosen))

        yield make


@contextlib.contextmanager
def statements(installation):
    """Every statement that is executed meanwhile."""
    found = []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    event.listen(installation.store.engine, "before_cursor_execute", note)
    yield found
    event.remove(installation.store.engine, "before_cursor_execute", note)


@pytest.fixture
def person(on_sqlite, console):
    """Somebody with this role, signed in; the processes are at work."""

    def make(role, user=None):
        on_sqlite.a_worker_runs()
        made = Person(on_sqlite, console, role, user)
        made.sign_in()
        return made

    return make
