"""How much one key may ask for: a bucket per key and kind in Redis, filled steadily, emptied by one Lua call.

When Redis is away the doors still take events: the limit protects us from a host that has lost its way, and to
refuse its invoices would be the greater harm.
"""

import math
from functools import lru_cache

import redis
from redis.commands.core import Script

_BURST_SECONDS = 10
_MINUTE_SECONDS = 60
# The moment at which the bucket would be full again is all there is to keep (the generic cell rate algorithm).
_TAKE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
local cost, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + cost
local wait = full - now - burst
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 1000)
return 0
"""


def seconds_to_wait(client: redis.Redis, key_id: str, per_minute: int) -> int:
    """Seconds until the key may ask again; 0 where it may now, which is counted.

    Ten seconds' worth may come at once.
    """
    return _wait(client, f"xp:rate:{key_id}", 1, per_minute, _BURST_SECONDS)


def seconds_until_room(client: redis.Redis, key_id: str, kind: str, amount: int, per_minute: int) -> int:
    """The same of an amount (bytes, previews), of which a minute's worth may come at once."""
    return _wait(client, f"xp:rate:{kind}:{key_id}", amount, per_minute, _MINUTE_SECONDS)


def _wait(client: redis.Redis, bucket: str, amount: int, per_minute: int, burst_seconds: float) -> int:
    cost = amount * _MINUTE_SECONDS * 1000 / per_minute
    try:
        wait = _script(client)(keys=[bucket], args=[cost, max(cost, burst_seconds * 1000)])
    except redis.RedisError:
        return 0
    return math.ceil(int(wait) / 1000)


@lru_cache(maxsize=8)
def _script(client: redis.Redis) -> Script:
    return client.register_script(_TAKE)
