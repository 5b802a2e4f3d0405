"""The Redis Stream door in: one CloudEvent per entry, acknowledged and deleted after the commit, never before.

The Redis Stream a trusted host writes to: read by a group of consumers, entries deleted once they are ours.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from events import codec
from events.codec import Unreadable
from store import inbox
from worker import logs
from worker.decisions.merge_rules import TooMuch
from worker.decisions.rights import NotAllowed, StreamHost
from worker.intake import dead_letters, intake
from worker.tools import Tools

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


AT_ONCE = 8  # an entry may have megabytes
MOST_DELIVERIES = 5
_WAIT_SECONDS = 1.0
_LOOK_SECONDS = 5.0
_log = logs.log("door")


class LettersFull(Exception):
    """So much of the stream could not be read and waits for somebody that this stays there; looked at again later."""

    wait = 600.0


class StreamConsumer:
    """One reader of the stream. It holds entries only between reading them and their verdict."""

    def __init__(self, tools: Tools, stream: RequestStream, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._tools = tools
        self._stream = stream
        self._wait = wait_seconds
        self._in_hand: list[StreamEntry] = []
        self._waiting: dict[str, float] = {}
        self._look_at = 0.0

    def take(self) -> int:
        """Deal with what was left behind and what is new, or wait a moment for it; gives how many entries are done.

        Raises redis.RedisError, and the database's error while it is away: then what is in hand stays in hand.
        """
        if not self._in_hand:
            self._in_hand = self._left_behind()
            self._in_hand += self._stream.new(AT_ONCE, 0 if self._in_hand else self._wait)
        done = 0
        while self._in_hand:
            done += self._deal_with(self._in_hand[0])
            self._in_hand.pop(0)
        return done

    def _left_behind(self) -> list[StreamEntry]:
        now = self._tools.elapsed()
        self._waiting = {id_: due for id_, due in self._waiting.items() if due > now}
        if now < self._look_at:
            return []
        found = self._stream.left_behind(AT_ONCE, self._waiting)
        if not found:  # who is dead holds nothing any more
            self._stream.forget_the_dead()
        self._look_at = now + (0 if found else _LOOK_SECONDS)
        return found

    def _deal_with(self, entry: StreamEntry) -> bool:
        """Whether the entry is done; otherwise it is left, and those behind it go on."""
        try:
            self._file(entry)
        except (TooMuch, LettersFull) as full:
            self._waiting[entry.id] = self._tools.elapsed() + full.wait
            self._stream.leave(entry)
            return False
        except Exception:
            self._is_the_database_away(entry)
            _log.exception("door.failed", door="stream", attempt=entry.deliveries)
            return False
        self._stream.done(entry)
        return True

    def _file(self, entry: StreamEntry) -> None:
        """Into the tables, or to the dead letters with the reason. Raises TooMuch, LettersFull."""
        if entry.deliveries > MOST_DELIVERIES:
            self._set_aside(entry, Unreadable(f"event: could not be filed in {MOST_DELIVERIES} tries"))
            return
        try:
            receipt = intake.accept(self._tools, _document(entry), (StreamHost(),))
        except NotAllowed as refused:
            self._set_aside(entry, Unreadable(f"event: {refused}"))
        except Unreadable as broken:
            self._set_aside(entry, broken)
        except inbox.OtherBody:
            self._set_aside(entry, Unreadable("id: this event id was used before with another body"))
        else:
            _log.info("door.accepted", door="stream", company=receipt.company, request=receipt.request)

    def _set_aside(self, entry: StreamEntry, broken: Unreadable) -> None:
        """Raises LettersFull: who writes to the stream fills the database no further, and nothing is lost."""
        chosen, body = self._tools.settings, entry.body()
        with self._tools.store.write() as work:
            count, size = inbox.open_of_key(work, dead_letters.STREAM)
            full = (
                count >= chosen.open_dead_letters
                or size + min(len(body), codec.MOST_BYTES) > chosen.open_dead_letter_bytes
            )
            if not full:
                inbox.set_aside(work, dead_letters.STREAM, body, broken.problems, entry.id)
        if full:
            _log.warning("door.letters_full", door="stream", count=count)
            raise LettersFull
        _log.warning("door.refused", door="stream", count=len(broken.problems))

    def _is_the_database_away(self, entry: StreamEntry) -> None:
        """Raises the database's error when nothing can be asked of it: then the trouble is not the entry's."""
        try:
            with self._tools.store.read():
                return
        except Exception:
            self._stream.leave(entry)
            raise


def _document(entry: StreamEntry) -> Any:
    """The event as JSON. Raises Unreadable."""
    if FIELD not in entry.fields:
        raise Unreadable("event: the entry has no field of this name")
    return codec.parse(entry.fields[FIELD])
