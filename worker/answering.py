"""Answers to people: the words of success and failure, given once per request and invoice."""

import json
from collections.abc import Sequence
from typing import Literal

from events.accounting_target import AccountingTarget, Organisation, Posted
from events.export import InvoiceExportFailed, InvoiceExportSucceeded, Notification, XeroTotals
from events.failures import FAILED_TITLE, Failure, spoken
from events.invoice import Invoice
from events.reasons import Reason
from store import outbox, requests
from store.outbox import InvoiceAnswer
from store.tables import Export, Item
from store.unit_of_work import Work

Outcome = Literal["created", "updated", "adopted", "unchanged"]


def give(work: Work, answers: Sequence[InvoiceAnswer]) -> None:
    """Log, show, send and count these answers, all in the transaction at hand."""
    if answers:
        outbox.publish_answers(work, answers)
        requests.settle_items(work, answers)


def succeeded(
    item: Item, export: Export, organisation: Organisation, target: AccountingTarget, outcome: Outcome
) -> InvoiceExportSucceeded:
    """The answer for an invoice that is in Xero, told from its export row."""
    if export.xero_invoice_id is None or export.exported_at is None:
        raise ValueError("an export without a Xero invoice cannot have succeeded")
    proof = json.loads(export.xero_totals or "{}")
    totals = proof.get("totals")
    differences = tuple(proof.get("differences", ()))
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
    )


def failed(item: Item, number: str | None, failure: Failure) -> InvoiceExportFailed:
    """The answer for an invoice that was not exported."""
    told = failure.knowing(**({"number": number} if number else {}))
    return InvoiceExportFailed(
        company=item.company,
        request=item.request,
        invoice=item.invoice,
        number=number,
        reason=failure.reason.code,
        notification=Notification(title=FAILED_TITLE, message=told.message()),
        who=failure.reason.value.who,
        how=told.remedy(),
        by_itself=failure.reason.value.by_itself,
        xero_words=failure.said,
        line=failure.line,
        marker="excluded" if failure.reason is Reason.EXCLUDED else "failed",
    )


def facts(invoice: Invoice) -> dict[str, str]:
    """What a failure's sentence may say about the invoice."""
    return {
        "number": invoice.number,
        "client": invoice.client.name,
        "currency": invoice.currency,
        "date": spoken(invoice.date),
    }


def proof_text(posted: Posted, differences: Sequence[str]) -> str:
    """Xero's totals and how they differ from the host's, as an export row keeps them."""
    totals = {
        "currency": posted.currency,
        "subtotal": f"{posted.subtotal:.2f}",
        "tax": f"{posted.tax:.2f}",
        "total": f"{posted.total:.2f}",
    }
    return json.dumps({"totals": totals, "differences": list(differences), "status": posted.status})
