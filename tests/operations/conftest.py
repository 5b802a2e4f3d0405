"""A Valkey that may be made unwell."""

import pytest
import redis

from tests import machines


@pytest.fixture(scope="module")
def own_valkey():
    with machines.a_valkey() as url:
        yield url


@pytest.fixture
def valkey(own_valkey):
    """A Valkey that may be made unwell; gives its address and who rules it."""
    ruler = redis.Redis.from_url(own_valkey)
    yield own_valkey, ruler
    for name, value in (("maxmemory", 0), ("min-replicas-to-write", 0), ("maxmemory-policy", "noeviction")):
        ruler.config_set(name, value)
    ruler.replicaof("NO", "ONE")
