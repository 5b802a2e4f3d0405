"""A whole installation to be measured: real processes, PostgreSQL, Valkey, and the simulated Xero in its own."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.chaos import world
from benchmarks.chaos.machines import Machines, machines
from benchmarks.host import FeedReader, Listener
from cli.publish import Door, open_door, requests_for
from demo.world import invoice
from events.accounting_target import Lane, Organisation
from store import api_keys, connections
from tests.machines import wait_for
from worker import logs

Json = dict[str, Any]
# As in production; only chaos shortens them.
TIMES = {
    "CONNECT_TIMEOUT_SECONDS": "5",
    "READ_TIMEOUT_SECONDS": "60",
    "LEASE_SECONDS": "90",
    "SETTLE_SECONDS": "100",
    "SWEEP_SECONDS": "15",
    "MINUTE_SECONDS": "60",
}
NO_LIMIT = 1_000_000
_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_PATIENCE_SECONDS = 900.0


class Bench:
    """An installation with a host that listens to its stream."""

    def __init__(self, made: Machines, listener: Listener) -> None:
        self.machines = made
        self.listener = listener
        self.door: Door = open_door(made.tools)
        self._made = 0

    def companies(self, count: int, prefix: str = "crew") -> list[str]:
        """So many connected companies, each with an organisation of its own, in whose books no day is locked."""
        names = [f"{prefix}-{number:04d}" for number in range(self._made + 1, self._made + count + 1)]
        self._made += count
        self.machines.set_up(names)
        for name in names:
            books = f"/organisations/{tenant_of(name)}"
            self.machines.xero.patch(books, json={"period_lock": "1990-01-01"}).raise_for_status()
        return names

    def latency(self, seconds: float, tenants: Sequence[str] = ()) -> None:
        """From now on every call takes so much longer; those of `tenants` alone take it as a slow answer."""
        if tenants:
            slow = {"slow": 1.0, "slow_seconds": seconds, "tenants": list(tenants), "reads": True}
            self.machines.xero.put("/faults", json=slow).raise_for_status()
        else:
            self.machines.xero.put("/faults", json={"latency": seconds}).raise_for_status()

    def ask(self, company: str, request: str, count: int, mode: str = "bulk") -> float:
        """Publish a request of fresh invoices through the door; gives the moment it was begun."""
        documents = [invoice(f"{request}-{number:05d}", client=_CLIENT) for number in range(count)]
        events = requests_for(documents, company, mode, "anna", request=request)
        begun = time.monotonic()
        for event in events:
            self.send(event)
        return begun

    def send(self, event: Json) -> None:
        """Publish one event. Raises RuntimeError when it is refused."""
        said = self.door.send(event, "bench")
        if not said.accepted:
            raise RuntimeError(f"the door refused {event['id']}: {said.problems}")

    def ask_many(self, asked: Sequence[tuple[str, str, int]], mode: str = "bulk", at_once: int = 4) -> float:
        """Publish requests (company, request, how many) at the same moment, which it gives."""
        begun = time.monotonic()
        with ThreadPoolExecutor(at_once) as hosts:
            list(hosts.map(lambda one: self.ask(*one, mode), asked))
        return begun

    @contextlib.contextmanager
    def reading_the_feed(self) -> Iterator[FeedReader]:
        """A host that waits at the feed meanwhile."""
        tools = self.machines.tools
        with tools.store.write() as work:
            key = api_keys.make(work, tools.vault, "feed")
        reader = FeedReader(tools.settings.public_url, key)
        thread = threading.Thread(target=reader.run, daemon=True)
        thread.start()
        try:
            yield reader
        finally:
            reader.stop()

    def until_complete(self, *requests: str) -> float:
        """Wait for `completed` of these requests; gives the moment at which the last one came."""
        wait_for(lambda: all(one in self.listener.completed for one in requests), _PATIENCE_SECONDS, every=0.05)
        return max(self.listener.completed[one] for one in requests)

    def organisation(self, company: str) -> Organisation:
        """Where the company's lane leads. Raises RuntimeError when it is not connected."""
        with self.machines.tools.store.read() as work:
            found = connections.organisation(work, Lane(company, tenant_of(company)))
        if found is None:
            raise RuntimeError(f"{company} is not connected")
        return found

    def calls(self, tenant: str | None = None) -> list[Json]:
        """The calls that reached the simulated Xero, oldest first."""
        found = self.machines.xero.get("/calls").json()["calls"]
        return [call for call in found if tenant in (None, call["tenant"])]


@contextlib.contextmanager
def bench(*, limits: bool, workers: int = 2, threads: int = 8, **chosen: str) -> Iterator[Bench]:
    """An installation on PostgreSQL; without `limits` neither Xero nor we count calls."""
    logs.set_up("WARNING")
    free = {} if limits else {"CALLS_PER_MINUTE": str(NO_LIMIT), "CALLS_PER_DAY": str(NO_LIMIT)}
    size = {"WORKER_PROCESSES": str(workers), "WORKER_THREADS": str(threads)}
    with machines(
        "postgresql", durable=True, **{**TIMES, **free, **size, "MOST_PENDING": str(NO_LIMIT), **chosen}
    ) as made:
        made.start_xero()
        rules = {"per_day": NO_LIMIT} if limits else {"per_minute": NO_LIMIT, "per_day": NO_LIMIT}
        made.xero.put("/limits", json=rules).raise_for_status()
        made.start()
        made.watch()
        listener = Listener(made.settings.redis_url)
        thread = threading.Thread(target=listener.run, daemon=True)
        thread.start()
        try:
            yield Bench(made, listener)
        finally:
            listener.stop()
            thread.join()


def tenant_of(company: str) -> str:
    """The Xero organisation of a company."""
    return world.tenant_of(company)
