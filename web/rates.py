"""How much one key may ask for: a bucket per key and kind in Redis, filled steadily, emptied by one Lua call.

When Redis is away each process counts for itself, in memory: the doors still take events, and of a host that has lost
its way at most as much as that, times the number of web processes.
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import redis
from redis.commands.core import Script

from worker.redis_client import prefix_of

REQUESTS, BYTES, PREVIEWS = "requests", "bytes", "previews"
# The moment at which the bucket would be full again is all there is to keep (the generic cell rate algorithm).
_TAKE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
local full = {}
for place, bucket in ipairs(KEYS) do
  full[place] = math.max(tonumber(redis.call('GET', bucket) or 0), now) + ARGV[2 * place - 1]
  local wait = full[place] - now - ARGV[2 * place]
  if wait > 0 then return {place, math.ceil(wait)} end
end
for place, bucket in ipairs(KEYS) do
  redis.call('SET', bucket, string.format('%.3f', full[place]), 'PX', math.ceil(full[place] - now) + 1000)
end
return {0, 0}
"""


@dataclass(frozen=True)
class Portion:
    """So much of a kind (requests, bytes, previews), of which a key has `per_minute`, or all of that at once.

    Of requests ten seconds' worth may come at once.
    """

    kind: str
    amount: int
    per_minute: int

    def costs(self) -> tuple[float, float]:
        """How many milliseconds of the bucket it takes, and how many that holds."""
        cost = self.amount * 60_000 / self.per_minute
        return cost, max(cost, 10_000 if self.kind == REQUESTS else 60_000)


def take(client: redis.Redis, key_id: str, *portions: Portion) -> tuple[Portion, int] | None:
    """Take all of these, or none: then which is lacking, and in how many seconds it is there."""
    buckets = [f"{prefix_of(client)}:rate:{portion.kind}:{key_id}" for portion in portions]
    try:
        place, wait = _script(client)(keys=buckets, args=[one for portion in portions for one in portion.costs()])
    except redis.RedisError:
        place, wait = _here(client).take(buckets, portions)
    return (portions[int(place) - 1], math.ceil(int(wait) / 1000)) if wait else None


class Buckets:
    """The same buckets in the memory of this process."""

    MOST = 10_000

    def __init__(self) -> None:
        self._full: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, names: Sequence[str], portions: Sequence[Portion]) -> tuple[int, int]:
        """Take all, (0, 0); or none: the place of the lacking one, from 1, and milliseconds until it is there."""
        now = time.monotonic() * 1000
        with self._lock:
            if len(self._full) > self.MOST:
                self._full = {name: full for name, full in self._full.items() if full > now}
            wanted = {}
            for place, (name, portion) in enumerate(zip(names, portions, strict=True), 1):
                cost, most = portion.costs()
                wanted[name] = max(self._full.get(name, 0.0), now) + cost
                if wanted[name] - now > most:
                    return place, math.ceil(wanted[name] - now - most)
            self._full |= wanted
        return 0, 0


@lru_cache(maxsize=8)
def _here(_client: redis.Redis) -> Buckets:
    return Buckets()


@lru_cache(maxsize=8)
def _script(client: redis.Redis) -> Script:
    return client.register_script(_TAKE)
