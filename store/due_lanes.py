"""Which lanes have work."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, select

from events.accounting_target import Lane
from store import pauses
from store.tables import Batch, Export, LaneState
from store.tables.columns import word
from store.unit_of_work import Work


def due(work: Work) -> Sequence[Lane]:
    """The lanes that a turn would help now; the rescuer's question."""
    held = select(LaneState.company, LaneState.tenant).where(
        or_(col(LaneState.state) != "open", col(LaneState.blocked_until) > work.now)
    )
    idle = {Lane(*row) for row in work.session.exec(held)}
    pending = select(Export.company, Export.tenant).where(
        Export.state == word("pending"), col(Export.due_at) <= work.now, Export.tenant != ""
    )
    settled = select(Batch.company, Batch.tenant).where(
        Batch.state == word("uncertain"), col(Batch.settle_at) <= work.now
    )
    found = {Lane(*row) for rows in (pending, settled) for row in work.session.exec(rows.distinct())}
    paused = {pause.scope for pause in pauses.active(work)}
    if pauses.EVERYBODY in paused:
        return []
    return sorted(lane for lane in found - idle if lane.company not in paused)


def anything(work: Work, company: str | None = None) -> Sequence[Lane]:
    """The lanes of a company, or of all, that have anything pending or uncertain, due or not."""
    pending: Any = select(Export.company, Export.tenant).where(Export.state == word("pending"), Export.tenant != "")
    parked: Any = select(Batch.company, Batch.tenant).where(Batch.state == word("uncertain"))
    if company:
        pending, parked = pending.where(Export.company == company), parked.where(Batch.company == company)
    found = {Lane(*row) for rows in (pending, parked) for row in work.session.exec(rows.distinct())}
    return sorted(found)
