import pytest

from tests import machines
from tests.doors.host import Host
from web import keys, main


@pytest.fixture(autouse=True)
def _keys_are_looked_up_each_time(monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)


@pytest.fixture
def serve():
    """Serves an installation's doors and pages as the web process does, until the test is over; gives the address."""
    from contextlib import ExitStack

    with ExitStack() as running:

        def served(installation, limits=None):
            chosen = main.serving(main.build(installation.tools), installation.settings)
            if limits is not None:
                chosen.http.keywords["gate"].limits = limits
            return running.enter_context(machines.served(chosen))

        yield served


@pytest.fixture
def host(installation, serve):
    return Host(installation, serve(installation))
