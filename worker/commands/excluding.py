"""Mark invoices “never send”, and take the mark off again."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.failures import Failure
from events.reasons import Reason
from store import audit, bulk_orders, pauses
from store.tables import Export
from store.unit_of_work import Work
from worker.export import recording
from worker.export.export_results import ExportRefusal
from worker.tools import Tools


@dataclass(frozen=True)
class Marked:
    """What became of an order: invoices marked or unmarked now, so before, in flight, already in Xero, not known."""

    changed: Sequence[str]
    so_before: Sequence[str] = ()
    in_flight: Sequence[str] = ()
    in_xero: Sequence[str] = ()
    unknown: Sequence[str] = ()


def exclude(tools: Tools, company: str, names: Sequence[str], by: str, why: str, *, ids: bool = False) -> Marked:
    """Mark the invoices with these ids or numbers (`ids`: ids alone).

    A pending one is answered, one in flight is called back.
    """
    with tools.store.write() as work:
        known, unknown = bulk_orders.by_name(work, company, names, numbers=not ids)
        rows = bulk_orders.locked(work, bulk_orders.rows_of(work, company, known)).values()
        new = pauses.exclude(work, company, known, by, why)
        _stop(work, [row for row in rows if row.state == "pending"])
        audit.note(work, by, "exclude", company, {"invoices": sorted(known)}, len(new), why)
    tools.bells.wake_relay()
    flying = sorted(row.invoice for row in rows if row.state in ("exporting", "uncertain"))
    there = sorted(row.invoice for row in rows if row.xero_invoice_id)
    return Marked(sorted(new), sorted(known - new), flying, there, unknown)


def include(tools: Tools, company: str, names: Sequence[str], by: str, why: str, *, ids: bool = False) -> Marked:
    """Take the mark off; nothing is sent until it is asked for again."""
    with tools.store.write() as work:
        known, unknown = bulk_orders.by_name(work, company, names, numbers=not ids)
        bulk_orders.locked(work, bulk_orders.rows_of(work, company, known))
        had = pauses.include(work, company, known)
        audit.note(work, by, "include", company, {"invoices": sorted(known)}, len(had), why)
    return Marked(sorted(had), sorted(known - had), unknown=unknown)


def _stop(work: Work, pending: Sequence[Export]) -> None:
    recording.fail(work, [ExportRefusal(export, Failure(Reason.EXCLUDED)) for export in pending])
