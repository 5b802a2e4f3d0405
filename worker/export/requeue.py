"""The one way back to the queue: rows that become pending again, and those a person has called back meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any

from events.failures import Failure
from events.reasons import Reason
from store import exports
from store.tables import Export
from store.unit_of_work import Work
from worker.export import recording
from worker.export.results import ExportRefusal


def to_pending(work: Work, back: Sequence[Export], changes: Callable[[Export], dict[str, Any]]) -> None:
    """Make the exports pending; one that was cancelled or excluded in flight is answered instead."""
    called_back = [
        ExportRefusal(export, Failure(_word(export))) for export in back if export.cancelled or export.excluded
    ]
    recording.fail(work, called_back)
    exports.change(
        work,
        [
            {"id": export.id, "state": "pending", "batch_id": None, **changes(export)}
            for export in back
            if not (export.cancelled or export.excluded)
        ],
    )


def _word(export: Export) -> Reason:
    return Reason.EXCLUDED if export.excluded else Reason.CANCELLED
