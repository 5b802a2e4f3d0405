"""A house on SQLite and PostgreSQL, and on SQLite only for what the database cannot matter to."""

from contextlib import ExitStack

import pytest
from typer.testing import CliRunner

import web.main
from cli.main import app
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


@pytest.fixture
def command(small_house, monkeypatch):
    chosen = small_house.tools.settings
    environment = {
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": ",".join(chosen.encryption_keys),
        "PUBLIC_URL": chosen.public_url,
        "XERO_API_URL": chosen.xero_api_url,
        "XERO_IDENTITY_URL": chosen.xero_identity_url,
        "XERO_LOGIN_URL": chosen.xero_login_url,
        "RETURN_ADDRESSES": ",".join(chosen.return_addresses),
        "COLUMNS": "200",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda *words, typed="": CliRunner().invoke(app, list(words), input=typed)
