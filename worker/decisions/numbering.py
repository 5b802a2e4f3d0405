"""An invoice's number in Xero: the company's prefix before it, never changed once it was sent; or the one that it was
raised anew under; pure.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from events.export import UnreadableInvoice
from events.invoice import Invoice, folded
from events.unreadable import FieldProblem

_LONGEST = 255  # characters of a number in Xero (facts §3.2)
_SHOWN = 40  # characters of such a number that a sentence repeats
Asked = Invoice | UnreadableInvoice


class NumberedRow(Protocol):
    """What is kept of an invoice's export and matters for its number."""

    number_prefix: str
    attempts: int
    number_bound: bool
    xero_invoice_id: str | None
    state: str
    raised_from: str
    raised_as: str


def numbered(
    asked: Sequence[Asked], rows: Mapping[str, NumberedRow], prefix: str, *, again: bool
) -> tuple[list[Asked], dict[str, str]]:
    """The invoices under the numbers they have in Xero, and the prefix that each got, by id.

    `again` invoices are repeated as they were kept, with the prefix of that time still before their number.
    """
    told: list[Asked] = []
    given: dict[str, str] = {}
    for invoice in asked:
        if isinstance(invoice, UnreadableInvoice):
            told.append(invoice)
            continue
        row = rows.get(invoice.id)
        number = invoice.number.removeprefix(row.number_prefix) if again and row else invoice.number
        given[invoice.id] = _prefix(row, prefix, number)
        whole = given[invoice.id] + number
        raised = row is not None and bool(row.raised_as) and folded(whole) == folded(row.raised_from)
        told.append(_under(invoice, row.raised_as if row and raised else whole))
    return told, given


def _prefix(row: NumberedRow | None, prefix: str, number: str) -> str:
    """What goes before the number: for one that an attempt carried what it had then, else the company's prefix."""
    if row and _was_sent(row):
        return row.number_prefix
    return "" if number.upper().startswith(prefix.upper()) else prefix


def _was_sent(row: NumberedRow) -> bool:
    return bool(row.attempts or row.number_bound or row.xero_invoice_id or row.state in ("exporting", "uncertain"))


def _under(invoice: Invoice, number: str) -> Asked:
    if number == invoice.number:
        return invoice
    if len(number) > _LONGEST:
        said = f"is longer than {_LONGEST} characters with the company's prefix"
        problem = FieldProblem(field="number", said=said, wrong="length")
        return UnreadableInvoice(id=invoice.id, number=f"{number[:_SHOWN]}…", problems=(problem,))
    return invoice.model_copy(update={"number": number})
