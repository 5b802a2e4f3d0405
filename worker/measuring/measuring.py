"""Everything that is measured, at the moment it is asked for.

What the database says: open work, what keeps it from moving, and what was answered.
What Redis says: doorbells, turns, threads. None of it is work; it shows how soon work is seen.
Counting: the clock reads our own feed and counts each answer and event once, whoever is killed meanwhile.
"""

import contextlib
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import redis
from redis.exceptions import NoPermissionError

from store import alerts, audit, metrics_rows, processes, restores
from store.metrics_rows import Lanes, Waiting
from store.unit_of_work import Work
from worker import broker, logs
from worker.measuring import catalogue as metrics
from worker.measuring.catalogue import Metric
from worker.redis_client import prefix_of
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
    "telemetry": metrics.TELEMETRY_LOST,
}


class MetricReading(NamedTuple):
    """One figure: of a metric, with a value for each of its labels.

    Of a histogram `value` is the sum of the seconds, and `buckets` is how many took no longer than each of the
    metric's buckets, and how many there were in all.
    """

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
    buckets: tuple[int, ...] = ()


def business_readings(tools: Tools, work: Work) -> Iterator[MetricReading]:
    """All of it, in a constant number of statements."""
    yield from _companies(tools, work)
    for state, count in metrics_rows.invoices(work).items():
        yield MetricReading(metrics.INVOICES, count, (state,))
    yield from _batches(work)
    yield from _events_out(work, tools.settings)
    for kind, pile in metrics_rows.asked_of_xero(work).items():
        yield MetricReading(metrics.ASKED, pile.count, (kind,))
        yield MetricReading(metrics.ASKED_AGE, _age(work, pile.since), (kind,))
    yield MetricReading(metrics.DEAD_LETTERS, metrics_rows.dead_letters(work))
    if restore := restores.newest(work):
        yield MetricReading(metrics.RESTORED, _age(work, restore.at))
    # Before the first check there is nothing to tell
    if last := audit.newest_check(work):
        yield MetricReading(metrics.AUDIT_INTACT, float(last.problems == "[]"))
        yield MetricReading(metrics.AUDIT_CHECKED, _age(work, last.checked_at))
        yield MetricReading(metrics.AUDIT_HEAD, last.line, (last.chain,))
    yield from _processes(work)
    counted = metrics_rows.all_counts(work)
    for row in counted:
        if metric := _COUNTED.get(row.name):
            yield MetricReading(metric, row.count, (row.kind, row.detail)[: len(metric.labels)])
    yield from _answer_seconds({(row.kind, row.detail): row.count for row in counted if row.name == "answer_seconds"})
    for outcome in metrics.SIGN_IN_OUTCOMES - {row.kind for row in counted if row.name == "sign_ins"}:
        yield MetricReading(metrics.SIGN_INS, 0, (outcome,))  # so that Prometheus sees the first one as one more


def _answer_seconds(counted: Mapping[tuple[str, str], int]) -> Iterator[MetricReading]:
    """Of both kinds of send, so that Prometheus sees the first answer as one more."""
    metric = metrics.ANSWER_SECONDS
    for mode in ("single", "bulk"):
        each = [counted.get((mode, metrics_rows.bucket_name(bound)), 0) for bound in (*metric.buckets, math.inf)]
        total = counted.get((mode, metrics_rows.MILLISECONDS), 0) / 1000
        yield MetricReading(metric, total, (mode,), tuple(itertools.accumulate(each)))


def _companies(tools: Tools, work: Work) -> Iterator[MetricReading]:
    """Those that stand still longest by name, the others together."""
    seen = metrics_rows.lanes(work)
    open_ones = metrics_rows.waiting(work)
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
        yield MetricReading(metrics.COMPANIES_WAITING, count, (cause,))
    for state, count in Counter(connection.state for connection in seen.connections.values()).items():
        yield MetricReading(metrics.CONNECTIONS, count, (state,))
    yield MetricReading(metrics.PAUSES, len(seen.paused))


def _longest(idle: Mapping[str, float], most: int) -> tuple[list[str], list[str]]:
    """Those that stand still longest, and all the others: no page has room for everybody."""
    ordered = sorted(idle, key=lambda name: (-idle[name], name))
    return ordered[:most], ordered[most:]


def _open_work(work: Work, label: str, group: Sequence[Waiting]) -> Iterator[MetricReading]:
    if group:
        yield MetricReading(metrics.REQUESTS_OPEN, sum(one.requests for one in group), (label,))
        yield MetricReading(metrics.UNANSWERED, sum(one.invoices for one in group), (label,))
        yield MetricReading(metrics.OLDEST_REQUEST, max(_age(work, one.since) for one in group), (label,))


def _standing_still(label: str, group: Iterable[tuple[str, float]]) -> Iterator[MetricReading]:
    longest: dict[str, float] = {}
    for waits_for, seconds in group:
        longest[waits_for] = max(seconds, longest.get(waits_for, 0.0))
    for waits_for, seconds in longest.items():
        yield MetricReading(metrics.IDLE, seconds, (label, waits_for))


def _idle(work: Work, one: Waiting, seen: Lanes) -> float:
    """Seconds since Xero last answered about the company, while an invoice of it waited."""
    answers = [row.answered_at for row in seen.lanes.get(one.company, ()) if row.answered_at]
    return min([_age(work, one.since), *(_age(work, at) for at in answers)])


def _batches(work: Work) -> Iterator[MetricReading]:
    found = metrics_rows.batches(work)
    for state, seen in found.items():
        yield MetricReading(metrics.BATCHES, seen.count, (state,))
        yield MetricReading(metrics.OLDEST_BATCH, _age(work, seen.since), (state,))
        if state != "uncertain":
            yield MetricReading(metrics.ABANDONED, seen.abandoned, (state,))
    overdue = found["uncertain"].settles if "uncertain" in found else None
    yield MetricReading(metrics.UNSETTLED, max(0.0, _age(work, overdue)))


def _events_out(work: Work, settings: Settings) -> Iterator[MetricReading]:
    fresh = metrics_rows.unstamped(work)
    yield MetricReading(metrics.UNSTAMPED, fresh.count)
    yield MetricReading(metrics.UNSTAMPED_AGE, _age(work, fresh.since))
    for door in metrics_rows.deliveries(work):
        if door.door not in settings.shut_doors:
            yield MetricReading(metrics.BEHIND, door.behind, (door.door,))
            yield MetricReading(metrics.BEHIND_AGE, _age(work, door.since), (door.door,))
            if door.failing_since:
                yield MetricReading(metrics.DOOR_FAILING, _age(work, door.failing_since), (door.door,))
    refused = dict.fromkeys([("webhook", "waiting"), ("webhook", "given_up")], 0) if settings.webhook_url else {}
    for labels, count in {**refused, **metrics_rows.redeliveries(work)}.items():
        yield MetricReading(metrics.REDELIVERIES, count, labels)


def _processes(work: Work) -> Iterator[MetricReading]:
    rows = [(row, processes.condition(work, row)) for row in processes.everyone(work)]
    states = Counter((row.kind, state) for row, state in rows)
    for kind in ("web", "worker", "clock"):
        for state in ("running", "silent", *(["quiet"] if kind == "worker" else [])):
            yield MetricReading(metrics.PROCESSES, states[kind, state], (kind, state))
    running = Counter((row.kind, row.version) for row, state in rows if state != "silent")
    seen = [row for row, state in rows if state != "silent" and row.skew_seconds is not None]
    for kind in sorted({row.kind for row in seen}):
        worst = max(abs(row.skew_seconds or 0) for row in seen if row.kind == kind)
        yield MetricReading(metrics.CLOCK_SKEW, worst, (kind,))
    for (kind, version), count in running.items():
        yield MetricReading(metrics.VERSIONS, count, (kind, version))


def _age(work: Work, since: datetime | None) -> float:
    return (work.now - since).total_seconds() if since else 0.0


def queue_readings(tools: Tools) -> Iterator[MetricReading]:
    """All of it, in a constant number of commands. Raises redis.RedisError."""
    client = tools.redis
    yield MetricReading(metrics.DOORBELLS, broker.queue_length(client))
    yield MetricReading(metrics.DOORBELL_AGE, _age_of_doorbell(broker.oldest(client)))
    yield from _lanes_and_threads(client)
    with contextlib.suppress(NoPermissionError):  # a hosted Redis may not show it
        memory: Any = client.info("memory")
        yield MetricReading(metrics.REDIS_BYTES, memory["used_memory"])


def _lanes_and_threads(client: redis.Redis) -> Iterator[MetricReading]:
    seconds, micros = client.time()
    now = seconds * 1000 + micros // 1000
    waiting, at_it, staff_of = (f"{prefix_of(client)}:{name}" for name in ("due", "turns", "staff"))
    with client.pipeline(transaction=False) as pipe:
        pipe.zcard(waiting)
        pipe.zrange(waiting, 0, 0, withscores=True)
        pipe.zcount(at_it, now, "+inf")
        pipe.zrangebyscore(staff_of, now, "+inf")
        due, first, turns, staff = pipe.execute()
    yield MetricReading(metrics.LANES_DUE, due)
    yield MetricReading(metrics.LANE_OVERDUE, max(0.0, (now - first[0][1]) / 1000) if first else 0.0)
    yield MetricReading(metrics.TURNS, turns)
    yield MetricReading(metrics.THREADS, sum(int(one.rpartition(b"/")[2]) for one in staff))


def _age_of_doorbell(doorbell: bytes | None) -> float:
    """Seconds since the doorbell was rung, by the clocks of two machines."""
    if doorbell is None:
        return 0.0
    rung = float(json.loads(doorbell)["message_timestamp"]) / 1000
    return max(0.0, time.time() - rung)


def measure(tools: Tools) -> list[MetricReading]:
    """All figures; of a part that does not answer only that it does not."""
    began = time.perf_counter()
    works = {name: one.works for name, one in tools.parts.conditions(tools.store, tools.redis).items()}
    figures = [
        *_part("database", lambda: _business(tools), works=works["database"]),
        *_part("redis", lambda: queue_readings(tools), works=works["redis"]),
    ]
    return [*figures, MetricReading(metrics.SCRAPE_SECONDS, time.perf_counter() - began)]


def _business(tools: Tools) -> Iterable[MetricReading]:
    with tools.store.read() as work:
        return list(business_readings(tools, work))


def _part(name: str, read: Callable[[], Iterable[MetricReading]], *, works: bool) -> list[MetricReading]:
    try:
        return [*read(), MetricReading(metrics.UP, int(works), (name,))]
    except Exception:
        logs.log("measuring").warning("measuring.missed", kind=name, exc_info=True)
        return [MetricReading(metrics.UP, 0, (name,))]


PASS_SECONDS = 5.0


def count_on(tools: Tools) -> int:
    """Count what came into the feed since the last pass; gives how many events."""
    with tools.store.read() as work:
        if not alerts.behind(work, metrics_rows.READER):
            return 0
    with tools.store.write() as work:
        return metrics_rows.count_feed(work, metrics.ANSWER_SECONDS.buckets)
