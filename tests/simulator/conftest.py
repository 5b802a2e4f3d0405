"""A fresh simulator for each test: `desk` is asked without any network, `wire` over real sockets."""

import pytest

from tests.simulator.desk import Desk
from tests.simulator.wire import Wire


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def wire(simulated_xero):
    made = Wire(*simulated_xero)
    yield made
    made.http.close()
    made.state.reset()
