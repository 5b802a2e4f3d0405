"""The control: the same invoices, kills and faults, exported the way it is usually written.

One Dramatiq message per invoice, Dramatiq's retries around tenacity's, a new Idempotency-Key for every try,
and Xero gives the numbers. Nothing is asked for twice here: every duplicate is the exporter's own.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dramatiq
import httpx
import redis
import tenacity
from dramatiq.brokers.redis import RedisBroker

from benchmarks.chaos import books, checks, world
from benchmarks.chaos.content import contact_of
from benchmarks.chaos.evidence import Calls
from benchmarks.chaos.host import beside
from benchmarks.chaos.killer import Killer
from benchmarks.chaos.machines import Machines, machines
from benchmarks.chaos.plan import FAULTS, Plan
from benchmarks.chaos.result import Result
from benchmarks.chaos.world import World

Json = dict[str, Any]
QUEUE = "naive"
ROOT = Path(__file__).parents[2]
_SECONDS = 2.0


def start() -> None:
    """Set the worker process up: `dramatiq benchmarks.chaos.naive:start`."""
    actor(os.environ["REDIS_URL"])


def run(plan: Plan, *, keep: bool = False, told: Callable[[str], None] = lambda _line: None) -> Result:
    """Run the control through a plan."""
    asked = world.of(plan)
    with machines("sqlite", keep=keep, PYTHONPATH=str(ROOT)) as made:
        told(f"logs: {made.home}")
        made.start_xero()
        made.xero.put("/limits", json={"on": False}).raise_for_status()  # it would spend the run waiting for them
        made.start_valkey()
        command = [sys.executable, "-m", "dramatiq", "benchmarks.chaos.naive:start", "--processes", "1"]
        for number in (1, 2):
            made.supervisor.start(f"worker-{number}", [*command, "--threads", "8", "--queues", QUEUE])
        made.watch()
        return _under_fire(plan, asked, made)


def _under_fire(plan: Plan, asked: World, made: Machines) -> Result:
    begun = time.monotonic()
    bearers = {company: made.login(company)["access_token"] for company in asked.companies}
    killer = Killer(plan, made, _calls, made.tools.redis.flushall)
    queue = actor(made.settings.redis_url)
    made.trouble(plan.seed, FAULTS)
    with beside(lambda: _publish(asked, bearers, queue, lambda: killer.share)):
        killer.run()
    struck = time.monotonic()
    client = made.tools.redis
    names = (f"dramatiq:{QUEUE}.msgs", f"dramatiq:{QUEUE}.DQ.msgs")
    plan.wait(lambda: not any(client.hlen(name) for name in names))
    faults = made.calm_down()
    seen = books.documents(made.xero, asked.companies)
    return Result(
        findings=checks.of_ledger(asked, seen),
        counts={"invoices wanted in Xero": len(asked.wanted), "invoices in Xero": len(seen)},
        blows=dict(killer.struck),
        faults=faults,
        seconds={"under fire": struck - begun, "until nothing moved": time.monotonic() - struck},
    )


def _calls() -> Calls:
    """Always in flight, and two answered in a second: who knows."""
    return Calls(1, int(time.monotonic() * 2))


def _publish(asked: World, bearers: dict[str, str], queue: Any, share: Callable[[], float]) -> None:
    events = {event["id"]: event for event in asked.deliveries if event["data"]["mode"] == "bulk"}
    for number, event in enumerate(events.values()):
        while number / len(events) > share():
            time.sleep(0.05)
        company = event["data"]["company"]
        for invoice in event["data"]["invoices"]:
            if (company, invoice["id"]) in asked.wanted:
                _enqueue(queue, company, bearers[company], invoice)


def _enqueue(queue: Any, company: str, bearer: str, invoice: Json) -> None:
    while True:
        try:
            queue.send(world.tenant_of(company), bearer, in_xeros_words(company, invoice))
        except (redis.RedisError, dramatiq.errors.ConnectionError):
            time.sleep(0.1)
        else:
            return


def in_xeros_words(company: str, invoice: Json) -> Json:
    """The invoice as a create."""
    (line,) = invoice["lines"]
    return {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact_of(company)},
        "Date": invoice["date"],
        "DueDate": invoice["due_date"],
        "Status": "DRAFT",
        "Url": f"https://app.example/?crewcard={company}/{invoice['id']}",
        "LineItems": [
            {
                "Description": line["description"],
                "Quantity": 1,
                "UnitAmount": float(line["unit_amount"]),
                "AccountCode": "200",
            }
        ],
    }


def actor(url: str) -> Any:
    """The actor, with impatient defaults: 5 s until a lost worker is noticed, half a second until a retry."""
    broker = RedisBroker(url=url, heartbeat_timeout=5_000, maintenance_chance=100_000)
    dramatiq.set_broker(broker)
    decorate = dramatiq.actor(broker=broker, queue_name=QUEUE, max_retries=8, min_backoff=500, max_backoff=5_000)
    return decorate(export)


def export(tenant: str, bearer: str, invoice: Json) -> None:
    """Create one invoice in Xero; try again when that fails."""
    again = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(0.2), reraise=True)
    again(_put, tenant, bearer, invoice)


def _put(tenant: str, bearer: str, invoice: Json) -> None:
    headers = {"authorization": f"Bearer {bearer}", "xero-tenant-id": tenant, "idempotency-key": str(uuid.uuid4())}
    url = f"{os.environ['XERO_API_URL']}/api.xro/2.0/Invoices"
    httpx.put(url, json={"Invoices": [invoice]}, headers=headers, timeout=_SECONDS).raise_for_status()
