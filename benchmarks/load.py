"""Load: invoices through the HTTP door, in arrays and one by one, and the web process killed in the middle."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from benchmarks.chaos import world
from benchmarks.installation import Bench, bench
from benchmarks.overhead import tree_seconds
from benchmarks.posting import Sent, send, signed
from benchmarks.report import Report, percentile
from demo.world import invoice
from store import api_keys
from tests.machines import wait_for

Json = dict[str, Any]
_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_ARRAY, _AT_ONCE, _CLERKS = 50, 8, 16
_SLOW_XERO_SECONDS = 2.0  # as real Xero, it does not take our processors while the doors are measured
_DRAIN_SECONDS = 1800.0
_KILLS, _CALM = 3, 100


def run(*, short: bool) -> Report:
    """Each form for a minute (ten seconds); at the end every accepted invoice must have its answer."""
    seconds = 10 if short else 60
    report = Report("load", f"PostgreSQL, one web process, everything else at work, {seconds} s each")
    with bench(limits=False, REQUESTS_PER_MINUTE="100000000") as made:  # one key knocks for everybody here
        loading = _Loading(made)
        made.latency(_SLOW_XERO_SECONDS)
        _alone(report, loading, seconds)
        _fast(report, loading, "events of 50 invoices", 2_000, seconds, loading.big)
        _fast(report, loading, "arrays of 50 events, an invoice each", 2_000, seconds, loading.array)
        _fast(report, loading, "one event of one invoice per request", 500, seconds, loading.small, _CLERKS)
        paced = send(loading.url, loading.small, _CLERKS, seconds=seconds, per_second=200)
        report.add("one per request at 200/s, p50", 1000 * percentile(_times(paced), 0.5), "ms")
        report.add("one per request at 200/s, p99", 1000 * percentile(_times(paced), 0.99), "ms", at_most=250)
        _killed(report, loading, seconds)
        made.latency(0)
        begun = time.monotonic()
        wait_for(loading.all_answered, _DRAIN_SECONDS, every=0.5)
        report.add("invoices accepted, all in all", len(loading.asked))
        report.add("without an answer at the end", len(loading.asked - made.listener.answered.keys()), at_most=0)
        report.add("  answered within, after the last was accepted", time.monotonic() - begun, "s")
    return report


class _Loading:
    """Makes signed requests, each of new invoices, and knows what was asked for."""

    def __init__(self, made: Bench) -> None:
        self._made = made
        self._companies = made.companies(4)
        self._numbers = count(1)
        self.url = made.machines.settings.public_url
        self.web = made.machines.process("web")
        with made.machines.tools.store.write() as work:
            self._key = api_keys.make(work, made.machines.tools.vault, "load")
        self.asked: set[tuple[str, str]] = set()

    def all_answered(self) -> bool:
        """Whether every invoice that was asked for has its answer."""
        return self.asked <= self._made.listener.answered.keys()

    def nothing(self) -> bytes:
        """An array with no event in it."""
        return self._signed([])

    def big(self) -> bytes:
        """One event of fifty invoices."""
        return self._signed(self._event(_ARRAY))

    def array(self) -> bytes:
        """An array of fifty events of one invoice."""
        return self._signed([self._event(1) for _ in range(_ARRAY)])

    def small(self) -> bytes:
        """One event of one invoice."""
        return self._signed(self._event(1))

    def _signed(self, body: Json | list[Json]) -> bytes:
        return signed(self._key, body, f"load-{next(self._numbers)}")

    def _event(self, size: int) -> Json:
        number = next(self._numbers)
        company, request = self._companies[number % len(self._companies)], f"load-{number}"
        invoices = [invoice(f"{request}-{place}", client=_CLIENT) for place in range(size)]
        self.asked |= {(request, one["id"]) for one in invoices}
        data = {"company": company, "request": request, "requested_by": {"id": "anna"}, "mode": "bulk"}
        about = {"specversion": "1.0", "id": request, "source": "crewcard/load", "type": "invoice.export.requested"}
        return {**about, "data": {**data, "invoices": invoices}}


def _alone(report: Report, loading: _Loading, seconds: int) -> None:
    """The door without what lies behind it: a signature, a key, a limit, and an array with nothing in it."""
    before = tree_seconds(loading.web.child.pid) if loading.web.child else 0.0
    sent = send(loading.url, loading.nothing, _AT_ONCE, seconds=seconds)
    spent = (tree_seconds(loading.web.child.pid) if loading.web.child else 0.0) - before
    _must_be_accepted(sent)
    report.add("the door alone: empty arrays", len(sent) / seconds, "requests/s")
    report.add("  processor of a request", 1000 * spent / len(sent), "ms")


def _fast(
    report: Report,
    loading: _Loading,
    name: str,
    target: float,
    seconds: int,
    make: Callable[[], bytes],
    at_once: int = _AT_ONCE,
) -> None:
    """As many as go."""
    begun, before = time.monotonic(), len(loading.asked)
    sent = send(loading.url, make, at_once, seconds=seconds)
    took, count_ = time.monotonic() - begun, len(loading.asked) - before
    _must_be_accepted(sent)
    report.add(name, count_ / took, "invoices/s", at_least=target)
    report.add("  p99 of a request", 1000 * percentile(_times(sent), 0.99), "ms")


def _killed(report: Report, loading: _Loading, seconds: int) -> None:
    """The web process dies a few times while the host goes on; what has no answer is sent again."""
    at = {_CALM * seconds * number // (_KILLS + 1) for number in range(1, _KILLS + 1)}
    killed = []

    def kill(place: int) -> None:
        child = loading.web.child
        if place in at and child is not None:
            os.kill(child.pid, signal.SIGKILL)
            killed.append(place)

    sent = send(loading.url, loading.small, _AT_ONCE, seconds=seconds, per_second=_CALM, done=kill)
    _must_be_accepted(sent)
    report.add("web processes killed meanwhile", len(killed))
    report.add("  requests that had to be sent again", sum(one.again > 0 for one in sent))
    report.add("  slowest, from when it was due", max(_times(sent)), "s")


def _times(sent: Sequence[Sent]) -> list[float]:
    return [one.seconds for one in sent]


def _must_be_accepted(sent: Sequence[Sent]) -> None:
    refused = [one.status for one in sent if one.status != 202]
    if refused:
        raise RuntimeError(f"{len(refused)} requests were refused: {sorted(set(refused))}")
