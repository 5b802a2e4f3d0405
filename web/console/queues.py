"""Queues: what waits, how fast it goes, every call on its way, of a company or of all, and how that was over time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import batches, companies, lanes, processes, throughput
from store.throughput import QueueBin
from store.unit_of_work import Work
from web.console import rendering
from web.console.charts import Chart, Line, bar_chart
from web.console.visitor import Looking, Missing, Visitor
from worker.decisions import estimating
from worker.status import companies as statuses
from worker.status.companies import CompanyStatus

# By name: how long back, and how long a bar is
RANGES = {
    "1 h": (timedelta(hours=1), timedelta(minutes=5)),
    "24 h": (timedelta(hours=24), timedelta(hours=1)),
    "7 d": (timedelta(days=7), timedelta(hours=6)),
}
MOST_CALLS = 100
_MINUTES = 15
router = APIRouter()


@router.get("/queue")
def queue_page(request: Request, visitor: Looking) -> Response:
    """The queues of all companies together."""
    return _page(request, visitor, "")


@router.get("/companies/{company}/queue")
def company_queue(request: Request, visitor: Looking, company: str) -> Response:
    """One company's."""
    return _page(request, visitor, company)


def _page(request: Request, visitor: Visitor, company: str) -> Response:
    tools, asked = visitor.tools, request.query_params.get("range", "")
    chosen = asked if asked in RANGES else "24 h"
    length, bar = RANGES[chosen]
    with tools.store.read() as work:
        one = statuses.of_company(tools, work, company) if company else None
        if company and one is None:
            raise Missing(f"There is no company “{company}” here.")
        calls = batches.open_calls(work, company, MOST_CALLS + 1)
        facts: dict[str, Any] = {
            "one": one,
            "waiting": lanes.waiting(work, company),
            "speed": throughput.exported_since(work, work.after(-60 * _MINUTES), company) / _MINUTES,
            "minutes": _MINUTES,
            "latency": _latency(work, one),
            "calls": calls[:MOST_CALLS],
            "more_calls": len(calls) > MOST_CALLS,
            "workers": {one.id: (one, processes.is_silent(work, one)) for one in processes.everyone(work)},
            "names": companies.names(work, {call.company for call in calls}),
            "chart": bar_chart(throughput.bins(work, work.now - length, bar, company)),
            "charts": queue_charts(throughput.queue_bins(work, work.now - length, bar, company)),
        }
    here = f"/console/companies/{rendering.part(company)}/queue" if company else "/console/queue"
    return rendering.page(
        request, visitor, "queue", here=here, ranges=list(RANGES), chosen=chosen, limits=tools.settings, **facts
    )


# Why invoices wait, as the causes of worker/decisions/precedence: in words, and the colour of the line
_WAITS: Mapping[str, tuple[str, str]] = {
    "sending": ("On their way", "--accent"),
    "login": ("App or login", "--bad"),
    "pause": ("Paused", "--calm"),
    "worker": ("No worker", "--bad"),
    "redis": ("Redis is away", "--bad"),
    "restore": ("Checked after a restore", "--calm"),
    "limit": ("Xero's limits", "--warn"),
    "offline": ("Organisation offline", "--bad"),
    "trouble": ("Xero does not answer", "--bad"),
    "outcome": ("Outcome looked up", "--good"),
}
_NOTHING = "Nothing was noted in this time. A clock process looks once a minute."


def queue_charts(bins: Sequence[QueueBin]) -> tuple[Chart, Chart]:
    """Why invoices waited, and how long Xero took to answer."""
    moments = [one.begins_at for one in bins]
    there = {kind for one in bins for kind in one.waits or ()}
    waits = [
        Line(name, colour, [None if one.waits is None else one.waits.get(kind, 0) for one in bins])
        for kind, (name, colour) in _WAITS.items()
        if kind in there
    ]
    typical = Line("On average", "--accent", [one.typical for one in bins])
    slowest = Line("The slowest", "--warn", [one.slowest for one in bins])
    return (
        Chart(
            "Why invoices waited",
            "The most that waited at once, looked at once a minute.",
            "invoices",
            moments,
            waits,
            "Nothing waited in this time." if any(one.waits is not None for one in bins) else _NOTHING,
        ),
        Chart(
            "Xero's answers",
            "Seconds from sending a call to its answer.",
            "seconds",
            moments,
            (typical, slowest),
            "No call was answered in this time.",
        ),
    )


def _latency(work: Work, one: CompanyStatus | None) -> float | None:
    """How long Xero's answers took of late, in seconds: a company's, or the median of all calls; None if unknown."""
    if one:
        return one.outlook.call if one.outlook else None
    return estimating.percentile(sorted(took for _, took in throughput.answers(work, 60.0 * _MINUTES)), 0.5)
