import pytest

from tests import machines
from tests.doors.host import Host
from web import keys, main

OTHER_TENANT = "99999999-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def _keys_are_looked_up_each_time(monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)


@pytest.fixture
def doors(installation):
    """The doors of an installation, on each database; gives its address."""
    with _served(installation) as url:
        yield url


@pytest.fixture
def small_doors(on_sqlite):
    with _served(on_sqlite) as url:
        yield url


@pytest.fixture
def host(installation, doors):
    return Host(installation, doors)


@pytest.fixture
def small_host(on_sqlite, small_doors):
    return Host(on_sqlite, small_doors)


def _served(installation):
    chosen = main.serving(main.build(installation.tools), installation.settings)
    return machines.served(chosen)
