"""Everything that is measured, at the moment it is asked for."""

import time
from collections.abc import Callable, Iterable

from worker import logs
from worker.measuring import business, queue
from worker.measuring import catalogue as metrics
from worker.measuring.business import Reading
from worker.tools import Tools


def measure(tools: Tools) -> list[Reading]:
    """All figures; of a part that does not answer only that it does not."""
    began = time.perf_counter()
    figures = [*_part("database", lambda: _business(tools)), *_part("redis", lambda: queue.read(tools))]
    return [*figures, Reading(metrics.SCRAPE_SECONDS, time.perf_counter() - began)]


def _business(tools: Tools) -> Iterable[Reading]:
    with tools.store.read() as work:
        return list(business.read(tools, work))


def _part(name: str, read: Callable[[], Iterable[Reading]]) -> list[Reading]:
    try:
        return [*read(), Reading(metrics.UP, 1, (name,))]
    except Exception:
        logs.log("measuring").warning("measuring.missed", kind=name, exc_info=True)
        return [Reading(metrics.UP, 0, (name,))]
