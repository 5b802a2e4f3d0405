"""Whether an invoice in Xero is the one an older integration exported for us; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from events.accounting_target import Posted
from events.changes import Difference
from events.invoice import Invoice, InvoiceNumber
from events.snapshot import Amount, Currency, HostId, IsoDate, Snapshot
from worker.decisions import merge_rules, proof
from worker.decisions.proof import Host, Proof

_NOT_OURS = "what was sent: it was not sent from here"
_GONE = frozenset({"VOIDED", "DELETED"})
_GUID = r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class Claim(Snapshot):
    """“Our invoice `id` is in Xero already”: under which number or Xero id, and what to compare."""

    id: HostId
    number: InvoiceNumber | None = None
    xero_invoice_id: Annotated[str, Field(pattern=_GUID)] | None = None
    client: HostId | None = None
    date: IsoDate | None = None
    currency: Currency | None = None
    total: Amount | None = None
    content: Invoice | None = None

    @classmethod
    def from_invoice(cls, invoice: Invoice) -> "Claim":
        """The claim a whole snapshot makes. Raises ValidationError when its Xero id is none."""
        total = invoice.totals.total if invoice.totals else None
        return cls(
            id=invoice.id,
            number=invoice.number,
            xero_invoice_id=invoice.xero_invoice_id,
            client=invoice.client.id,
            date=invoice.date,
            currency=invoice.currency,
            total=total,
            content=invoice,
        )


@dataclass(frozen=True)
class ClaimedExport:
    """How the invoice stands here: its state, where it is in Xero, the newest content kept."""

    state: str = "new"
    xero_invoice_id: str | None = None
    content: Invoice | None = None


def completed(claim: Claim, standing: ClaimedExport) -> Claim:
    """The claim with what the content kept here adds to it."""
    if standing.content is None:
        return claim
    known = Claim.from_invoice(standing.content.model_copy(update={"xero_invoice_id": None}))
    said = {name: value for name, value in claim if value is not None}
    return known.model_copy(update={"content": standing.content, **said})


def objection(claim: Claim, standing: ClaimedExport) -> str | None:
    """Why the claim is not worth asking Xero about, or None."""
    if standing.state in merge_rules.LIVE:
        return "it is on its way to Xero right now"
    if standing.xero_invoice_id and claim.xero_invoice_id not in (None, standing.xero_invoice_id):
        return f"it is in Xero already, as {standing.xero_invoice_id}"
    if not (claim.number or claim.xero_invoice_id):
        return "it names neither a number nor a Xero id"
    missing = [name for name in ("client", "date", "currency") if getattr(claim, name) is None]
    return f"there is nothing to compare: {', '.join(missing)} missing" if missing else None


def judge(company: str, claim: Claim, found: Sequence[Posted], contact: str) -> Posted | str:
    """The invoice that is ours beyond doubt, or why none is taken. Totals never refuse."""
    live = [posted for posted in found if posted.status not in _GONE]
    name = claim.xero_invoice_id or claim.number
    if not live:
        return f"{name} is {found[0].status.lower()} in Xero" if found else f"Xero has no invoice {name}"
    if len(live) > 1:
        return f"Xero has {len(live)} invoices {name}; name it by its Xero id"
    (posted,) = live
    if posted.unreadable:
        return f"a value of {name} in Xero cannot be read; try again later, or correct it there"
    if posted.mark and posted.mark != (company, claim.id):
        return f"{name} is CrewCard's invoice {posted.mark[1]} of {posted.mark[0]}"
    if not contact:
        return f"client {claim.client} has no Xero contact to compare with"
    return "; ".join(_clashes(claim, posted, contact)) or posted


def proof_of(claim: Claim, posted: Posted, contact: str) -> Proof:
    """What was compared of an invoice that was taken over: `judge` found contact, date and currency the same."""
    if claim.content:
        meant = claim.content.model_copy(update={"number": claim.number or claim.content.number})
        return proof.of_host(Host(contact, meant), posted, _NOT_OURS)
    said = {"number": (claim.number, posted.number), "total": (_cents(claim.total), _cents(posted.total))}
    both = {name: (ours, theirs or "") for name, (ours, theirs) in said.items() if ours is not None}
    return Proof(
        compared=("contact", "date", "currency", *both),
        not_compared=(_NOT_OURS,),
        differing=tuple(
            Difference(field=name, sent=ours, kept=theirs) for name, (ours, theirs) in both.items() if ours != theirs
        ),
        warnings=posted.warnings,
    )


def _cents(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def _clashes(claim: Claim, posted: Posted, contact: str) -> list[str]:
    told = []
    if posted.contact_id != contact:
        told.append(f"it bills another contact in Xero ({posted.contact_name or posted.contact_id})")
    if claim.date and posted.date != claim.date.isoformat():
        told.append(f"it is dated {posted.date} in Xero, {claim.date.isoformat()} in CrewCard")
    if posted.currency != claim.currency:
        told.append(f"it is in {posted.currency} in Xero, {claim.currency} in CrewCard")
    return told
