"""The same installations, hosts and houses as the tests of the doors and of connections have; and the web process."""

from contextlib import ExitStack

import pytest

from tests import machines
from tests.connections.conftest import house, make_house, small_house
from tests.doors.conftest import _keys_are_looked_up_each_time, doors, host, small_doors, small_host
from web import main

__all__ = [
    "_keys_are_looked_up_each_time",
    "doors",
    "host",
    "house",
    "make_house",
    "small_doors",
    "small_host",
    "small_house",
]


@pytest.fixture
def serve():
    """Serves an installation's doors and pages as the web process does, until the test is over; gives the address."""
    with ExitStack() as running:

        def served(installation, limits=None):
            chosen = main.serving(main.build(installation.tools), installation.settings)
            if limits is not None:
                chosen.http.keywords["gate"].limits = limits
            return running.enter_context(machines.served(chosen))

        yield served
