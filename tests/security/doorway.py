"""An installation that asks for a second factor, its console, and people in front of it."""

import contextlib

from store import audit
from tests import machines
from tests.console.visiting import Person
from web import main


@contextlib.contextmanager
def guarded(make_installation, database_url, **chosen):
    """The installation, and a maker of people in front of its console; that is at PUBLIC_URL unless one is chosen."""
    port = machines.a_free_port()
    url = f"http://127.0.0.1:{port}"
    made = make_installation(database_url, **{"second_factor": "required", "public_url": url, **chosen})
    made.company()
    with machines.a_website(main.build(made.tools), port):
        yield made, lambda role, user=None, address="127.0.0.1": Person(made, url, role, user, address)


def said_in_audit(installation, what=None):
    """Who, what and the chosen words of every line, newest first."""
    with installation.store.read() as work:
        lines = audit.newest(work, most=500)
    return [(line.who, line.what, line.chosen) for line in lines if what in (None, line.what)]
