"""The host application of a benchmark: reads the stream as events come, and notes when."""

import json
import threading
import time

import redis

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


def _entries(found: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or []]  # type: ignore[attr-defined]
    flat = []
    for entries in streams:
        for entry in entries:
            flat += entry if isinstance(entry, list) else [entry]
    return flat
