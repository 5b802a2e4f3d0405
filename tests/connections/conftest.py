"""A house on SQLite and PostgreSQL, and on SQLite only for what the database cannot matter to."""

from contextlib import ExitStack

import pytest

import web.main
from tests import machines
from tests.connections.house import BACK, House


@pytest.fixture
def make_house(make_installation, simulated_xero):
    with ExitStack() as running:

        def make(database: str, **chosen):
            port = machines.a_free_port()
            url = f"http://localhost:{port}"
            made = make_installation(database, **{"public_url": url, "return_addresses": (BACK,), **chosen})
            running.enter_context(machines.a_website(web.main.build(made.tools), port))
            return House(made, simulated_xero[1], url)

        yield make


@pytest.fixture
def house(make_house, database_url):
    return make_house(database_url)


@pytest.fixture
def small_house(make_house, sqlite_url):
    return make_house(sqlite_url)
