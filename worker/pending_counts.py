"""How much each company has waiting: looked up, and counted on for a moment; a refusal rests on a fresh look."""

import threading

from events.export import InvoiceExportRequested
from store import progress
from store.unit_of_work import Work
from worker.decisions import merge_rules
from worker.decisions.merge_rules import TooMuch

_FRESH_SECONDS = 1.0


class BacklogRoom:
    """What one process knows of the companies' backlogs. To add up a long one takes longer than to file a click."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def objection(
        self, work: Work, asked: InvoiceExportRequested, most: int, now: float, *, taken: int = 0
    ) -> TooMuch | None:
        """Why these invoices are not taken, or None: then they are counted. `now` in seconds, from any start.

        `taken` are the company's invoices that this transaction takes as well, and has not written yet.
        """
        pending = self._last(asked.company, now)
        if pending is None or _refuses(asked, pending, most):
            pending = progress.pending_of(work, asked.company) + taken
            self._note(asked.company, now, pending)
        too_much = _refuses(asked, pending, most)
        if too_much is None:
            self._count(asked.company, len(asked.invoices))
        return too_much

    def _last(self, company: str, now: float) -> int | None:
        with self._lock:
            at, pending = self._seen.get(company, (now - _FRESH_SECONDS, 0))
            return pending if 0 <= now - at < _FRESH_SECONDS else None

    def _note(self, company: str, now: float, pending: int) -> None:
        with self._lock:
            self._seen[company] = (now, pending)

    def _count(self, company: str, more: int) -> None:
        with self._lock:
            at, pending = self._seen[company]
            self._seen[company] = (at, pending + more)


def _refuses(asked: InvoiceExportRequested, pending: int, most: int) -> TooMuch | None:
    return merge_rules.backpressure(asked.company, pending, most, single=asked.mode == "single")
