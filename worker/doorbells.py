"""Doorbells: "this lane may have work". Redis only, rebuildable: the queue of record is the database.

`due` (sorted set) holds when each lane wants a turn, `turns:<lane>` who holds it, as slots that expire; `turns` all
that are held, `staff` the threads there are. A doorbell is pushed only for a lane that is due and has a slot free:
turns go round between lanes, and a lane gets several side by side only while there are threads to spare.

The feed's bell is heard by every web process at once, so it is a channel: what nobody hears is gone; readers look.

Waking who waits at a Redis list with a blocking pop: a list of at most so many wakes, whoever wakes and whom.
"""

import contextlib
import itertools
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence

import redis

_MOST = 64
_AT_ONCE = 100  # lanes a sweep rings itself; the tickers ring as many in a go
_TOGETHER = 500  # lanes in one call
_REMEMBERED_SECONDS = 86_400
_MOST_COMPANIES = 100  # of one ring; more than that concern everybody
_HEARING_SECONDS = 1.0
_WAKE = "if redis.call('LLEN', KEYS[1]) < tonumber(ARGV[1]) then redis.call('RPUSH', KEYS[1], '1') end"


def wake(client: redis.Redis, key: str) -> None:
    """Wake one of those who wait at this list, or the next who will. Raises redis.RedisError."""
    client.eval(_WAKE, 1, key, str(_MOST))


TICKER, RELAY, RELAY_SOON, CHANGES, PREVIEWS = "ticker", "relay", "relay:soon", "changes", "previews"
CHANGED_INVOICES = "changed_invoices"

# A lane's second turn and any later one begin only while less than half of all threads are at it: see
# docs/explanation/fairness.md.
_ROOM = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due, turns, all, staff = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
redis.call('ZREMRANGEBYSCORE', turns, '-inf', now)
redis.call('ZREMRANGEBYSCORE', all, '-inf', now)
local function room(most)
  local held = redis.call('ZCARD', turns)
  if held == 0 or held >= most then return held < most end
  redis.call('ZREMRANGEBYSCORE', staff, '-inf', now)
  local threads = 0
  for _, one in ipairs(redis.call('ZRANGE', staff, 0, -1)) do threads = threads + tonumber(one:match('/(%d+)$')) end
  return 2 * redis.call('ZCARD', all) < threads
end
local function hold(lane, token, length)
  redis.call('ZADD', turns, now + length, token); redis.call('PEXPIRE', turns, length * 2)
  redis.call('ZADD', all, now + length, token)
  redis.call('ZREM', due, lane)
  return 1
end
"""

_RING = """
local lane, token, delay, most, bell = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('ZADD', due, 'LT', now + delay, lane)
if delay > 0 then return 2 end
return room(most) and hold(lane, token, bell) or 0
"""

_BEGIN = """
local lane, token, length = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not redis.call('ZSCORE', turns, token) and redis.call('ZCARD', turns) > 0 then return 0 end
return hold(lane, token, length)
"""

_GO_ON = """
local lane, mine, length, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
return redis.call('ZSCORE', turns, mine) and room(most + 1) and hold(lane, mine, length) or 0
"""

_REMIND = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due, all, length, most = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local rung, later = {}, 0
for place = 3, #KEYS do
  local lane, token, turns = ARGV[2 * place - 3], ARGV[2 * place - 2], KEYS[place]
  redis.call('ZREMRANGEBYSCORE', turns, '-inf', now)
  if redis.call('ZCARD', turns) == 0 and not redis.call('ZSCORE', due, lane) then
    if #rung < most then
      redis.call('ZADD', turns, now + length, token); redis.call('PEXPIRE', turns, length * 2)
      redis.call('ZADD', all, now + length, token)
      rung[#rung + 1] = place - 3
    else
      redis.call('ZADD', due, now, lane); later = later + 1
    end
  end
end
return {rung, later}
"""

_END = """
local lane, mine, delay, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREM', turns, mine); redis.call('ZREM', all, mine)
if delay >= 0 then redis.call('ZADD', due, 'LT', now + delay, lane) end
local at = redis.call('ZSCORE', due, lane)
if not at then return 0 end
if tonumber(at) > now then return 2 end
return room(most) and hold(lane, ARGV[5], tonumber(ARGV[6])) or 0
"""

_DUE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local lanes = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #lanes == 0 then return {first[2] and tostring(first[2] - now) or '', {}} end
return {'0', lanes}
"""


class Doorbells:
    """Rings lanes. `push` hands a (lane, token) doorbell to the queue."""

    def __init__(
        self,
        client: redis.Redis,
        push: Callable[[str, str], None],
        *,
        waiting: redis.Redis | None = None,
        prefix: str = "xp",
        bell_seconds: float = 30,
        turn_seconds: float = 120,
    ) -> None:
        self._client = client
        self._waiting = waiting or client
        self._push = push
        self._prefix = prefix
        self._bell = int(bell_seconds * 1000)
        self._turn = int(turn_seconds * 1000)
        scripts = (_ROOM + _RING, _ROOM + _BEGIN, _ROOM + _GO_ON, _ROOM + _END, _DUE, _REMIND)
        made = map(client.register_script, scripts)
        self._ring, self._begin, self._go_on, self._end, self._due, self._remind = made

    def ring(self, lane: str, delay: float = 0, most: int = 1) -> None:
        """The lane wants a turn, in `delay` seconds, beside at most `most` - 1 others.

        Losing this ring costs one sweep, so Redis may be away.
        """
        token = uuid.uuid4().hex
        try:
            args: list[str | int] = [lane, token, int(delay * 1000), most, self._bell]
            self._follow(self._ring(keys=self._keys(lane), args=args), lane, token)
        except redis.RedisError:
            return

    def begin(self, lane: str, token: str) -> bool:
        """Whether this doorbell may take a turn; a late one, whose slot is over, only of a lane nobody holds."""
        return bool(self._begin(keys=self._keys(lane), args=[lane, token, self._turn]))

    def go_on(self, lane: str, token: str, most: int) -> bool:
        """Whether whoever holds this turn may take the next one too, beside at most `most` - 1 others.

        Only while less than half of all threads are at it: nobody waits for this one.
        """
        return bool(self._go_on(keys=self._keys(lane), args=[lane, token, self._turn, most]))

    def end(self, lane: str, token: str, next_in: float | None, most: int = 1) -> None:
        """The turn is over; the lane wants its next one in `next_in` seconds, or None for when it is rung."""
        following = uuid.uuid4().hex
        delay = -1 if next_in is None else int(next_in * 1000)
        args: list[str | int] = [lane, token, delay, most, following, self._bell]
        try:
            self._follow(self._end(keys=self._keys(lane), args=args), lane, following)
        except redis.RedisError:
            return

    def _follow(self, said: int, lane: str, token: str) -> None:
        if said == 1:
            self._push(lane, token)
        elif said == 2:
            self._wake(TICKER)

    def forget(self, lane: str) -> None:
        """The lane is no more: nothing rings it, and nothing is kept of its turns."""
        due, turns, *_ = self._keys(lane)
        with contextlib.suppress(redis.RedisError):  # what is left there ends by itself
            self._client.zrem(due, lane)
            self._client.delete(turns)

    def due(self, most: int = 100) -> tuple[list[str], float | None]:
        """Lanes that are due now, or none and the seconds until the next one is."""
        wait, lanes = self._due(keys=[self._keys("")[0]], args=[most])
        text = wait.decode() if isinstance(wait, bytes) else wait
        return [lane.decode() for lane in lanes], float(text) / 1000 if text else None

    def is_alone(self, lane: str) -> bool:
        """Whether at most one turn of the lane is held. Raises redis.RedisError."""
        seconds, micros = self._client.time()
        return int(self._client.zcount(self._keys(lane)[1], seconds * 1000 + micros // 1000, "+inf")) <= 1

    def staff(self, process: str, threads: int, seconds: float) -> None:
        """A worker process has so many threads, for as long as it says so again."""
        now, micros = self._client.time()
        member = f"{process}/{threads}"
        self._client.zadd(f"{self._prefix}:staff", {member: now * 1000 + micros // 1000 + int(seconds * 1000)})

    def remind(self, lanes: Sequence[str]) -> int:
        """Ring these lanes, unless they are held or already due some time; the rescuer's way.

        The first of them at once, the others as soon as the tickers come to them: a queue of all would outlast
        its bells. Gives how many were forgotten. Raises redis.RedisError.
        """
        room, late = _AT_ONCE, 0
        for first in range(0, len(lanes), _TOGETHER):
            some = [(lane, uuid.uuid4().hex) for lane in lanes[first : first + _TOGETHER]]
            keys = [self._keys("")[0], self._keys("")[2], *(self._keys(lane)[1] for lane, _ in some)]
            rung, marked = self._remind(keys=keys, args=[self._bell, room, *itertools.chain(*some)])
            for place in rung:
                self._push(*some[place])
            room, late = room - len(rung), late + marked
        if late:
            self._wake(TICKER)
        return _AT_ONCE - room + late

    def is_emptied(self, process: str) -> bool:
        """Whether Redis was emptied since the process last asked; not while it is away."""
        try:
            return bool(self._client.set(f"{self._prefix}:swept:{process}", "1", nx=True, ex=_REMEMBERED_SECONDS))
        except redis.RedisError:
            return False

    def wake_relay(self, *, soon: bool = False) -> None:
        """There is news in the outbox; `soon`: a relay that is busy may let it wait for more."""
        self._wake(RELAY_SOON if soon else RELAY)

    def wake_changes(self) -> None:
        """Somebody asked for a change that Xero is asked about first."""
        self._wake(CHANGES)

    def wake_previews(self) -> None:
        """A preview may have been asked for."""
        self._wake(PREVIEWS)

    def wake_changed_invoices(self) -> None:
        """Xero told of invoices that have changed there."""
        self._wake(CHANGED_INVOICES)

    def ring_feed(self, companies: Collection[str]) -> None:
        """There is news of these companies in the feed."""
        if companies:
            said = sorted(companies) if len(companies) <= _MOST_COMPANIES else None
            with contextlib.suppress(redis.RedisError):
                self._client.publish(f"{self._prefix}:feed", json.dumps(said))

    def hear_feed(self) -> Iterator[frozenset[str] | None]:
        """Whose news is rung, as it comes; None: perhaps everybody's. Nobody's, once a second, while nothing comes.

        It begins with everybody's: what was rung before is not heard. Raises redis.RedisError.
        """
        with self._waiting.pubsub() as heard:  # type: ignore[no-untyped-call]
            heard.subscribe(f"{self._prefix}:feed")
            while True:
                message = heard.get_message(timeout=_HEARING_SECONDS)
                if message is None:
                    yield frozenset()
                else:
                    companies = json.loads(message["data"]) if message["type"] == "message" else None
                    yield None if companies is None else frozenset(companies)

    def wait(self, seconds: float, *whom: str) -> None:
        """Sleep until one of these is woken, at most this long (whole call under two seconds: libraries §3).

        Whoever wakes looks at everything: what was rung until then needs no look of its own.
        """
        keys = [f"{self._prefix}:wake:{one}" for one in whom]
        if self._waiting.blpop(keys, timeout=max(0.05, min(seconds, 1.5))):
            self._waiting.delete(*keys)

    def _wake(self, whom: str) -> None:
        with contextlib.suppress(redis.RedisError):
            wake(self._client, f"{self._prefix}:wake:{whom}")

    def _keys(self, lane: str) -> list[str]:
        names = ("due", f"turns:{lane}", "turns", "staff")
        return [f"{self._prefix}:{name}" for name in names]
