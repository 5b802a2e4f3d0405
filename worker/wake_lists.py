"""Waking who waits at a Redis list with a blocking pop: a list of at most so many wakes, whoever wakes and whom."""

import redis

_MOST = 64
_WAKE = "if redis.call('LLEN', KEYS[1]) < tonumber(ARGV[1]) then redis.call('RPUSH', KEYS[1], '1') end"


def wake(client: redis.Redis, key: str) -> None:
    """Wake one of those who wait at this list, or the next who will. Raises redis.RedisError."""
    client.eval(_WAKE, 1, key, str(_MOST))
