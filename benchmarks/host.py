"""The host applications of a benchmark: one reads the stream, one waits at the feed; both note when events came."""

import json
import threading
import time
from datetime import UTC, datetime

import httpx
import redis

from events import signing
from store.api_keys import Key
from worker.delivery.relay import STREAM

_BLOCK_MS = 500


class Listener:
    """Waits on the stream; keeps the moment (monotonic) of every answer and of every completed request."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=5)
        self._stopping = threading.Event()
        self._last = "0-0"
        self.answered: dict[tuple[str, str], float] = {}
        self.failed: list[str] = []
        self.completed: dict[str, float] = {}
        self.events: dict[str, int] = {}

    def run(self) -> None:
        """Read until stopped."""
        while not self._stopping.is_set():
            found = self._client.xread({STREAM: self._last}, block=_BLOCK_MS, count=500)
            for id_, fields in _entries(found):
                self._last = id_.decode()
                self._keep(json.loads(fields[b"event"]), time.monotonic())

    def stop(self) -> None:
        """Read no further."""
        self._stopping.set()

    def _keep(self, event: dict[str, object], now: float) -> None:
        kind, data = str(event["type"]).rpartition(".")[2], event["data"]
        self.events[kind] = self.events.get(kind, 0) + 1
        if kind in ("succeeded", "failed"):
            self.answered[data["request"], data["invoice"]] = now  # type: ignore[index]
        if kind == "failed":
            self.failed.append(data["invoice"])  # type: ignore[index]
        if kind == "completed":
            self.completed[data["request"]] = now  # type: ignore[index]


class FeedReader(Listener):
    """Waits at the feed (`wait=20`), one request after the other, from the feed's end on."""

    def __init__(self, url: str, key: Key) -> None:
        self._http, self._key = httpx.Client(base_url=url, timeout=60), key
        self._stopping = threading.Event()
        self._asked = 0
        self.answered, self.failed, self.completed, self.events = {}, [], {}, {}

    def run(self) -> None:
        """Read until stopped."""
        after, wait = "0", 0
        while not self._stopping.is_set():
            try:
                page = self._ask(f"/v1/events?after={after}&limit=500&wait={wait}")
            except httpx.TransportError:  # the installation ends while it waits
                return
            now = time.monotonic()
            for event in page["events"]:
                self._keep(event, now)
            after, wait = str(page["next"]), 0 if page["more"] else 20

    def _ask(self, target: str) -> dict[str, object]:
        self._asked += 1
        id_, now = f"feed-{id(self)}-{self._asked}", datetime.now(UTC)
        headers = signing.headers(self._key.secret, id_, "GET", target, b"", now)
        answer = self._http.get(target, headers={"x-crewcard-key": self._key.id, **headers})
        found: dict[str, object] = answer.raise_for_status().json()
        return found


def _entries(found: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or []]  # type: ignore[attr-defined]
    flat = []
    for entries in streams:
        for entry in entries:
            flat += entry if isinstance(entry, list) else [entry]
    return flat
