"""Previews in tests: what is asked, and what it found."""

from events.export import UnreadableInvoice
from events.invoice import Invoice
from events.preview import InvoicePreview
from tests.builders import COMPANY
from worker.preview import preview


def of(installation, *wanted, company=COMPANY, **other):
    """The preview of these invoices, as JSON objects."""
    invoices = [one if isinstance(one, UnreadableInvoice) else Invoice.model_validate(one) for one in wanted]
    return preview.preview(installation.tools, company, invoices, **other)


def row_of(installation, wanted, **other) -> InvoicePreview:
    """The one row of a preview of one invoice."""
    (row,) = of(installation, wanted, **other).invoices
    return row


def reasons(row: InvoicePreview) -> list[str]:
    return [problem.reason for problem in row.problems]
