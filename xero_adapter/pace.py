"""Stay inside Xero's limits: one Lua script grants a call or says how long to wait (xero/facts.md §1).

Redis away means no call (fail closed); what Redis forgets is relearnt from the next answer's headers.
"""

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import redis

from events.accounting_target import Organisation

_ASK = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local calls, flight, day, pause, app_pause = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, per_minute, window, at_once = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local per_day, deadline = tonumber(ARGV[5]), tonumber(ARGV[6])
for _, key in ipairs({pause, app_pause}) do
  local left = redis.call('PTTL', key)
  if left > 0 then return {left, redis.call('GET', key)} end
end
redis.call('ZREMRANGEBYSCORE', flight, '-inf', now)
if redis.call('ZCARD', flight) >= at_once then return {250, 'concurrent'} end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now)
if redis.call('ZCARD', calls) >= per_minute then
  local first = redis.call('ZRANGE', calls, 0, 0, 'WITHSCORES')
  return {math.max(1, math.ceil(first[2] - now)), 'minute'}
end
if tonumber(redis.call('GET', day) or '0') >= per_day then
  return {math.max(1000, redis.call('PTTL', day)), 'day'}
end
redis.call('ZADD', flight, now + deadline, token)
redis.call('PEXPIRE', flight, deadline + window)
redis.call('ZADD', calls, now + deadline + window, token)
redis.call('PEXPIRE', calls, deadline + 2 * window)
if redis.call('INCR', day) == 1 then redis.call('PEXPIRE', day, ARGV[7]) end
return {0, ''}
"""

_DONE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
"""

_ABANDON = """
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 and redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('DECR', KEYS[3])
end
"""

# Others may call for the same organisation: within a window the headers only ever lower the books.
_NOTE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local per_minute, window, left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if left then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  for filler = redis.call('ZCARD', KEYS[1]) + 1, per_minute - left do
    redis.call('ZADD', KEYS[1], now + window, 'other:' .. now .. ':' .. filler)
  end
  redis.call('PEXPIRE', KEYS[1], 2 * window)
end
local per_day, day_left = tonumber(ARGV[4]), tonumber(ARGV[5])
if day_left and per_day - day_left > tonumber(redis.call('GET', KEYS[3]) or '0') then
  local ttl = redis.call('PTTL', KEYS[3])
  redis.call('SET', KEYS[3], per_day - day_left, 'PX', ttl > 0 and ttl or ARGV[6])
end
"""


@dataclass(frozen=True)
class Limits:
    """Xero's limits per organisation, and the margins we keep. Seconds; `reserve` is a share of the day."""

    per_minute: int = 60
    at_once: int = 5
    per_day: int = 5000
    minute: float = 60
    day: float = 86_400
    margin: float = 0.5
    deadline: float = 70
    reserve: float = 0.1


@dataclass(frozen=True)
class Permit:
    """Leave to make one call; or, with `wait` seconds, none and `limit` says which limit it is."""

    organisation: Organisation
    token: str
    wait: float = 0
    limit: str = ""


class Pace:
    """The books of every organisation's calls, kept in Redis and rebuildable at any time."""

    def __init__(self, client: redis.Redis, limits: Limits, prefix: str = "xp") -> None:
        self._limits = limits
        self._prefix = prefix
        self._client = client
        self._ask, self._done, self._abandon, self._note = (
            client.register_script(script) for script in (_ASK, _DONE, _ABANDON, _NOTE)
        )

    def ask(self, organisation: Organisation, *, single: bool = False) -> Permit:
        """A permit, or how long to wait. Single sends may use the day's reserve. Raises redis.RedisError."""
        limits = self._limits
        per_day = limits.per_day if single else int(limits.per_day * (1 - limits.reserve))
        token = uuid.uuid4().hex
        window = _ms(limits.minute + limits.margin)
        said = self._ask(
            keys=self._keys(organisation),
            args=[
                token,
                limits.per_minute,
                window,
                limits.at_once,
                per_day,
                _ms(limits.deadline),
                _ms(limits.day),
            ],
        )
        wait, limit = int(said[0]), said[1]
        return Permit(organisation, token, wait / 1000, limit.decode() if isinstance(limit, bytes) else limit)

    def done(self, permit: Permit) -> None:
        """The call was answered: it counts against the minute from now on. Redis away changes no answer."""
        window = _ms(self._limits.minute + self._limits.margin)
        with contextlib.suppress(redis.RedisError):
            self._done(keys=self._keys(permit.organisation), args=[permit.token, window])

    def abandon(self, permit: Permit) -> None:
        """No call was made with this permit."""
        with contextlib.suppress(redis.RedisError):
            self._abandon(keys=self._keys(permit.organisation), args=[permit.token])

    def note(self, organisation: Organisation, headers: Mapping[str, str]) -> None:
        """Correct the books from an answer's headers (xero/facts.md §1.2)."""
        limits = self._limits
        minute, day = headers.get("x-minlimit-remaining", ""), headers.get("x-daylimit-remaining", "")
        window = _ms(limits.minute + limits.margin)
        args: list[str | int] = [limits.per_minute, window, minute, limits.per_day, day, _ms(limits.day)]
        with contextlib.suppress(redis.RedisError):
            self._note(keys=self._keys(organisation), args=args)

    def pause(self, organisation: Organisation, limit: str, seconds: float) -> None:
        """Xero said 429: nobody calls until it is over. The app's own limit pauses all its organisations."""
        keys = self._keys(organisation)
        key = keys[4] if limit.startswith("app") else keys[3]
        with contextlib.suppress(redis.RedisError):
            self._client.set(key, limit or "limit", px=max(1, _ms(seconds)))

    def _keys(self, organisation: Organisation) -> list[str]:
        mine = f"{self._prefix}:pace:{organisation.lane.tenant}"
        app = f"{self._prefix}:pace:app:{organisation.client_id}:pause"
        return [f"{mine}:calls", f"{mine}:flight", f"{mine}:day", f"{mine}:pause", app]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
