"""Everything that is measured, at the moment it is asked for."""

import time
from collections.abc import Callable, Iterable

from worker import logs
from worker.measuring import catalogue as metrics
from worker.measuring import database_metrics, queue_metrics
from worker.measuring.database_metrics import MetricReading
from worker.tools import Tools


def measure(tools: Tools) -> list[MetricReading]:
    """All figures; of a part that does not answer only that it does not."""
    began = time.perf_counter()
    figures = [
        *_part("database", lambda: _business(tools)),
        *_part("redis", lambda: queue_metrics.queue_readings(tools)),
    ]
    return [*figures, MetricReading(metrics.SCRAPE_SECONDS, time.perf_counter() - began)]


def _business(tools: Tools) -> Iterable[MetricReading]:
    with tools.store.read() as work:
        return list(database_metrics.business_readings(tools, work))


def _part(name: str, read: Callable[[], Iterable[MetricReading]]) -> list[MetricReading]:
    try:
        return [*read(), MetricReading(metrics.UP, 1, (name,))]
    except Exception:
        logs.log("measuring").warning("measuring.missed", kind=name, exc_info=True)
        return [MetricReading(metrics.UP, 0, (name,))]
