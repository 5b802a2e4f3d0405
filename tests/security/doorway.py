"""An installation that asks for a second factor, its console, and people in front of it."""

import contextlib

import uvicorn

from tests import machines
from tests.console.visiting import Person
from web import main


@contextlib.contextmanager
def guarded(make_installation, database_url, **chosen):
    """The installation and the address of its console; gives a maker of people."""
    made = make_installation(database_url, second_factor="required", **chosen)
    made.company()
    served = uvicorn.Config(main.build(made.tools), log_level="error", lifespan="off")
    with machines.served(served) as url:
        yield made, lambda role, user=None, address="127.0.0.1": Person(made, url, role, user, address)


def said_in_audit(installation, what=None):
    """Who, what and the chosen words of every line, newest first."""
    from store import audit

    with installation.store.read() as work:
        lines = audit.newest(work, most=500)
    return [(line.who, line.what, line.chosen) for line in lines if what in (None, line.what)]
