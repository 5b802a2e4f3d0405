"""Many invoices through a live installation on some platform, a worker killed meanwhile; what then stands where."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.builders import an_invoice
from tests.machines import wait_for
from tests.system.live import Live

QUICK = {
    "LEASE_SECONDS": "4",
    "SETTLE_SECONDS": "4",
    "SWEEP_SECONDS": "1",
    "READ_TIMEOUT_SECONDS": "2",
    "CONNECT_TIMEOUT_SECONDS": "1",
    "WORKER_PROCESSES": "2",
}
CLIENT = {"id": "C01", "name": "Harbour Master Ltd"}


@dataclass(frozen=True)
class Exported:
    """What came of it: invoices wanted, in Xero, twice there, lost; deaths of workers, and lines `redis.refused`."""

    wanted: int
    in_xero: int
    twice: int
    failed: int
    deaths: int
    refusals: int

    @property
    def lost(self) -> int:
        """Invoices that nobody has."""
        return self.wanted - self.in_xero

    @property
    def well(self) -> bool:
        """Whether all is there once, after a worker died."""
        return (self.lost, self.twice, self.failed, self.refusals) == (0, 0, 0, 0) and self.deaths > 0


def export(home: Path, invoices: int, in_the_middle: Callable[[], object] | None = None, **chosen: str) -> Exported:
    """Publish by the door, kill a worker (and do what else is wanted) in the middle, wait for the end."""
    orders = [an_invoice(f"P{number}", client=CLIENT) for number in range(invoices)]
    live = Live(home, **{**QUICK, **chosen})
    try:
        live.start(orders)
        path = home / "orders.jsonl"
        path.write_text("".join(json.dumps(order) + "\n" for order in orders))
        live.xero.put("/faults", json={"latency": 0.25})
        live.command("publish", str(path), "--company", "harbour-crew")
        wait_for(lambda: live.calls("PUT"), seconds=60)
        worker = live.process("worker-1")
        os.killpg(worker.child.pid, signal.SIGKILL)
        if in_the_middle:
            in_the_middle()
        live.xero.put("/faults", json={})
        (progress,) = live.read("publish", str(path), "--company", "harbour-crew", "--wait")["progress"]
        wait_for(lambda: worker.deaths, seconds=30)  # by the supervisor, which may look after the last answer
        numbers = Counter(book["InvoiceNumber"] for book in live.books())
        logs = "".join(log.read_text() for log in (home / "logs").glob("*.log"))
        return Exported(
            wanted=invoices,
            in_xero=len(numbers),
            twice=sum(count > 1 for count in numbers.values()),
            failed=progress["failed"],
            deaths=worker.deaths,
            refusals=logs.count('"redis.refused"'),
        )
    finally:
        live.stop()
