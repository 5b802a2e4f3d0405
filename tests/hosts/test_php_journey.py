"""The journey of a PHP host: 1,000 invoices, a callback that fails in every way; in the end its markers are ours."""

import json
import random
from collections import Counter

import httpx
import pytest
import uvicorn
from sqlmodel import select

from store import api_keys
from store.tables import InvoiceStatus
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.examples.hosts import Host, needs_php
from tests.hosts import callback
from tests.hosts.conftest import deliver
from web import main
from worker.delivery.webhook_post import Poster
from worker.delivery.webhooks import endpoint_health

pytestmark = [pytest.mark.ci, needs_php, pytest.mark.timeout(600)]
INVOICES = 1000
_FAILING = 40  # of them, for a reason of their own
_POSTING_SECONDS = 1


class Trouble:
    """What happens on the way to xero_webhook.php; half of all webhooks meet trouble at their first try or two."""

    def __init__(self, endpoint, url):
        self.endpoint = endpoint
        self.url = url
        self.down = False
        self.met = Counter()
        self.host = httpx.Client(timeout=30)
        self._chance = random.Random(9)
        self._coming = {}
        endpoint.answer = self.answer

    def answer(self, handler):
        headers = {name: value for name, value in handler.headers.items() if name.lower().startswith("webhook-")}
        trouble = "down" if self.down else self._next(headers["webhook-id"])
        self.met[trouble] += 1
        if trouble == "down":
            handler.close_connection = True
            return
        status = 500
        if trouble != "500":
            status = self.host.post(self.url, content=handler.body.encode(), headers=headers).status_code
        if trouble == "twice":
            status = self.host.post(self.url, content=handler.body.encode(), headers=headers).status_code
        if trouble == "too late":
            self.endpoint.let_go.wait(30)
        handler.send_response(500 if trouble == "500 afterwards" else status)
        handler.end_headers()

    def _next(self, event_id):
        """What befalls this try; an event's troubles are drawn once and met one after another."""
        if event_id not in self._coming:
            kinds, weights = ("down", "500", "500 afterwards", "twice", "too late"), (30, 30, 20, 18, 2)
            many = self._chance.choice((0, 0, 1, 2))
            self._coming[event_id] = self._chance.choices(kinds, weights, k=many)
        return self._coming[event_id].pop() if self._coming[event_id] else "well"


@pytest.fixture
def world(make_installation, sqlite_url, endpoint, tmp_path):
    """An installation, its door, and a PHP host behind a bad line."""
    made = make_installation(
        sqlite_url, webhook_url=endpoint.url, webhook_secret=(callback.SECRET,), webhook_private_addresses=True
    )
    made.company()
    with made.store.write() as work:
        key = api_keys.make(work, made.tools.vault, "crewcard")
    chosen = uvicorn.Config(main.build(made.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as url:
        host = Host(tmp_path, url, key, callback.SECRET)
        with host.serving_php() as php:
            yield made, host, Trouble(endpoint, f"{php}/xero_webhook.php")


def publish(host, request, invoices):
    file = host.home / f"{request}.json"
    file.write_text(json.dumps(invoices))
    assert host.php("publish.php", COMPANY, request, file) == f"{len(invoices)} on their way\n"


def invoices(count, revision=1):
    return [
        an_invoice(f"i{n:04d}", revision=revision, job=f"job {revision}", currency="EUR" if n < _FAILING else "USD")
        for n in range(count)
    ]


def deliver_some(installation, rounds=500):
    deliver(installation, Poster(private=True, seconds=_POSTING_SECONDS).post, most=rounds)


def ours(installation):
    with installation.store.read() as work:
        rows = work.session.exec(select(InvoiceStatus).where(InvoiceStatus.company == COMPANY)).all()
    return {row.invoice: (row.marker, row.sequence) for row in rows}


def theirs(host):
    asked = "SELECT invoice, marker, sequence FROM markers WHERE company = ?"
    return {invoice: (marker, sequence) for invoice, marker, sequence in host.rows(asked, COMPANY)}


def test_a_php_host_behind_a_bad_line_ends_with_our_markers_and_handles_no_event_twice(world):
    installation, host, trouble = world
    publish(host, "bulk", invoices(INVOICES))
    assert Counter(host.markers().values()) == {"queued": INVOICES}
    trouble.down = True
    installation.run()
    deliver_some(installation)
    (endpoint,) = endpoint_health(installation.tools)
    assert endpoint.rests_until
    assert host.rows("SELECT 1 FROM inbox") == []
    trouble.down = False
    installation.later(400)
    deliver_some(installation, rounds=40)
    publish(host, "again", invoices(200, revision=2))  # news of the same invoices overtakes what is tried again
    installation.settle_down(2)
    while True:
        deliver_some(installation)
        (endpoint,) = endpoint_health(installation.tools)
        if not endpoint.behind + endpoint.waiting:
            break
        installation.later(2000)
    assert endpoint.given_up == 0
    every_trouble_was_met(trouble)
    the_host_has_what_we_have(installation, host)


def every_trouble_was_met(trouble):
    assert set(trouble.met) == {"well", "down", "500", "500 afterwards", "twice", "too late"}
    assert sum(trouble.met.values()) - trouble.met["well"] > INVOICES / 3


def the_host_has_what_we_have(installation, host):
    mine = ours(installation)
    assert theirs(host) == mine
    assert Counter(marker for marker, _ in mine.values()) == {"exported": INVOICES - _FAILING, "failed": _FAILING}
    told = {event["id"]: event["type"] for event in installation.events()}
    assert dict(host.rows("SELECT event_id, type FROM inbox")) == told
    handled = [row[0] for row in host.rows("SELECT event_id FROM history")]
    assert len(handled) == len(set(handled)) == INVOICES + 200
    assert host.rows("SELECT request, total, exported, failed, complete FROM requests ORDER BY request") == [
        ("again", 200, 200 - _FAILING, _FAILING, 1),
        ("bulk", INVOICES, INVOICES - _FAILING, _FAILING, 1),
    ]
