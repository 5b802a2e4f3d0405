"""The Redis Stream door in: one CloudEvent per entry, acknowledged and deleted after the commit, never before."""

from typing import Any

from events import codec
from events.codec import Unreadable
from store import inbox
from worker import logs
from worker.decisions.backpressure import TooMuch
from worker.decisions.rights import NotAllowed, StreamHost
from worker.intake import dead_letters, intake
from worker.intake.request_stream import FIELD, RequestStream, StreamEntry
from worker.tools import Tools

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
