"""Counting: the clock reads our own feed and counts each answer and event once, whoever is killed meanwhile."""

from store import alerts, counters
from worker.tools import Tools

PASS_SECONDS = 5.0


def count_on(tools: Tools) -> int:
    """Count what came into the feed since the last pass; gives how many events."""
    with tools.store.read() as work:
        if not alerts.behind(work, counters.READER):
            return 0
    with tools.store.write() as work:
        return counters.count_feed(work)
