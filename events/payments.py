"""What became of an exported invoice in the accounting system: paid, paid in part, voided, edited there.

An invoice's marker and Last Exported say what an export did; none of these events changes them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal

from events.invoice import Document
from events.money import ZERO
from events.snapshot import Amount, Event, HostId, Id, Snapshot

_WORDS: Mapping[Document, tuple[str, str, str]] = {
    "invoice": ("paid", "credited", "due"),
    "credit_note": ("refunded", "allocated", "left"),
}
_BADGES: Mapping[Document, tuple[str, str]] = {"invoice": ("Paid", "Part paid"), "credit_note": ("Used", "Part used")}
PaymentState = Literal["unpaid", "part_paid", "paid", "voided"]


class Payment(Snapshot):
    """How far an invoice is paid: `paid` in money and `credited` by credit notes, overpayments and prepayments.

    `due` is what is left, in `currency`: paid, credited and due come to the total; of what is voided nothing is due.
    `status` is in Xero's words, `paid_on` the day on which it was paid in full; Xero changed it at `updated_at`.
    """

    state: PaymentState
    status: str
    currency: str
    total: Amount
    paid: Amount
    credited: Amount
    due: Amount
    paid_on: date | None = None
    updated_at: datetime | None = None

    @property
    def amounts(self) -> tuple[PaymentState, Decimal, Decimal]:
        """What tells one payment from the next."""
        return self.state, self.paid, self.credited

    @property
    def is_anything(self) -> bool:
        """Whether anything is paid, credited or voided."""
        return self.state != "unpaid" or bool(self.paid or self.credited)

    def badge_of(self, document: Document) -> str:
        """The state in a word or two: an invoice is paid, a credit note is used."""
        if self.state == "voided":
            return "Voided"
        whole, part = _BADGES[document]
        return whole if self.state == "paid" else part

    def said_of(self, document: Document) -> str:
        """`40.00 of 110.00 USD paid, 10.00 credited, 60.00 due`; a credit note is refunded, allocated, and left."""
        if self.state == "voided":
            return f"{self.status.lower()} in Xero"
        paid, credited, due = _WORDS[document]
        told = [f"{self.paid:.2f} of {self.total:.2f} {self.currency} {paid}"]
        told += [f"{self.credited:.2f} {credited}"] if self.credited != ZERO else []
        return ", ".join([*told, f"{self.due:.2f} {due}" if self.due else f"nothing {due}"])


class InvoiceInXero(Payment, Event):
    """What each of these events says of an invoice that was exported, or a credit note, as `document` says.

    Of a credit note `paid` is what was refunded, `credited` what is allocated, `due` what is left. `change` counts
    what was told of it so far, from 1: a host that got a higher one ignores this. `differences` are sentences.
    `seen_at` is when we saw it.
    """

    company: Id
    invoice: HostId
    document: Document = "invoice"
    number: str
    xero_invoice_id: str
    change: int
    differences: tuple[str, ...] = ()
    deep_link: str
    seen_at: datetime


class InvoicePaid(InvoiceInXero):
    """Out: an exported invoice is paid in full in Xero, by payments or credit; a credit note is used up."""

    TYPE: ClassVar[str] = "invoice.paid"


class InvoicePartPaid(InvoiceInXero):
    """Out: some of an invoice is paid or credited in Xero, or a credit note used: more or less than before."""

    TYPE: ClassVar[str] = "invoice.part_paid"


class InvoiceUnpaid(InvoiceInXero):
    """Out: the payments that were told are gone from the invoice in Xero, as of a cheque that bounced: all is due."""

    TYPE: ClassVar[str] = "invoice.unpaid"


class InvoiceVoided(InvoiceInXero):
    """Out: an exported invoice or credit note was voided in Xero, or deleted: `status` says which."""

    TYPE: ClassVar[str] = "invoice.voided"


class InvoiceEdited(InvoiceInXero):
    """Out: somebody changed an exported invoice in Xero, as `differences` say; its amounts are those it has now."""

    TYPE: ClassVar[str] = "invoice.edited"


class CreditNoteInXero(Event):
    """What each of these events says of a credit note that was exported: whose it is, and which invoice it credits.

    `invoice` is the credit note's own id at the host, `credits` the invoice's.
    """

    company: Id
    invoice: HostId
    number: str
    xero_credit_note_id: str
    credits: HostId
    deep_link: str
    at: datetime


class CreditNoteAllocated(CreditNoteInXero):
    """Out: so much of a credit note is credited to its invoice in Xero, in the currency of both."""

    TYPE: ClassVar[str] = "credit_note.allocated"

    allocated: Amount


class CreditNoteUnallocated(CreditNoteInXero):
    """Out: a credit note is in Xero, and why nothing of it is credited to its invoice; `waits`: it is tried again."""

    TYPE: ClassVar[str] = "credit_note.unallocated"

    message: str
    waits: bool


OF_STATE: Mapping[PaymentState, type[InvoiceInXero]] = {
    "paid": InvoicePaid,
    "part_paid": InvoicePartPaid,
    "unpaid": InvoiceUnpaid,
    "voided": InvoiceVoided,
}
