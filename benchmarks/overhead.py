"""Overhead: the exporter, event in to event out, beside a bare loop that posts the same batches; a naive one."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.chaos import world
from benchmarks.installation import Bench, bench, tenant_of
from benchmarks.naive import naive_rate
from benchmarks.report import Report
from cli.demo_world import invoice
from events.accounting_target import Lane, Posting
from events.invoice import Invoice
from events.settings import CompanySettings
from worker.decisions.turns import MOST_FOR_BULK
from xero_adapter import mapping
from xero_adapter.client import XeroClient

_AIMS = {0.5: 0.9, 0.1: None, 0.0: 0.4}
_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}


def run(*, short: bool) -> Report:
    """Invoices a second through everything ÷ through the SDK alone, at three latencies, one organisation."""
    report = Report("overhead", "limits off, PostgreSQL, one organisation, 3 calls at once")
    with bench(limits=False) as made:
        ours, bare = made.companies(2)
        made.ask(ours, "warm", 500)
        made.until_complete("warm")
        for latency, aim in _AIMS.items():
            count = {0.5: 6_000, 0.1: 12_000, 0.0: 12_000}[latency] // (4 if short else 1)
            made.latency(latency)
            processor = processor_seconds(made)
            rate = _ours(made, ours, f"at-{latency}", count)
            spent = processor_seconds(made) - processor
            control = _bare(made, bare, f"bare-{latency}", count)
            target = {"at_least": aim} if aim else {}
            report.add(f"ours ÷ bare loop, a call takes {latency:g} s", rate / control, **target)
            report.add(f"  ours, {latency:g} s", rate, "invoices/s")
            report.add(f"  bare loop, {latency:g} s", control, "invoices/s")
            report.add(f"  processor per invoice, {latency:g} s (Xero's not counted)", 1000 * spent / count, "ms")
        made.latency(0.1)
        naive = naive_rate(made, 200 if short else 1_000)
        at_100 = next(one.value for one in report.figures if one.name == "  ours, 0.1 s")
        report.add("naive control at 0.1 s", naive, "invoices/s")
        report.add("ours ÷ the naive control at 0.1 s", at_100 / naive)
    report.add("lines of an invoice", 1)
    return report


def _ours(made: Bench, company: str, request: str, count: int) -> float:
    begun = made.ask(company, request, count)
    return count / (made.until_complete(request) - begun)


def _bare(made: Bench, company: str, request: str, count: int) -> float:
    """The same batches, frozen beforehand, through the same client, as many at once as a lane has turns for bulk."""
    organisation = made.organisation(company)
    bearer = made.machines.tools.auth.bearer(organisation)
    client = XeroClient(made.machines.xero_url)
    bodies = [_body(company, request, start) for start in range(0, count, 50)]

    def post(place: int) -> int:
        reply = client.put_invoices(organisation, bearer, bodies[place], f"{request}-{place}")
        return len(json.loads(reply.body)["Invoices"])

    begun = time.monotonic()
    with ThreadPoolExecutor(MOST_FOR_BULK) as loop:
        posted = sum(loop.map(post, range(len(bodies))))
    return posted / (time.monotonic() - begun)


def _body(company: str, request: str, start: int) -> bytes:
    lane = Lane(company, tenant_of(company))
    elements = []
    for number in range(start, start + 50):
        document = invoice(f"{request}-{number:05d}", client=_CLIENT)
        settings = CompanySettings(default_account_code="200")
        posting = Posting(lane, Invoice.model_validate(document), world.contact_of(company), settings)
        elements.append(mapping.element(posting, "https://app.crewcard.example/invoices"))
    return mapping.freeze(elements)


def processor_seconds(made: Bench) -> float:
    """What all our processes, the database and Valkey have used of a core so far; the simulated Xero's not."""
    pids = [one.child.pid for one in made.machines.supervisor.processes if one.child and one.name != "simulator"]
    return sum(tree_seconds(pid) for pid in pids)


def tree_seconds(pid: int) -> float:
    """A process and all that it has started, ended ones included (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(tree_seconds(int(child)) for child in children)
