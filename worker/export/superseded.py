"""Newer content behind a result: it goes next, unless nobody wants it any more (exactly-once §j)."""

from collections.abc import Mapping, Sequence
from typing import Any

from events.failures import Failure
from events.reasons import Reason
from store import exports, requests
from store.tables import Export
from store.unit_of_work import Work


def called_back(work: Work, results: Sequence[Mapping[str, Any]]) -> list[tuple[Export, Failure]]:
    """Of exports with a fresh result, those a person called back meanwhile: they fail instead of going on.

    `results` are the columns just written. An export that is pending only for requests that were cancelled rests
    where its result left it.
    """
    going_on = [row["id"] for row in results if row["state"] == "pending"]
    if not going_on:  # the rule; and callers' rows stay as they read them
        return []
    pending = exports.lock_again(work, going_on)
    wanted = {item.export_id for item in requests.waiting(work, list(pending))}
    idle = [row for id_, row in pending.items() if id_ not in wanted]
    exports.change(work, [{"id": row.id, "state": "exported" if row.xero_invoice_id else "failed"} for row in idle])
    return [(row, word(row)) for id_, row in pending.items() if id_ in wanted and (row.cancelled or row.excluded)]


def word(export: Export) -> Failure:
    """Why an export that was called back fails."""
    return Failure(Reason.EXCLUDED if export.excluded else Reason.CANCELLED)
