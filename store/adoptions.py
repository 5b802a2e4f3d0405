"""Rows for invoices that were taken over from an older integration."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import col, select

from events.accounting_target import Lane
from events.invoice import folded
from store import statements
from store.tables import Export, Item, NumberClaim, Request
from store.unit_of_work import Work


def known(work: Work, lane: Lane, invoices: Collection[str]) -> Mapping[str, Export]:
    """The export rows there are for these invoices, by invoice id."""
    asked = select(Export).where(
        Export.company == lane.company, Export.tenant == lane.tenant, col(Export.invoice).in_(sorted(invoices))
    )
    return {row.invoice: row for row in work.session.exec(asked)}


def lock(work: Work, lane: Lane, named: Mapping[str, tuple[str, str]]) -> Mapping[str, Export]:
    """The export row of each invoice (id to number and client), made where there was none, locked in id order."""
    rows = [_new(work, lane, invoice, *named[invoice]) for invoice in sorted(named)]
    found = statements.upsert(work, Export, rows, {"touched_at": "excluded"}, returning=["id"])
    mine = select(Export).where(col(Export.id).in_([row.id for row in found]))
    return {row.invoice: row for row in work.session.exec(mine.execution_options(populate_existing=True))}


def _new(work: Work, lane: Lane, invoice: str, number: str, client: str) -> dict[str, Any]:
    row = Export(
        company=lane.company,
        tenant=lane.tenant,
        invoice=invoice,
        number=number,
        client=client,
        due_at=work.now,
        created_at=work.now,
        touched_at=work.now,
    )
    return row.model_dump(exclude={"id"})


def holders(work: Work, lane: Lane, target_ids: Collection[str]) -> Mapping[str, str]:
    """Which invoice of ours is which invoice of the organisation, by the latter's id."""
    asked = select(Export.xero_invoice_id, Export.invoice).where(
        Export.tenant == lane.tenant, col(Export.xero_invoice_id).in_(sorted(target_ids))
    )
    return {target_id or "": invoice for target_id, invoice in work.session.exec(asked)}


def claim_number(work: Work, lane: Lane, number: str, invoice: str) -> str | None:
    """Claim the number for the invoice; give the other invoice that has it already."""
    key = (lane.tenant, folded(number))
    row = {"tenant": lane.tenant, "folded": key[1], "company": lane.company, "invoice": invoice}
    statements.insert_new(work, NumberClaim, [row], returning="folded")
    holder = work.session.get_one(NumberClaim, key)
    return None if (holder.company, holder.invoice) == (lane.company, invoice) else holder.invoice


def open_request(work: Work, lane: Lane, request: str, by: str, items: Collection[Item]) -> None:
    """A request whose invoices are all here, so that their answers have something to answer."""
    work.session.add(
        Request(
            company=lane.company,
            id=request,
            tenant=lane.tenant,
            mode="bulk",
            requested_by=by,
            source_event=request,
            parts_received="1",
            total=len(items),
            created_at=work.now,
        )
    )
    work.session.flush()
    statements.insert(work, Item, [item.model_dump() for item in items])
