"""What the database says: open work, what keeps it from moving, and what was answered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from store import audit, counters, measures, processes
from store.measures import Lanes, Waiting
from store.unit_of_work import Work
from worker.measuring import catalogue as metrics
from worker.measuring.catalogue import Metric
from worker.settings import Settings
from worker.status import companies
from worker.tools import Tools

MOST_COMPANIES = 20
REST = "(other)"
_COUNTED = {
    "invoices": metrics.ANSWERS,
    "events": metrics.EVENTS,
    "troubles": metrics.TROUBLES,
    "sign_ins": metrics.SIGN_INS,
}


class Reading(NamedTuple):
    """One figure: of a metric, with a value for each of its labels."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


def read(tools: Tools, work: Work) -> Iterator[Reading]:
    """All of it, in a constant number of statements."""
    yield from _companies(tools, work)
    for state, count in measures.invoices(work).items():
        yield Reading(metrics.INVOICES, count, (state,))
    yield from _batches(work)
    yield from _events_out(work, tools.settings)
    yield from _asked(work)
    yield Reading(metrics.DEAD_LETTERS, measures.dead_letters(work))
    yield from _audit(work)
    yield from _processes(work)
    counted = counters.everything(work)
    for row in counted:
        metric = _COUNTED[row.name]
        yield Reading(metric, row.count, (row.kind, row.detail)[: len(metric.labels)])
    for outcome in metrics.SIGN_IN_OUTCOMES - {row.kind for row in counted if row.name == "sign_ins"}:
        yield Reading(metrics.SIGN_INS, 0, (outcome,))  # so that Prometheus sees the first one as one more


def _companies(tools: Tools, work: Work) -> Iterator[Reading]:
    """Those that stand still longest by name, the others together."""
    seen = measures.lanes(work)
    open_ones = measures.waiting(work)
    at_work = {one.company for one in open_ones if one.invoices}
    statuses = companies.of_companies(tools, work, at_work)
    held = {one.health.company: one.status.cause or "nothing" for one in statuses}
    idle = {one.company: _idle(work, one, seen) for one in open_ones}
    named, rest = _longest(idle, MOST_COMPANIES)
    rows = {one.company: one for one in open_ones}
    for label, group in [*((name, [name]) for name in named), (REST, rest)]:
        yield from _open_work(work, label, [rows[name] for name in group])
        yield from _standing_still(label, [(held[name], idle[name]) for name in group if name in held])
    for cause, count in Counter(held.values()).items():
        yield Reading(metrics.COMPANIES_WAITING, count, (cause,))
    for state, count in Counter(connection.state for connection in seen.connections.values()).items():
        yield Reading(metrics.CONNECTIONS, count, (state,))
    yield Reading(metrics.PAUSES, len(seen.paused))


def _longest(idle: Mapping[str, float], most: int) -> tuple[list[str], list[str]]:
    """Those that stand still longest, and all the others: no page has room for everybody."""
    ordered = sorted(idle, key=lambda name: (-idle[name], name))
    return ordered[:most], ordered[most:]


def _open_work(work: Work, label: str, group: Sequence[Waiting]) -> Iterator[Reading]:
    if group:
        yield Reading(metrics.REQUESTS_OPEN, sum(one.requests for one in group), (label,))
        yield Reading(metrics.UNANSWERED, sum(one.invoices for one in group), (label,))
        yield Reading(metrics.OLDEST_REQUEST, max(_age(work, one.since) for one in group), (label,))


def _standing_still(label: str, group: Iterable[tuple[str, float]]) -> Iterator[Reading]:
    longest: dict[str, float] = {}
    for waits_for, seconds in group:
        longest[waits_for] = max(seconds, longest.get(waits_for, 0.0))
    for waits_for, seconds in longest.items():
        yield Reading(metrics.IDLE, seconds, (label, waits_for))


def _idle(work: Work, one: Waiting, seen: Lanes) -> float:
    """Seconds since Xero last answered about the company, while an invoice of it waited."""
    answers = [row.answered_at for row in seen.lanes.get(one.company, ()) if row.answered_at]
    return min([_age(work, one.since), *(_age(work, at) for at in answers)])


def _batches(work: Work) -> Iterator[Reading]:
    found = measures.batches(work)
    for state, seen in found.items():
        yield Reading(metrics.BATCHES, seen.count, (state,))
        yield Reading(metrics.OLDEST_BATCH, _age(work, seen.since), (state,))
        if state != "uncertain":
            yield Reading(metrics.ABANDONED, seen.abandoned, (state,))
    overdue = found["uncertain"].settles if "uncertain" in found else None
    yield Reading(metrics.UNSETTLED, max(0.0, _age(work, overdue)))


def _events_out(work: Work, settings: Settings) -> Iterator[Reading]:
    fresh = measures.unstamped(work)
    yield Reading(metrics.UNSTAMPED, fresh.count)
    yield Reading(metrics.UNSTAMPED_AGE, _age(work, fresh.since))
    for door in measures.deliveries(work):
        if door.door not in settings.shut_doors:
            yield Reading(metrics.BEHIND, door.behind, (door.door,))
            yield Reading(metrics.BEHIND_AGE, _age(work, door.since), (door.door,))
    refused = dict.fromkeys([("webhook", "waiting"), ("webhook", "given_up")], 0) if settings.webhook_url else {}
    for labels, count in {**refused, **measures.redeliveries(work)}.items():
        yield Reading(metrics.REDELIVERIES, count, labels)


def _asked(work: Work) -> Iterator[Reading]:
    for kind, pile in measures.asked_of_xero(work).items():
        yield Reading(metrics.ASKED, pile.count, (kind,))
        yield Reading(metrics.ASKED_AGE, _age(work, pile.since), (kind,))


def _audit(work: Work) -> Iterator[Reading]:
    """Before the first check there is nothing to tell."""
    if last := audit.newest_check(work):
        yield Reading(metrics.AUDIT_INTACT, float(last.problems == "[]"))
        yield Reading(metrics.AUDIT_CHECKED, _age(work, last.checked_at))
        yield Reading(metrics.AUDIT_HEAD, last.line, (last.chain,))


def _processes(work: Work) -> Iterator[Reading]:
    rows = [(row, "silent" if processes.is_silent(work, row) else "running") for row in processes.everyone(work)]
    states = Counter((row.kind, state) for row, state in rows)
    for kind in ("web", "worker", "clock"):
        for state in ("running", "silent"):
            yield Reading(metrics.PROCESSES, states[kind, state], (kind, state))
    running = Counter((row.kind, row.version) for row, state in rows if state == "running")
    for (kind, version), count in running.items():
        yield Reading(metrics.VERSIONS, count, (kind, version))


def _age(work: Work, since: datetime | None) -> float:
    return (work.now - since).total_seconds() if since else 0.0
