"""The first page of the morning: what needs a person, and how things go."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import ops_summary, processes, throughput
from web.console import charts, rendering
from web.console.visitor import Looking
from worker import broker
from worker.tools import Tools
from worker.watching import attention

router = APIRouter()


@dataclass(frozen=True)
class DoorbellCounts:
    """What Redis says: doorbells that nobody took yet, the age of the oldest in seconds, what became of calls."""

    queued: int
    age: float
    tallies: Mapping[tuple[int, str], int]


@router.get("")
def overview_page(request: Request, visitor: Looking) -> Response:
    """The installation at a glance."""
    tools = visitor.tools
    bells = _doorbells(tools)
    with tools.store.read() as work:
        needs = attention.what_needs_a_person(tools, work)
        seen = ops_summary.at_a_glance(work)
        quarters = throughput.since(work, work.now - timedelta(hours=24, minutes=15))
        there = [(one, processes.is_silent(work, one)) for one in processes.everyone(work)]
    drawn = [
        *charts.of_quarters(quarters, visitor.whose.now),
        charts.of_calls(bells.tallies if bells else {}, visitor.whose.now),
    ]
    day = charts.over_a_day(quarters, visitor.whose.now)
    facts: dict[str, Any] = {
        "needs": needs,
        "glance": seen,
        "bells": bells,
        "charts": drawn,
        "day": day,
        "processes": there,
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
