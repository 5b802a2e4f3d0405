"""The console of an installation, and people of each role."""

import pytest
import uvicorn

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
def person(on_sqlite, console):
    """Somebody with this role, signed in."""

    def make(role, user=None):
        made = Person(on_sqlite, console, role, user)
        made.sign_in()
        return made

    return make
