"""Raise a credit note for an invoice in Xero: prepared and shown first, then handed in as a host's event is.

Its id is made of the invoice's, so that it goes the way of every export: ordered twice there is one.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from events.accounting_target import Lane
from events.changes import DriftFound, Picture
from events.codec import Unreadable
from events.export import InvoiceExportRequested
from events.invoice import Invoice
from store import adoptions, audit, companies, connections
from store.inbox import OtherBody
from store.tables import Export
from store.unit_of_work import Work
from worker.commands import registry
from worker.decisions import crediting, merge_rules, rights
from worker.decisions.crediting import EXTENTS, CreditedInvoice, Extent
from worker.decisions.merge_rules import LIVE, Receipt
from worker.decisions.rights import NotAllowed
from worker.submission import orders
from worker.submission.orders import OrderGiver, OrderRefused
from worker.tools import Tools

_NOT_KNOWN = ("No such invoice is exported to the company's Xero organisation.", "Export it first.")
_NOTHING = ("It would come to nothing, or its amount is not known here.", "Raise the credit note in Xero.")


@dataclass(frozen=True)
class PreparedCredit:
    """What would be sent, by how much of the invoice it credits; or `why` nothing can be, and `how` to go on.

    `raised` is the id of the credit note that was raised for it already. `contact` is who is billed in Xero.
    """

    company: str
    invoice: str
    number: str = ""
    contact: str = ""
    offers: dict[Extent, Invoice] = field(default_factory=dict)
    raised: str = ""
    why: str = ""
    how: str = ""

    def chosen(self, extent: str) -> Invoice | None:
        """What goes for this extent; the first that there is where none is named."""
        return next((note for name, note in self.offers.items() if extent in ("", name)), None)


def prepare(tools: Tools, company: str, invoice: str) -> PreparedCredit:
    """The credit note that would be raised for the invoice, each kind there is; nothing is sent."""
    with tools.store.read() as work:
        return _prepare(work, tools, company, invoice)


def _prepare(work: Work, tools: Tools, company: str, invoice: str) -> PreparedCredit:
    at = connections.of_company(work, company)
    named = (invoice, crediting.credit_id(invoice))
    rows = adoptions.known(work, Lane(company, at.tenant), named) if at else {}
    row, raised = rows.get(invoice), rows.get(named[1])
    if row is None:
        return PreparedCredit(company, invoice, why=_NOT_KNOWN[0], how=_NOT_KNOWN[1])
    known, settings = _known(row), companies.settings_of(work, company)
    contact = (known.copy.contact_name if known.copy else "") or (known.wanted.client.name if known.wanted else "")
    made = PreparedCredit(company, invoice, known.number, contact, raised=named[1] if raised else "")
    why, how = crediting.obstacle(known, settings)
    if why or raised:
        return PreparedCredit(**{**vars(made), "why": why, "how": how})
    target = tools.target_of(work, company)
    offers: dict[Extent, Invoice] = {}
    for extent in EXTENTS:
        note = crediting.credit_note(known, extent, work.now.date())
        if note and target and "credit_note" in target.documents:
            shown, _ = merge_rules.numbered([note], {}, settings, again=False)
            offers[extent] = note.model_copy(update={"number": shown[0].number})
    why, how = ("", "") if offers else _NOTHING
    return PreparedCredit(**{**vars(made), "offers": offers, "why": why, "how": how})


def _known(row: Export) -> CreditedInvoice:
    return CreditedInvoice(
        Invoice.readable(row.wanted),
        row.number,
        row.document,
        Picture.model_validate_json(row.copy_kept) if row.copy_kept else None,
        DriftFound.kept(row.found),
        in_xero=row.xero_invoice_id is not None,
        live=row.state in LIVE,
    )


def raise_credit(
    tools: Tools, company: str, invoice: str, by: OrderGiver, why: str, extent: str = ""
) -> tuple[PreparedCredit, Receipt | None]:
    """Hand in what is prepared; with no receipt where it was raised before. Raises OrderRefused, NotAllowed."""
    reason, command = orders.reason_given(why), registry.CREDIT
    wrong = rights.objection((by,), command.effect, company)
    if wrong:
        raise NotAllowed(wrong)
    with tools.store.write() as work:
        found = _prepare(work, tools, company, invoice)
        note = found.chosen(extent)
        if found.raised:
            return found, None
        if note is None:
            raise OrderRefused(f"{found.why or _NOTHING[0]} {found.how or _NOTHING[1]}")
        chosen = {"invoice": invoice, "credit_note": note.id, "extent": extent}
        audit.note(work, by.id, command.audit, company, chosen, 1, reason)
    named = hashlib.sha256(f"{company}/{note.id}".encode()).hexdigest()[:16]
    data: dict[str, Any] = {
        "company": company,
        "request": f"credit-{named}",
        "requested_by": orders.requested_by(by),
        "mode": "single",
        "invoices": [note.model_dump(mode="json", exclude_none=True)],
    }
    try:
        receipt = orders.hand_in(tools, InvoiceExportRequested, data, (by,), orders.CONSOLE, f"credit-{named}")
    except Unreadable as broken:
        raise OrderRefused("; ".join(broken.problems)) from None
    except OtherBody:  # somebody else ordered it at this moment
        return replace(found, raised=note.id), None
    return found, receipt


def amount_of(note: Invoice) -> str:
    """`44.00 USD before tax`."""
    return f"{note.net or 0:.2f} {note.currency}{' before tax' if note.amounts_are == 'exclusive' else ''}"
