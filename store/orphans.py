"""What nobody would ever answer: items whose export is at rest, requests whose parts did not come."""

from collections.abc import Sequence

from sqlmodel import col, select

from store.exports import in_lock_order
from store.requests import complete_if_done
from store.tables import Export, Item, Request
from store.tables.columns import word
from store.unit_of_work import Work


def left_waiting(work: Work, seconds: float, most: int = 200) -> Sequence[tuple[Item, Export]]:
    """Items that wait for an export nobody works on, touched before then; locked in intake's order."""
    asked = (
        select(Item, Export)
        .join(Export, col(Export.id) == col(Item.export_id))
        .where(
            Item.state == word("waiting"),
            col(Export.state).in_((word("exported"), word("failed"))),
            col(Export.touched_at) < work.after(-seconds),
        )
        .order_by(*in_lock_order(on_sqlite=work.on_sqlite))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [(item, export) for item, export in work.session.exec(asked)]


def give_up_parts(work: Work, seconds: float, most: int = 200) -> int:
    """Complete the requests whose missing parts did not come within this time; give how many."""
    asked = select(Request).where(
        col(Request.completed_at).is_(None),
        col(Request.given_up_at).is_(None),
        col(Request.created_at) < work.after(-seconds),
        Request.exported + Request.failed >= Request.total,
    )
    overdue = work.session.exec(asked.order_by(col(Request.company), col(Request.id)).limit(most)).all()
    for row in overdue:
        row.given_up_at = work.now
        work.session.flush()
        complete_if_done(work, row.company, row.id)
    return len(overdue)
