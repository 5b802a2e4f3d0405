"""Whose each number is: one invoice's in an organisation, for as long as it may be there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.accounting_target import Lane
from events.invoice import Invoice, folded
from store import statements
from store.tables import NumberClaim
from store.unit_of_work import Work


@dataclass(frozen=True)
class Owner:
    """Whose a number is."""

    company: str
    invoice: str


def key(lane: Lane, number: str) -> tuple[str, str]:
    """What a number is claimed by: in whose books, and its folded form."""
    return books_of(lane), folded(number)


def claim(work: Work, wanted: Sequence[tuple[Lane, Invoice]]) -> Mapping[tuple[str, str], Owner]:
    """Whose each number is, by `key`, after claiming the free ones for these invoices, the first that asks."""
    first = {key(lane, one.number): Owner(lane.company, one.id) for lane, one in reversed(wanted)}
    rows = [
        {"tenant": books, "folded": number, "company": owner.company, "invoice": owner.invoice}
        for (books, number), owner in sorted(first.items(), key=lambda one: one[0])
    ]
    new = statements.insert_new_keys(work, NumberClaim, rows, "tenant", "folded")
    others = [{"tenant": books, "folded": number} for books, number in sorted(first.keys() - new)]
    found = statements.find(work, NumberClaim, others)
    return first | {(row.tenant, row.folded): Owner(row.company, row.invoice) for row in found}


def books_of(lane: Lane) -> str:
    """Whose numbers may not meet: an organisation's, or the company's own before its first login."""
    return lane.tenant or f"not connected: {lane.company}"
