"""The first page of the morning: what needs a person, and how things go."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import companies, ops_summary, processes, throughput
from store.tables import Quarter
from store.throughput import QUARTER, beginning
from web.console import rendering
from web.console.charts import Chart, Line
from web.console.visitor import Looking
from worker import broker
from worker.parts import AWAY
from worker.tools import Tools
from worker.watching import attention
from worker.watching.attention import Attention

HOURS = 12
MOST_PROBLEMS = 8
_HOUR = 3600
_LIMITS = {"minute": "minute limit", "day": "day limit", "concurrent": "calls at once"}


def of_quarters(quarters: Sequence[Quarter], now: datetime) -> tuple[Chart, Chart]:
    """How much went through, and how long it took."""
    moments = [beginning(now) - place * QUARTER for place in range(HOURS * 4)][::-1]
    known = {quarter.begins_at: quarter for quarter in quarters}

    def values(name: str, otherwise: float | None) -> list[float | None]:
        return [getattr(known[moment], name) if moment in known else otherwise for moment in moments]

    exported = Line("Exported", "--good", values("exported", 0))
    failed = Line("Failed", "--bad", values("failed", 0))
    half = Line("Typical (median)", "--accent", values("median", None))
    slow = Line("Slowest 5 %", "--warn", values("slow", None))
    return (
        Chart("Throughput", "Invoices per quarter of an hour.", "invoices", moments, (exported, failed)),
        Chart(
            "From click to result",
            "From the request to the answer; what waits for a person counts with all of its waiting.",
            "seconds",
            moments,
            (half, slow),
        ),
    )


def of_calls(tallies: Mapping[tuple[int, str], int], now: datetime) -> Chart:
    """Calls to Xero by the hour, and how many of them Xero refused because of which limit."""
    newest = int(now.timestamp()) // _HOUR
    hours = range(newest - HOURS + 1, newest + 1)
    limits = sorted({what for _, what in tallies if what.startswith("limited:")})
    names = [("answered", "Answered", "--accent"), ("lost", "Without an answer", "--bad")]
    names += [(what, f"429: {_limit(what)}", "--warn") for what in limits]
    lines = [Line(name, colour, [tallies.get((hour, what), 0) for hour in hours]) for what, name, colour in names]
    moments = [datetime.fromtimestamp(hour * _HOUR, UTC) for hour in hours]
    note = (
        "Calls per hour of all companies. A 429 is one that Xero refused because of a limit; nothing is lost by it."
    )
    return Chart("Calls to Xero", note, "calls", moments, lines)


def _limit(what: str) -> str:
    """The limit in `limited:appminute`, in a word or two."""
    name = what.partition(":")[2]
    return _LIMITS.get(name) or ("the app's limit" if name.startswith("app") else name or "not named")


def over_a_day(quarters: Sequence[Quarter], now: datetime) -> tuple[int, int]:
    """How many invoices were exported and failed in the last 24 hours."""
    fresh = [one for one in quarters if one.begins_at > now - timedelta(hours=24)]
    return sum(one.exported for one in fresh), sum(one.failed for one in fresh)


def verdict(needs: Attention, exported: int, workers: int) -> list[tuple[str, str]]:
    """Whether all is well, in figures, each with the address of what it counts."""
    count = rendering.count
    held, causes = needs.held()
    others = sum(one.kind == "other" for one in needs.matters)
    said = [
        (
            needs.stopped,
            f"{count(needs.stopped, 'company', 'companies')} stopped",
            attention.STOPPED_PAGE,
        ),
        (held, f"{count(held, 'invoice')} in {count(causes, 'problem')}", "/console/failures"),
        *((1, f"no {kind} running", "/console#processes") for kind in needs.missing),
        *((1, text, "/console#problems") for text in _unwell(needs)),
        (others, f"{count(others, 'other problem')}", "/console#problems"),
        (needs.paused, f"{count(needs.paused, 'company', 'companies')} paused", "/console/companies?state=paused"),
    ]
    wrong = [(text, link) for figure, text, link in said if figure]
    if wrong:
        return wrong
    return [
        ("All good", "/console#problems"),
        (f"{rendering.number(exported)} exported today (UTC)", "/console/log"),
        (count(workers, "worker"), "/console#processes"),
    ]


def _unwell(needs: Attention) -> list[str]:
    """The parts that take nothing, in a few words each."""
    found = [one for one in needs.matters if one.runbook == "PartAway"]
    return [
        "Redis away" if one is attention.REDIS_AWAY else f"{one.title[:1].lower()}{one.title[1:]}" for one in found
    ]


router = APIRouter()


@dataclass(frozen=True)
class DoorbellCounts:
    """What Redis says: doorbells that nobody took yet, the age of the oldest in seconds, what became of calls."""

    queued: int
    age: float
    tallies: Mapping[tuple[int, str], int]


@router.get("")
def overview_page(request: Request, visitor: Looking, problems: str = "") -> Response:
    """The installation at a glance; the first problems, or `all` of them."""
    tools = visitor.tools
    bells, parts = _doorbells(tools), dict(tools.parts.conditions(tools.store, tools.redis))
    if bells is None:
        parts["redis"] = AWAY
    with tools.store.read() as work:
        needs = attention.what_needs_a_person(tools, work, parts)
        seen = ops_summary.at_a_glance(work)
        quarters = throughput.since(work, work.now - timedelta(hours=24, minutes=15))
        everyone = processes.everyone(work)
        there = [(one, processes.is_silent(work, one)) for one in everyone]
        wrong = processes.with_wrong_time(work, everyone)
        others = {one.company for one in needs.matters if one.company and one.kind != "company"}
        names = companies.names(work, others) if others else {}
    drawn = [
        *of_quarters(quarters, visitor.whose.now),
        of_calls(bells.tallies if bells else {}, visitor.whose.now),
    ]
    day = over_a_day(quarters, visitor.whose.now)
    midnight = visitor.whose.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = sum(one.exported for one in quarters if one.begins_at >= midnight)
    workers = sum(one.kind == "worker" and not silent for one, silent in there)
    facts: dict[str, Any] = {
        "needs": needs,
        "names": names,
        "verdict": verdict(needs, today, workers),
        "shown": len(needs.matters) if problems == "all" else MOST_PROBLEMS,
        "glance": seen,
        "bells": bells,
        "charts": drawn,
        "day": day,
        "processes": there,
        "skews": {one.id: processes.skew_in_words(one.skew_seconds) for one in wrong},
    }
    return rendering.page(request, visitor, "overview", **facts)


def _doorbells(tools: Tools) -> DoorbellCounts | None:
    """None while Redis is away."""
    try:
        oldest = broker.oldest(tools.redis)
        tallies: Counter[tuple[int, str]] = Counter()
        for target in tools.targets.values():
            tallies.update(target.pace.tallies())
        return DoorbellCounts(broker.queue_length(tools.redis), _age(oldest), tallies)
    except redis.RedisError:
        return None


def _age(message: bytes | None) -> float:
    """Seconds since the doorbell was rung, by the clocks of two machines."""
    if message is None:
        return 0.0
    return max(0.0, time.time() - float(json.loads(message)["message_timestamp"]) / 1000)
