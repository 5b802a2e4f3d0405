"""How far exported invoices are paid in Xero, as it was seen last; beside the marker, which it never changes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from events.payments import Payment
from store import statements
from store.tables import Export, KnownPayment
from store.unit_of_work import Work


@dataclass(frozen=True)
class SeenPayment:
    """A payment of the invoice with this id in Xero, when it was seen, and how many changes were told so far."""

    payment: Payment
    xero_invoice_id: str
    seen_at: datetime
    change: int = 0


def of_exports(work: Work, exports: Collection[Any]) -> Mapping[int, SeenPayment]:
    """What is known of these exports, by id; one that was raised anew since has another id in Xero than it says."""
    ids = sorted(export.id for export in exports if export.id is not None)
    asked = select(KnownPayment).where(col(KnownPayment.export_id).in_(ids))
    return {row.export_id: _seen(row) for row in statements.rows(work, asked)}


def changes_told(work: Work, exports: Collection[Any]) -> Mapping[tuple[str, str], int]:
    """How many changes were told of these exports' invoices (company, id), in whatever organisation each was then."""
    invoices = sorted({(export.company, export.invoice) for export in exports})
    named = [{"company": company, "invoice": invoice} for company, invoice in invoices]
    found: dict[tuple[str, str], int] = {}
    for row in statements.find(work, KnownPayment, named):
        key = row.company, row.invoice
        found[key] = max(row.change, found.get(key, 0))
    return found


def keep_seen(work: Work, seen: Sequence[tuple[Export, SeenPayment]]) -> None:
    """Keep what was seen of these exports."""
    rows = [
        {
            "export_id": export.id,
            "company": export.company,
            "invoice": export.invoice,
            "xero_invoice_id": one.xero_invoice_id,
            "payment": one.payment.model_dump_json(),
            "change": one.change,
            "seen_at": one.seen_at,
        }
        for export, one in sorted(seen, key=lambda pair: pair[0].id or 0)
    ]
    changed = dict.fromkeys(("xero_invoice_id", "payment", "change", "seen_at"), "excluded")
    statements.upsert(work, KnownPayment, rows, changed, ["export_id"])


def beside(work: Work, invoices: Collection[tuple[str, str]]) -> Mapping[tuple[str, str, str], SeenPayment]:
    """What is known of these invoices (company, id), by these and by the id that each has in Xero."""
    named = [{"company": company, "invoice": invoice} for company, invoice in sorted(set(invoices))]
    found = statements.find(work, KnownPayment, named)
    return {(row.company, row.invoice, row.xero_invoice_id): _seen(row) for row in found}


def _seen(row: Any) -> SeenPayment:
    return SeenPayment(Payment.model_validate_json(row.payment), row.xero_invoice_id, row.seen_at, row.change)
