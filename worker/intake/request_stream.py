"""The Redis Stream a trusted host writes to: read by a group of consumers, entries deleted once they are ours."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import redis

STREAM = "crewcard.invoice-export.requests"
GROUP = "crewcard-xero"
FIELD = b"event"
_LOOK_AT = 100

# In one step: a consumer that came back to life between being seen and being dropped would lose what it was handed.
_FORGET = """
local known = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if known.err then return end
for _, one in ipairs(known) do
  local name, pending, idle = one[2], one[4], one[6]
  if pending == 0 and idle >= tonumber(ARGV[2]) then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name) end
end
"""


@dataclass(frozen=True)
class StreamEntry:
    """One entry as it stands in the stream; `deliveries` counts how often it was handed out without a verdict."""

    id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1

    def body(self) -> bytes:
        """What is kept of it as a dead letter: the event, or all fields where there is none."""
        if FIELD in self.fields:
            return self.fields[FIELD]
        said = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in self.fields.items()}
        return json.dumps(said).encode()


class RequestStream:
    """One consumer of the group. What another left behind for `idle_seconds` is anybody's; raises redis.RedisError.

    One that has not asked for `gone_seconds` is dead: the group knows the name of every process there ever was.
    Left behind is found as XAUTOCLAIM finds it, in its two steps (XPENDING, XCLAIM): entries that wait for room are
    passed over unread, and those that end their reader are counted.
    """

    def __init__(
        self, client: redis.Redis, consumer: str, idle_seconds: float = 30, gone_seconds: float = 3600
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._idle = int(idle_seconds * 1000)
        self._gone = int(gone_seconds * 1000)
        self._looked_to = "-"

    def new(self, most: int, wait_seconds: float) -> list[StreamEntry]:
        """Entries nobody has seen, after at most this wait; a group that is gone is made again."""
        try:
            found: Any = self._client.xreadgroup(
                GROUP, self._consumer, {STREAM: ">"}, count=most, block=max(1, int(wait_seconds * 1000))
            )
        except redis.ResponseError as refused:
            if "NOGROUP" not in str(refused):
                raise
            self._make_group()
            return []
        return [StreamEntry(id_.decode(), fields) for _, entries in found or [] for id_, fields in entries]

    def _make_group(self) -> None:
        """From the stream's first entry on, which may have been there before any of us."""
        try:
            self._client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        except redis.ResponseError as refused:
            if "BUSYGROUP" not in str(refused):
                raise

    def left_behind(self, most: int, passed_over: Container[str]) -> list[StreamEntry]:
        """Entries handed out a while ago and never done, now ours; one look goes no further than a page."""
        try:
            seen: Any = self._client.xpending_range(
                STREAM, GROUP, self._looked_to, "+", _LOOK_AT, idle=max(1, self._idle)
            )
        except redis.ResponseError as refused:
            if "NOGROUP" not in str(refused):
                raise
            return []
        theirs = [one for one in seen if one["message_id"].decode() not in passed_over]
        is_page = len(seen) == _LOOK_AT and len(theirs) <= most
        self._looked_to = f"({seen[-1]['message_id'].decode()}" if is_page else "-"
        return [entry for one in theirs[:most] for entry in self._claim(one)]

    def _claim(self, seen: Mapping[str, Any]) -> list[StreamEntry]:
        """The entry, unless somebody was quicker or its host has deleted it."""
        claimed: Any = self._client.xclaim(STREAM, GROUP, self._consumer, max(1, self._idle), [seen["message_id"]])
        return [
            StreamEntry(id_.decode(), fields, int(seen["times_delivered"]) + 1) for id_, fields in claimed if fields
        ]

    def done(self, entry: StreamEntry) -> None:
        """Acknowledge and delete: only ever after the commit that made it ours."""
        with self._client.pipeline(transaction=True) as both:
            both.xack(STREAM, GROUP, entry.id)
            both.xdel(STREAM, entry.id)
            both.execute()

    def leave(self, entry: StreamEntry) -> None:
        """It stays the host's for now, through no fault of its own: its deliveries are counted anew."""
        self._client.xclaim(STREAM, GROUP, self._consumer, 0, [entry.id], retrycount=0, justid=True)

    def forget_the_dead(self) -> None:
        """Drop consumers that are dead and hold no entry."""
        self._client.eval(_FORGET, 1, STREAM, GROUP, self._gone)
