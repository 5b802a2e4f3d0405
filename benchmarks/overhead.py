"""Overhead: the exporter, event in to event out, beside a bare loop that posts the same batches; a naive one."""

import os
from pathlib import Path
from statistics import harmonic_mean

from benchmarks.bare import barest_rate, sdk_rate
from benchmarks.installation import Bench, bench
from benchmarks.naive import naive_rate
from benchmarks.report import Report
from worker.decisions import turns

_AIMS = {0.5: 0.9, 0.1: None, 0.0: 0.4}
_COUNTS = {0.5: 3_000, 0.1: 6_000, 0.0: 8_000}
_ROUNDS = 3


def run(*, short: bool) -> Report:
    """Invoices a second through everything ÷ through the SDK alone, at three latencies, one organisation."""
    report = Report("overhead", "limits off, PostgreSQL, one organisation, as many calls at once as its lane makes")
    with bench(limits=False) as made:
        ours, bare = made.companies(2)
        made.ask(ours, "warm", 500)
        made.until_complete("warm")
        for latency in _AIMS:
            _at(report, made, ours, bare, latency, _COUNTS[latency] // (4 if short else 1))
        made.latency(0.1)
        naive = naive_rate(made, 200 if short else 1_000)
        at_100 = next(one.value for one in report.figures if one.name == "  ours, 0.1 s")
        report.add("naive control at 0.1 s", naive, "invoices/s")
        report.add("ours ÷ the naive control at 0.1 s", at_100 / naive)
    report.add("lines of an invoice", 1)
    return report


def _at(report: Report, made: Bench, ours: str, bare: str, latency: float, count: int) -> None:
    """Three rounds of each in turn, because the machine is not the same from one minute to the next; their means."""
    made.latency(latency)
    rates, loops, barest, spent = [], [], [], 0.0
    for turn in range(_ROUNDS):
        processor = processor_seconds(made)
        rates.append(_ours(made, ours, f"at-{latency}-{turn}", count))
        spent += processor_seconds(made) - processor
        loops.append(sdk_rate(made, bare, f"sdk-{latency}-{turn}", count, latency))
        barest.append(barest_rate(made, bare, f"bare-{latency}-{turn}", count, latency))
    rate, loop, frozen = harmonic_mean(rates), harmonic_mean(loops), harmonic_mean(barest)
    report.add(f"ours ÷ bare loop, a call takes {latency:g} s", rate / loop, at_least=_AIMS[latency])
    report.add(f"  ours ÷ a loop of frozen bodies, {latency:g} s", rate / frozen)
    report.add(f"  ours, {latency:g} s", rate, "invoices/s")
    report.add(f"  bare loop through the SDK, {latency:g} s", loop, "invoices/s")
    report.add(f"  loop of frozen bodies, {latency:g} s", frozen, "invoices/s")
    report.add(f"  calls at once, {latency:g} s", turns.for_bulk(latency))
    used = 1000 * spent / (count * _ROUNDS)
    report.add(f"  processor per invoice, {latency:g} s (Xero's not counted)", used, "ms")


def _ours(made: Bench, company: str, request: str, count: int) -> float:
    begun = made.ask(company, request, count)
    return count / (made.until_complete(request) - begun)


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
