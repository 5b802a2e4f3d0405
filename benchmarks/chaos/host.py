"""The host application of a run: publishes by HTTP until it is accepted, and reads the stream of events."""

import contextlib
import itertools
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import redis

from benchmarks.chaos.rounds import HandedFile
from cli.publish import Door, DoorClosed
from events import signing
from store.api_keys import Key
from worker.delivery.relay import STREAM

COMPLETED, CREATED = "invoice.export.completed", "client.xero_contact.updated"
FILED, ALLOCATED = "invoice.attachments.completed", "credit_note.allocated"
PAYMENTS = ("invoice.paid", "invoice.part_paid", "invoice.unpaid")
_AT_ONCE = 3
_AGAIN_SECONDS = 0.2
_PAUSED_MS = 10_000


class Publisher:
    """Delivers events, several at once, by the doors in turn; the n-th not before `share` of the run says so."""

    def __init__(
        self, doors: Sequence[Door], deliveries: Sequence[dict[str, Any]], share: Callable[[], float]
    ) -> None:
        self._turns = itertools.cycle(doors)
        self._deliveries = deliveries
        self._share = share
        self._patience = threading.Event()
        self.again = 0
        self.repeated = 0

    def run(self) -> None:
        """Publish everything; return when all of it is accepted."""
        with ThreadPoolExecutor(_AT_ONCE) as hosts:
            list(hosts.map(self._deliver, range(len(self._deliveries))))

    def stop(self) -> None:
        """Give up."""
        self._patience.set()

    def _deliver(self, number: int) -> None:
        while number / len(self._deliveries) > self._share() and not self._patience.wait(0.05):
            pass
        while not self._accepted(self._deliveries[number]) and not self._patience.wait(_AGAIN_SECONDS):
            self.again += 1

    def _accepted(self, event: dict[str, Any]) -> bool:
        try:
            said = next(self._turns).send(event, "chaos")
        except (DoorClosed, ValueError):  # nobody there, or an answer cut off in the middle
            return False
        self.repeated += said.repeated
        if said.status == 422:
            raise RuntimeError(f"the door cannot read {event['id']}: {said.problems}")
        return said.accepted


class FileDoor:
    """Hands files in, by several addresses in turn."""

    def __init__(self, addresses: Sequence[str], key: Key) -> None:
        self._turns = itertools.cycle(addresses)
        self._key = key

    def takes(self, file: HandedFile) -> bool:
        """Whether the door has taken the file; False: nobody there, or it is to come again. Raises RuntimeError."""
        path = f"/v1/companies/{file.company}/invoices/{quote(file.invoice)}/attachments/{quote(file.name)}"
        id_ = f"file-{uuid.uuid4()}"
        signed = signing.headers(self._key.secret, id_, "PUT", path, file.body, datetime.now(UTC))
        headers = {"x-crewcard-key": self._key.id, "content-type": "application/octet-stream", **signed}
        try:
            said = httpx.put(next(self._turns) + path, content=file.body, headers=headers, timeout=20)
        except httpx.HTTPError:
            return False
        if 400 <= said.status_code < 500:
            raise RuntimeError(f"the door refuses {path}: {said.text}")
        return said.status_code == 202


def news_of(event: dict[str, Any]) -> str:
    """What an event tells that somebody waits for, in a word or two; nothing for the others."""
    kind, data = event["type"], event["data"]
    if kind == COMPLETED:
        return str(data["request"])
    if kind == CREATED and data.get("contact"):
        return f"client {data['client']}" if data["created"] else str(data["contact"]["xero_contact_id"]).lower()
    if kind == FILED:
        return f"files {data['invoice']} {data['change']}"
    if kind == ALLOCATED:
        return f"allocated {data['invoice']}"
    return f"due {data['invoice']} {data['due']}" if kind in PAYMENTS else ""


class Listener:
    """Reads the stream as a host does, from where it stopped; keeps how often each event came, and its body.

    `heard` is the news that somebody waits for, each with its company.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, retry=None)
        self._reading = threading.Lock()
        self._stopping = threading.Event()
        self._last = "0-0"
        self.times: Counter[str] = Counter()
        self.bodies: dict[str, set[str]] = {}
        self.heard: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Read until stopped."""
        while not self._stopping.wait(0.02):
            self.read()

    def stop(self) -> None:
        """Read no further."""
        self._stopping.set()

    def read(self) -> None:
        """Take what is new; nothing when Redis is away."""
        try:
            with self._reading:
                self._keep(self._client.xrange(STREAM, f"({self._last}"))
        except redis.RedisError:
            return

    def empty_redis(self) -> None:
        """FLUSHALL, and in the same breath the last look at the stream: afterwards it is gone for any host."""
        with self._reading, self._client.pipeline(transaction=True) as both:
            both.xrange(STREAM, f"({self._last}")
            both.flushall()
            self._keep(both.execute()[0])

    def lose_redis(self, kill: Callable[[], None]) -> None:
        """Whoever writes has to wait, one last look at the stream, then it dies with all that it kept."""
        with self._reading:
            self._client.client_pause(_PAUSED_MS, all=False)
            self._keep(self._client.xrange(STREAM, f"({self._last}"))
            kill()

    def _keep(self, entries: Sequence[Any]) -> None:
        for id_, fields in entries:
            self._last = id_.decode()
            body = fields[b"event"].decode()
            event = json.loads(body)
            self.times[event["id"]] += 1
            self.bodies.setdefault(event["id"], set()).add(body)
            if news := news_of(event):
                self.heard.add((event["data"]["company"], news))


@contextlib.contextmanager
def beside(work: Callable[[], None], stop: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Do the work in a thread while the block runs, and until it is done."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join()
