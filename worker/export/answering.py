"""Answers to people: the words of success and failure, given once per request and invoice.

Where in Xero a failure is mended: the pages its help opens.
Contacts at send time: the store answers, no call is spent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, Protocol

from pydantic_core import to_json

from events.accounting_target import AccountingTarget, Lane, Organisation, Posted, Unmappable
from events.changes import GONE, DriftFound
from events.export import InvoiceExportFailed, InvoiceExportSucceeded, XeroTotals, failed_answer
from events.failures import Failure
from events.invoice import Document, Invoice
from events.reasons import Reason
from events.wording import month, spoken
from store import contacts, outbox, requests
from store.outbox import InvoiceAnswer
from store.tables import Export, Item, Request
from store.unit_of_work import Work
from worker.decisions.proof import Proof

Outcome = Literal["created", "updated", "adopted", "unchanged"]


class InXero(Protocol):
    """An invoice that is in Xero, as far as its answer tells: an export row, or what one has just become."""

    client: str
    number: str
    xero_invoice_id: str | None
    xero_totals: str | None
    exported_at: datetime | None
    found: str | None
    checked_at: datetime | None
    generation: int
    document: Document


def record_answers(
    work: Work, answers: Sequence[InvoiceAnswer], waiting: Sequence[Item] = ()
) -> Mapping[str, Request]:
    """Log, show, count and send these answers, all in the transaction at hand; gives their requests as counted.

    `waiting` is what `requests.waiting` just said of their items.
    """
    if not answers:
        return {}
    told = outbox.log_answers(work, answers, waiting)
    counted, completed = requests.settle_items(work, answers)
    if completed:
        outbox.publish_each_once(work, [*told, *completed])
    else:
        outbox.publish(work, told)
    return {row.id: row for row in counted}


def succeeded(
    item: Item,
    export: InXero,
    organisation: Organisation,
    target: AccountingTarget,
    outcome: Outcome,
    compared_until: datetime | None = None,
) -> InvoiceExportSucceeded:
    """The answer for an invoice that is in Xero, told from its export row.

    `compared_until`: all that changed in Xero until then is known from the reconciler.
    """
    if export.xero_invoice_id is None or export.exported_at is None:
        raise ValueError("an export without a Xero invoice cannot have succeeded")
    proof = json.loads(export.xero_totals or "{}")
    totals = proof.get("totals")
    told = {name: proof.get(name, ()) for name in ("differing", "warnings", "compared", "not_compared", "cleaned")}
    found = DriftFound.kept(export.found)
    differences = tuple(dict.fromkeys((*proof.get("differences", ()), *(found.differences if found else ()))))
    asked = [moment for moment in (export.checked_at, export.exported_at, compared_until) if moment]
    return InvoiceExportSucceeded(
        company=item.company,
        request=item.request,
        invoice=item.invoice,
        number=export.number,
        outcome=outcome,
        xero_invoice_id=export.xero_invoice_id,
        totals=XeroTotals.model_validate(totals) if totals else None,
        deep_link=target.deep_link(organisation, export.xero_invoice_id),
        exported_at=export.exported_at,
        verified=not differences,
        differences=differences,
        compared_at=proof.get("compared_at"),
        **told,
        drift=found.kind if found else None,
        marker="not_exported" if found and found.kind in GONE else "exported",
        checked_at=max(asked),
        generation=export.generation,
        document=export.document,
        client=export.client,
    )


def failed(item: Item, number: str | None, failure: Failure) -> InvoiceExportFailed:
    """The answer for an invoice that was not exported."""
    return failed_answer(item.company, item.request, item.invoice, number, failure)


def refused(item: Item, export: Export, content: Invoice, failure: Failure) -> InvoiceExportFailed:
    """The answer for an export that failed, told with what the refused content says."""
    return failed(item, export.number, told_of(content, failure))


def told_of(invoice: Invoice, failure: Failure) -> Failure:
    """The failure with the invoice's own facts, and what the line at fault says."""
    known = failure.knowing(**facts(invoice))
    return replace(_at_line(invoice, known), others=tuple(_at_line(invoice, other) for other in known.others))


def _at_line(invoice: Invoice, failure: Failure) -> Failure:
    if not failure.line or failure.line > len(invoice.lines):
        return failure
    line = invoice.lines[failure.line - 1]
    said = {"line_said": line.description, "account": line.account_code, "tax": line.tax_type, "item": line.item_code}
    return replace(failure, facts={**{name: text for name, text in said.items() if text}, **failure.facts})


def facts(invoice: Invoice) -> dict[str, str]:
    """What a failure's sentence may say about the invoice, and what tells its cause from others."""
    links = {"link_crewcard": invoice.link} if invoice.link else {}
    return {
        **links,
        "client_id": invoice.client.id,
        "month": month(invoice.date),
        "number": invoice.number,
        "client": invoice.client.name,
        "currency": invoice.currency,
        "date": spoken(invoice.date),
    }


def proof_text(posted: Posted, proof: Proof, at: datetime) -> str:
    """Xero's totals and the proof of match made at this moment, as an export row keeps them."""
    totals = {
        "currency": posted.currency,
        "subtotal": f"{posted.subtotal:.2f}",
        "tax": f"{posted.tax:.2f}",
        "total": f"{posted.total:.2f}",
    }
    updated = posted.updated.isoformat() if posted.updated else None
    kept = {
        "totals": totals,
        "status": posted.status,
        "updated": updated,
        "differences": proof.differences,
        "differing": [one.model_dump(exclude_none=True) for one in proof.differing],
        "warnings": proof.warnings,
        "cleaned": [one.model_dump() for one in proof.cleaned],
        "compared": proof.compared,
        "not_compared": proof.not_compared,
        "compared_at": at.isoformat(),
    }
    return to_json(kept).decode()


def linked_contacts(work: Work, lane: Lane, clients: Sequence[str]) -> Mapping[str, str]:
    """What is kept as the Xero contact of each client."""
    return contacts.links(work, lane.company, clients) if clients else {}


def contact_of(target: AccountingTarget, said: str) -> str:
    """The Xero contact id to bill, by what is kept. Raises Unmappable when that is nothing, or cannot be read."""
    if not said:
        raise Unmappable(Failure(Reason.CONTACT_NOT_MAPPED))
    contact = target.contact_id(said)
    if contact is None:
        raise Unmappable(Failure(Reason.CONTACT_ID_MALFORMED))
    return contact


def into_xero(
    work: Work, target: AccountingTarget, organisation: Organisation, export: Export, failure: Failure
) -> Failure:
    """The failure with the addresses of the contact, the invoice and its double in Xero, where they are known."""
    links: dict[str, str] = {}
    if failure.reason.value.opens == "contact":
        kept = linked_contacts(work, Lane(export.company, export.tenant), [export.client])
        contact = target.contact_id(kept.get(export.client, ""))
        links |= {"link_contact": target.contact_link(organisation.short_code, contact)} if contact else {}
    for name, id_ in (
        ("link_invoice", export.xero_invoice_id),
        ("link_other_invoice", failure.facts.get("other_id")),
    ):
        links |= {name: target.deep_link(organisation, id_)} if id_ else {}
    return failure.knowing(**links)
