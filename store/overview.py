"""The installation at a glance, for ops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from store import pauses
from store.tables import Batch, DeadLetter, Export, OutboxEvent, Pause, Request
from store.tables.columns import word
from store.unit_of_work import Work

COUNTED_TO = 100_000  # of what is done with: to count millions takes longer than anybody waits
_LIVE = ("pending", "exporting", "uncertain")


@dataclass(frozen=True)
class Overview:
    """The installation at a glance. Exported and failed ones are counted up to `COUNTED_TO`."""

    exports: dict[str, int]
    open_requests: int
    uncertain_batches: int
    in_flight: int
    outbox_waiting: int
    dead_letters: int
    pauses: Sequence[Pause]


def overview(work: Work) -> Overview:
    """Counts by state."""
    by_state = {state: _count(work, Export, Export.state == word(state)) for state in _LIVE}
    by_state |= {state: _count_some(work, state) for state in ("exported", "failed")}
    return Overview(
        exports={state: count for state, count in by_state.items() if count},
        open_requests=_count(work, Request, col(Request.completed_at).is_(None)),
        uncertain_batches=_count(work, Batch, Batch.state == word("uncertain")),
        in_flight=_count(work, Batch, col(Batch.state).in_((word("claimed"), word("sent")))),
        outbox_waiting=_count(work, OutboxEvent, col(OutboxEvent.position).is_(None)),
        dead_letters=_count(work, DeadLetter, DeadLetter.state == word("open")),
        pauses=pauses.active(work),
    )


def _count_some(work: Work, state: str) -> int:
    some = select(Export.id).where(Export.state == word(state)).limit(COUNTED_TO).subquery()
    return work.session.exec(select(func.count()).select_from(some)).one()


def _count(work: Work, table: Any, condition: Any) -> int:
    return work.session.exec(select(func.count()).select_from(table).where(condition)).one()
