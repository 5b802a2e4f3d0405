"""The same installations, hosts and houses as the tests of the doors and of connections have."""

from tests.connections.conftest import house, make_house, small_house
from tests.doors.conftest import _keys_are_looked_up_each_time, doors, host, small_doors, small_host

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
