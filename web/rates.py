"""How many requests one key may make: a bucket per key in Redis, filled steadily, emptied by one Lua call.

When Redis is away the doors still take events: the limit protects us from a host that has lost its way, and to
refuse its invoices would be the greater harm.
"""

import math
from functools import lru_cache

import redis
from redis.commands.core import Script

_BURST_SECONDS = 10
# The moment at which the bucket would be full again is all there is to keep (the generic cell rate algorithm).
_TAKE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + each
local wait = full - now - burst
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 1000)
return 0
"""


def seconds_to_wait(client: redis.Redis, key_id: str, per_minute: int) -> int:
    """Seconds until the key may ask again; 0 where it may now, which is counted."""
    each = 60_000 / per_minute
    burst = max(each, _BURST_SECONDS * 1000)
    try:
        wait = _script(client)(keys=[f"xp:rate:{key_id}"], args=[each, burst])
    except redis.RedisError:
        return 0
    return math.ceil(int(wait) / 1000)


@lru_cache(maxsize=8)
def _script(client: redis.Redis) -> Script:
    return client.register_script(_TAKE)
