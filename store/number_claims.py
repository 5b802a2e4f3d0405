"""Whose each number is: one invoice's in an organisation, for as long as it may be there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col, select, update

from events.accounting_target import Lane
from events.changes import DriftFound, Picture
from events.invoice import Invoice, folded
from store import statements
from store.tables import Attempt, Export, Generation, NumberClaim
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


def hand_over(work: Work, lane: Lane, number: str, owner: Owner, to: Owner) -> bool:
    """Give the number to another invoice, if Xero has none of the owner's under it and none is on its way there."""
    if not is_free(work, lane, folded(number), owner):
        return False
    mine = update(NumberClaim).where(
        col(NumberClaim.tenant) == books_of(lane),
        col(NumberClaim.folded) == folded(number),
        col(NumberClaim.company) == owner.company,
        col(NumberClaim.invoice) == owner.invoice,
    )
    return bool(work.session.exec(mine.values(company=to.company, invoice=to.invoice)).rowcount)


def is_free(work: Work, lane: Lane, number: str, owner: Owner) -> bool:
    """Whether the owner's folded number could be another's; nothing is changed.

    It could where the owner is deleted or gone in Xero, or has another number since, here and there. A voided
    invoice keeps its number.
    """
    if not lane.tenant:
        return False
    asked = select(Export).where(
        Export.company == owner.company, Export.tenant == lane.tenant, Export.invoice == owner.invoice
    )
    export = work.session.exec(asked).first()
    if export is None or export.state in ("new", "pending", "exporting", "uncertain"):
        return False
    tried = select(Attempt.number).where(
        Attempt.export_id == export.id, col(Attempt.outcome).in_(("sent", "unknown"))
    )
    if number in {folded(one) for one in work.session.exec(tried)}:
        return False
    before = select(Generation.number).where(
        Generation.export_id == export.id, col(Generation.ended).not_in(("deleted", "gone"))
    )
    if number in {folded(one) for one in work.session.exec(before)}:
        return False
    found = DriftFound.kept(export.found)
    if found and found.kind in ("deleted", "gone"):
        return True
    kept = Picture.model_validate_json(export.copy_kept).said("number") if export.copy_kept else None
    there = found.number if found and found.number else kept
    wanted = export.number if export.state == "failed" or not found else there
    return number not in {folded(one) for one in (wanted, there) if one}


def books_of(lane: Lane) -> str:
    """Whose numbers may not meet: an organisation's, or the company's own before its first login."""
    return lane.tenant or f"not connected: {lane.company}"
