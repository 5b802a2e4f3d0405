"""What Xero said has changed, kept until it was looked at: one row each, however often it was said."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, literal_column, tuple_
from sqlmodel import col, delete, select, update

from events.accounting_target import Lane, Notice
from store import statements
from store.tables import ChangedInvoice, Export
from store.unit_of_work import Work

_TOLD = col(ChangedInvoice.told_at)
_IS_NEWER = col(ChangedInvoice.at) < literal_column("excluded.at")  # what comes twice may come in another order
_IF_NEWER: Mapping[str, Any] = {
    name: case((_IS_NEWER, literal_column(f"excluded.{name}")), else_=getattr(ChangedInvoice, name))
    for name in ("tenant", "at", "told_at", "look_at", "tries")
}


def note(work: Work, lane: Lane, notices: Sequence[Notice]) -> None:
    """Have these looked at, but for those that were told before."""
    newest = {one.target_id: one for one in sorted(notices, key=lambda one: one.at)}
    rows = [
        {
            "company": lane.company,
            "target_id": target_id,
            "tenant": lane.tenant,
            "at": one.at,
            "told_at": work.now,
            "look_at": work.now,
            "tries": 0,
        }
        for target_id, one in sorted(newest.items())
    ]
    statements.upsert(work, ChangedInvoice, rows, _IF_NEWER, ["target_id"])


def is_any_due(work: Work) -> bool:
    """Whether any of them is to be looked at now."""
    due = select(ChangedInvoice.company).where(col(ChangedInvoice.look_at) <= work.now)
    return work.session.exec(due.limit(1)).first() is not None


def lanes_due(work: Work) -> list[Lane]:
    """The lanes in which an invoice is to be looked at now."""
    due = select(ChangedInvoice.company, ChangedInvoice.tenant).where(col(ChangedInvoice.look_at) <= work.now)
    return [Lane(company, tenant) for company, tenant in sorted(work.session.exec(due.distinct()))]


def is_any_told(work: Work, lane: Lane) -> bool:
    """Whether something of the lane still waits for its look."""
    mine = select(ChangedInvoice.company).where(
        ChangedInvoice.company == lane.company,
        ChangedInvoice.tenant == lane.tenant,
        col(ChangedInvoice.look_at).is_not(None),
    )
    return work.session.exec(mine.limit(1)).first() is not None


def due(work: Work, lane: Lane, most: int) -> Sequence[Any]:
    """Those of a lane that are to be looked at now, longest told first; plain rows."""
    asked = select(ChangedInvoice).where(
        ChangedInvoice.company == lane.company,
        ChangedInvoice.tenant == lane.tenant,
        col(ChangedInvoice.look_at) <= work.now,
    )
    return statements.rows(work, asked.order_by(_TOLD, col(ChangedInvoice.target_id)).limit(most))


def ours(work: Work, lane: Lane, target_ids: Collection[str]) -> Mapping[str, Any]:
    """Our exports in the lane that are in Xero under these ids, whatever becomes of them now, by id; plain rows."""
    asked: Any = select(Export.id, Export.state, Export.xero_invoice_id, Export.xero_totals)
    asked = asked.add_columns(col(Export.document)).where(
        Export.company == lane.company,
        Export.tenant == lane.tenant,
        col(Export.xero_invoice_id).in_(sorted(target_ids)),
    )
    return {row.xero_invoice_id: row for row in statements.rows(work, asked)}


def forget(work: Work, rows: Sequence[Any]) -> None:
    """These are of nobody here."""
    if rows:
        statements.run(work, delete(ChangedInvoice).where(_SAME.in_(_locked(work, rows))))


def note_looks(work: Work, rows: Sequence[Any]) -> None:
    """These were looked at, or need no look; one that was told of again since then still does."""
    if rows:
        statements.run(work, update(ChangedInvoice).where(_SAME.in_(_locked(work, rows))).values(look_at=None))


_SAME = tuple_(col(ChangedInvoice.company), col(ChangedInvoice.target_id), _TOLD)


def _locked(work: Work, rows: Sequence[Any]) -> list[tuple[str, str, datetime]]:
    """The keys of these, locked in the order in which webhooks write them, so that nobody waits in a ring."""
    keys = sorted((row.company, row.target_id, row.told_at) for row in rows)
    asked = select(ChangedInvoice.target_id).where(_SAME.in_(keys)).order_by(col(ChangedInvoice.target_id))
    work.session.exec(asked.with_for_update()).all()
    return keys


def put_off(work: Work, rows: Sequence[Any], until: datetime, *, tried: bool) -> None:
    """Look at these later; `tried`: in vain, which is counted."""
    if rows:
        mine = update(ChangedInvoice).where(_SAME.in_(_locked(work, rows)))
        statements.run(work, mine.values(look_at=until, tries=col(ChangedInvoice.tries) + int(tried)))
