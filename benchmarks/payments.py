"""Xero's webhooks: from a payment in Xero to `invoice.paid` at the host, and how soon a flood of them is answered."""

import json
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlmodel import select

from benchmarks import posting
from benchmarks.installation import Bench, bench, tenant_of
from benchmarks.report import Report, percentile
from simulator.webhooks import signature
from store.tables import Export
from tests.machines import wait_for
from worker.connections import apps

_KEY = "a webhook key"
_PER_SECOND = 500


def run(*, short: bool) -> Report:
    """One payment in each of many companies, one after the other; then 500 webhooks a second of one company."""
    companies, seconds = (10, 5.0) if short else (60, 30.0)
    report = Report("payments", "from Xero's webhook to the host")
    with bench(limits=True) as made:
        names = made.companies(companies)
        for name in names:
            made.ask(name, f"export-{name}", 10)
        made.until_complete(*(f"export-{name}" for name in names))
        for name in names:
            _subscribe(made, name)
        ways = [_pay(made, name) for name in names]
        report.add("payments", len(ways))
        for share in (0.5, 0.95):
            limit = {"at_most": 1000} if share == 0.5 else {}
            report.add(
                f"Xero's payment → event, p{round(share * 100)}", 1000 * percentile(ways, share), "ms", **limit
            )
        answered = _flood(made, names[0], seconds)
        report.add("webhooks posted", len(answered))
        report.add("answered 200", sum(one.status == 200 for one in answered) / len(answered), at_least=1)
        for share in (0.5, 0.99):
            limit = {"at_most": 5} if share == 0.99 else {}
            took = percentile([one.seconds for one in answered], share)
            report.add(f"until the answer, at {_PER_SECOND}/s, p{round(share * 100)}", took, "s", **limit)
    return report


def _subscribe(made: Bench, company: str) -> None:
    apps.set_webhook_key(made.machines.tools, company, _KEY, "bench")
    client = made.organisation(company).client_id
    address = f"{made.machines.settings.public_url}/xero/webhooks/{company}"
    made.machines.xero.put("/webhooks", json={"client_id": client, "url": address, "key": _KEY}).raise_for_status()
    shown = made.machines.xero.post("/webhooks/intent", json={"client_id": client}).raise_for_status().json()
    if shown["status"] != "ok":
        raise RuntimeError(f"{company} has shown no intent: {shown}")


def _pay(made: Bench, company: str) -> float:
    """Pay an invoice in Xero; gives the seconds until the host has its event."""
    before = made.listener.events.get("paid", 0)
    begun = time.monotonic()
    payments = f"/organisations/{tenant_of(company)}/payments"
    made.machines.xero.post(payments, json={"invoice": _ids(made, company)[0]}).raise_for_status()
    wait_for(lambda: made.listener.events.get("paid", 0) > before, 120, every=0.0005)
    return time.monotonic() - begun


def _ids(made: Bench, company: str) -> list[str]:
    """The ids in Xero of the company's invoices."""
    with made.machines.tools.store.read() as work:
        asked = select(Export.xero_invoice_id).where(Export.company == company).order_by(Export.id)
        return [id_ for id_ in work.session.exec(asked) if id_]


def _flood(made: Bench, company: str, seconds: float) -> list[posting.Sent]:
    """Webhooks of a company's own invoices, so many a second, over kept connections."""
    ids, tenant, url = _ids(made, company), tenant_of(company), made.machines.settings.public_url
    place = iter(range(10**9))

    def request() -> bytes:
        event = {"resourceId": ids[next(place) % len(ids)], "tenantId": tenant, "eventType": "UPDATE"}
        event |= {"eventCategory": "INVOICE", "eventDateUtc": datetime.now(UTC).isoformat()}
        body = json.dumps({"events": [event], "entropy": uuid.uuid4().hex}).encode()
        head = f"POST /xero/webhooks/{company} HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\n"
        head += f"x-xero-signature: {signature(_KEY, body)}\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body

    return posting.send(url, request, 64, seconds=seconds, per_second=_PER_SECOND)
