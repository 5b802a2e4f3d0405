"""Previews that hosts asked for, and the reads that a preview needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select, update

from events.accounting_target import Lane
from events.invoice import Invoice, folded
from store import bulk_orders, number_claims, statements
from store.number_claims import Owner, books_of
from store.tables import Export, NumberClaim, Preview
from store.tables.columns import word
from store.unit_of_work import Work

_AT_ONCE = 500


def file(work: Work, company: str, preview: str, event_id: str, body: str, key: str = "") -> bool:
    """Keep what was asked for, with `key`; False when the company has a preview of this id already."""
    row = Preview(
        company=company,
        id=preview,
        source_event=event_id,
        key=key,
        body=body,
        due_at=work.now,
        lease_until=work.now,
        created_at=work.now,
    )
    return bool(statements.insert_new(work, Preview, [row.model_dump()], returning="id"))


def take(work: Work, lease: float) -> Preview | None:
    """The next preview that is due, ours for `lease` seconds; None when there is none."""
    due = _due(work).order_by(col(Preview.due_at)).limit(1)
    found: Preview | None = work.session.exec(due.with_for_update(skip_locked=True)).first()
    if found:
        found.lease_until = work.after(lease)
        found.tries += 1
        work.session.flush()
    return found


def anything(work: Work) -> bool:
    """Whether a preview is due; a look that keeps no writer out."""
    return work.session.exec(_due(work).limit(1)).first() is not None


def _due(work: Work) -> Any:
    return select(Preview).where(
        Preview.state == word("waiting"), col(Preview.due_at) <= work.now, col(Preview.lease_until) <= work.now
    )


def answered(work: Work, preview: Preview) -> bool:
    """The preview has its answer, unless it got one meanwhile; the fence of the transaction that gives it."""
    return _move(work, preview, state="answered", answered_at=work.now)


def postpone(work: Work, preview: Preview, seconds: float) -> None:
    """Nobody looks at it for a while."""
    _move(work, preview, due_at=work.after(seconds), lease_until=work.now)


def _move(work: Work, preview: Preview, **changes: object) -> bool:
    mine = update(Preview).where(
        col(Preview.company) == preview.company, col(Preview.id) == preview.id, col(Preview.state) == "waiting"
    )
    return bool(work.session.exec(mine.values(**changes)).rowcount)


def rows_of(work: Work, lane: Lane, invoices: Sequence[Invoice]) -> Mapping[str, Export]:
    """What we know of these invoices in the lane, by invoice id."""
    found = {}
    for some in bulk_orders.in_chunks([invoice.id for invoice in invoices], _AT_ONCE):
        asked = select(Export).where(
            Export.company == lane.company, Export.tenant == lane.tenant, col(Export.invoice).in_(some)
        )
        found.update({row.invoice: row for row in work.session.exec(asked)})
    return found


def owners_of(work: Work, lane: Lane, invoices: Sequence[Invoice]) -> Mapping[str, tuple[str, str]]:
    """Whose (company, invoice) each of these invoices' numbers would be, by folded number, as intake decides it.

    Its present owner's, unless it is free in Xero again; else that of the first invoice that asks.
    """
    asking: dict[str, list[tuple[str, str]]] = {}
    for invoice in invoices:
        asking.setdefault(folded(invoice.number), []).append((lane.company, invoice.id))
    owners = {number: first for number, (first, *_) in asking.items()}
    for some in bulk_orders.in_chunks(sorted(asking), _AT_ONCE):
        asked = select(NumberClaim).where(NumberClaim.tenant == books_of(lane), col(NumberClaim.folded).in_(some))
        for claim in work.session.exec(asked).all():
            owner = claim.company, claim.invoice
            others = [one for one in asking[claim.folded] if one != owner]
            freed = bool(others) and number_claims.is_free(work, lane, claim.folded, Owner(*owner))
            owners[claim.folded] = others[0] if freed else owner
    return owners
