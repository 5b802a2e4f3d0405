"""Invoices marked “do not send”: who marked them and why, in whatever organisation they end up."""

from collections.abc import Collection

from sqlmodel import col, delete, update

from store import statements
from store.tables import Exclusion, Export
from store.unit_of_work import Work


def mark(work: Work, company: str, invoices: Collection[str], by: str, why: str) -> set[str]:
    """Mark these invoices; give those that were not marked before."""
    known = {"company": company, "by": by, "why": why, "at": work.now}
    rows = [{**known, "invoice": invoice} for invoice in sorted(invoices)]
    new = statements.insert_new(work, Exclusion, rows, returning="invoice")
    _flag(work, company, invoices, excluded=True)
    return new


def unmark(work: Work, company: str, invoices: Collection[str]) -> set[str]:
    """Take the mark off these invoices; give those that had it."""
    gone = delete(Exclusion).where(col(Exclusion.company) == company, col(Exclusion.invoice).in_(sorted(invoices)))
    had = set(work.session.exec(gone.returning(col(Exclusion.invoice))).scalars())
    _flag(work, company, invoices, excluded=False)
    return had


def marked(work: Work, company: str, invoices: Collection[str]) -> set[str]:
    """Which of these invoices are marked."""
    return {invoice for _, invoice in marked_ones(work, [(company, invoice) for invoice in invoices])}


def marked_ones(work: Work, invoices: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these invoices, each with its company, are marked."""
    keys = [{"company": company, "invoice": invoice} for company, invoice in sorted(invoices)]
    return {(row.company, row.invoice) for row in statements.find(work, Exclusion, keys)}


def of_invoice(work: Work, company: str, invoice: str) -> Exclusion | None:
    """The mark of one invoice."""
    return work.session.get(Exclusion, (company, invoice))


def _flag(work: Work, company: str, invoices: Collection[str], *, excluded: bool) -> None:
    mine = update(Export).where(col(Export.company) == company, col(Export.invoice).in_(sorted(invoices)))
    work.session.exec(mine.values(excluded=excluded))
