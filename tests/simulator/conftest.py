"""A fresh simulator for each test, asked without any network."""

import pytest

from tests.simulator.desk import Desk


@pytest.fixture
def desk():
    return Desk()
