"""The table of invoice fields: what each is called here and in Xero, how it is sent, read back and compared; pure.

What is wanted in Xero: an invoice and its lines with the company's settings filled in.

Mapping, pictures, updates, the guard and the proof of match all go by it (facts §8). A new field is a row
here and a field of the contract (events/invoice).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from events.accounting_target import Element, Posting, Unmappable
from events.changes import LinePicture
from events.failures import Failure
from events.invoice import Invoice, LineItem, folded
from events.money import ZERO, line_amount, rounded
from events.reasons import Reason
from events.settings import CompanySettings
from xero_adapter import links
from xero_adapter.json_values import (
    FieldRow,
    cents_at,
    cents_of,
    day_at,
    decimal_of,
    lower_at,
    number_at,
    object_of,
    text_at,
    text_of,
    written_alike,
)
from xero_adapter.line_amounts import LONGEST_DESCRIPTION, SaidAmount

_AMOUNTS_ARE = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no_tax": "NoTax"}
_RATE = Decimal("0.000001")
_APPROVED = "AUTHORISED"


@dataclass(frozen=True)
class WantedInvoice:
    """An invoice to be sent; `status` is the one it has, or will have, in Xero."""

    posting: Posting
    link_base: str
    status: str

    @cached_property
    def invoice(self) -> Invoice:
        """What the host says."""
        return self.posting.invoice

    @property
    def due_date(self) -> str:
        """The host's, else by the company's rule. Raises Unmappable where there is none and Xero needs one."""
        settings = self.posting.settings
        due: date | None = self.invoice.due_date or settings.due_date(self.invoice.date)
        if due is None and settings.invoice_status != "DRAFT":
            raise Unmappable(Failure(Reason.DUE_DATE_MISSING))
        return (due or self.invoice.date).isoformat()

    @property
    def expected(self) -> str | None:
        """When the client is expected to pay."""
        day = self.invoice.expected_payment_date
        return day.isoformat() if day else None

    @property
    def url(self) -> str:
        """The host's own link with our mark."""
        posting = self.posting
        base = links.usable_base(self.invoice.link, self.link_base)
        return links.mark(base, posting.lane.company, self.invoice.id, posting.generation)

    @property
    def theme(self) -> str | None:
        """The branding theme of the company's settings."""
        theme = self.posting.settings.branding_theme
        return theme.id if theme else None

    @property
    def sent_to_contact(self) -> bool | None:
        """Whether the client has it already: the host's word, else the company's; of approved invoices only (§8)."""
        own = self.invoice.sent_to_contact
        said = True if own is None and self.posting.settings.sent_to_contact else own
        return said if self.status == _APPROVED else None


@dataclass(frozen=True)
class WantedLine:
    """A line to be sent, its place from 1, and its numbers as Xero is told them."""

    number: int
    line: LineItem
    amount: SaidAmount
    settings: CompanySettings
    taxed: bool = True

    @property
    def description(self) -> str | None:
        """The host's text; where the numbers do not say how many of what price, the text does."""
        said, note = self.line.description, self.amount.note
        whole = f"{said} ({note})"
        return whole if said and note and len(whole) <= LONGEST_DESCRIPTION else said

    @property
    def account(self) -> str | None:
        """The line's own, else the company's. Raises Unmappable where Xero needs one and there is none."""
        line, settings = self.line, self.settings
        if line.is_text:
            return None
        code = line.account_code or settings.of_kind(line.kind).account_code
        if not code and not line.item_code and settings.invoice_status != "DRAFT":
            facts = {"line_said": line.description or ""}
            raise Unmappable(Failure(Reason.ACCOUNT_MISSING, facts, line=self.number))
        return code or None

    @property
    def tax_type(self) -> str | None:
        """The line's own, else the company's; on an invoice without tax it would say nothing (Xero makes it NONE)."""
        if self.line.is_text or not self.taxed:
            return None
        return self.line.tax_type or self.settings.of_kind(self.line.kind).tax_type or None

    @property
    def tracking(self) -> list[Element] | None:
        """The line's own, else the company's."""
        chosen = self.line.tracking or self.settings.tracking
        if self.line.is_text or not chosen:
            return None
        return [{"Name": one.category, "Option": one.option} for one in chosen]


def _unit(element: Element) -> str:
    amount = decimal_of(element.get("UnitAmount"))
    cents = rounded(amount)
    return f"{cents if cents == amount else amount.normalize():f}"


def _rate(element: Element) -> str:
    return f"{rounded(decimal_of(element.get('CurrencyRate')), _RATE).normalize() + 0:f}"


def _discount(line: Element) -> str:
    rate, amount = decimal_of(line.get("DiscountRate")), decimal_of(line.get("DiscountAmount"))
    if rate:
        return f"{rate.normalize() + 0:f} %"
    return cents_of(amount) if amount else ""


def _tracking(line: Element) -> str:
    """The tracking options, one in a row of text, in one order."""
    chosen = line.get("Tracking")
    named = [object_of(one) for one in chosen] if isinstance(chosen, list) else []
    return "\n".join(sorted(f"{text_of(one.get('Name'))}: {text_of(one.get('Option'))}" for one in named))


def _amount(line: Element) -> str | None:
    """The line's own amount, or what Xero will work out for it; None where an item decides that."""
    if line.get("LineAmount") is not None:
        return cents_of(line["LineAmount"])
    if line.get("UnitAmount") is None:
        return None if line.get("ItemCode") else "0.00"
    quantity = line.get("Quantity") if line.get("Quantity") is not None else 1
    off = [decimal_of(line.get(name)) for name in ("DiscountRate", "DiscountAmount")]
    return f"{line_amount(decimal_of(quantity), decimal_of(line['UnitAmount']), *off):f}"


# -- what Xero is known to alter


def _rewritten(sent: str, kept: str, _line: LinePicture | None) -> str:
    if written_alike(sent) != written_alike(kept):
        return ""
    rare = any(ord(one) > 0xFFFF for one in sent)
    return "Xero leaves out emoji and other rare characters" if rare else "Xero writes line ends its own way"


def _account_of_nothing(_sent: str, kept: str, line: LinePicture | None) -> str:
    nothing = line is not None and not kept and decimal_of(line.said("amount")) == ZERO
    return "Xero keeps no account on a line of 0.00" if nothing else ""


# -- sending


def number_of(amount: Decimal | None) -> float | None:
    """A JSON number. At most 4 decimals and 14 digits survive a float unharmed (facts §9.3 #9)."""
    return None if amount is None else float(amount)


INVOICE: tuple[FieldRow[WantedInvoice], ...] = (
    FieldRow(
        "contact",
        ("Contact",),
        ("client",),
        read=lambda element: text_of(object_of(element.get("Contact")).get("ContactID")).lower(),
        say=lambda one: {"ContactID": one.posting.contact_id},
    ),
    FieldRow(
        "number",
        ("InvoiceNumber",),
        ("number",),
        read=text_at("InvoiceNumber"),
        say=lambda one: one.invoice.number,
        same=lambda one, other: folded(one) == folded(other),
    ),
    FieldRow(
        "reference",
        ("Reference",),
        ("reference",),
        read=text_at("Reference"),
        say=lambda one: one.invoice.reference or None,
        unsaid="",
        unshown="",
        cleared_by="",
        altered=_rewritten,
    ),
    FieldRow(
        "date",
        ("Date",),
        ("date",),
        read=day_at("Date"),
        say=lambda one: one.invoice.date.isoformat(),
        shown_as=("DateString", "Date"),
    ),
    FieldRow(
        "due_date",
        ("DueDate",),
        ("due_date",),
        read=day_at("DueDate"),
        say=lambda one: one.due_date,
        shown_as=("DueDateString", "DueDate"),
    ),
    FieldRow(
        "expected_payment_date",
        ("ExpectedPaymentDate",),
        ("expected_payment_date",),
        read=day_at("ExpectedPaymentDate"),
        say=lambda one: one.expected,
        guard="if sent",
        stays=True,
        shown_as=("ExpectedPaymentDateString", "ExpectedPaymentDate"),
    ),
    FieldRow(
        "currency",
        ("CurrencyCode",),
        ("currency",),
        read=text_at("CurrencyCode"),
        say=lambda one: one.invoice.currency,
    ),
    FieldRow(
        "currency_rate",
        ("CurrencyRate",),
        ("currency_rate",),
        read=_rate,
        say=lambda one: number_of(one.invoice.currency_rate),
        guard="if sent",
    ),
    FieldRow(
        "amounts",
        ("LineAmountTypes",),
        ("amounts_are",),
        read=text_at("LineAmountTypes"),
        say=lambda one: _AMOUNTS_ARE[one.invoice.amounts_are],
    ),
    FieldRow(
        "status",
        ("Status",),
        (),
        read=text_at("Status"),
        say=lambda one: one.posting.settings.invoice_status,
        guard="never",
        updates=False,  # an approved invoice stays approved, a draft stays for whoever drafts it
    ),
    FieldRow(
        "branding_theme",
        ("BrandingThemeID",),
        (),
        read=lower_at("BrandingThemeID"),
        say=lambda one: one.theme,
        guard="never",
        updates=False,  # a theme chosen in Xero since is not ours to take back
    ),
    FieldRow(
        "link", ("Url",), ("id", "link"), read=text_at("Url"), say=lambda one: one.url, guard="never", in_lists=False
    ),
    FieldRow(
        "sent_to_contact",
        ("SentToContact",),
        ("sent_to_contact",),
        read=lambda element: "yes" if element.get("SentToContact") else "no",
        say=lambda one: one.sent_to_contact,
        guard="never",  # whoever sends it from Xero edits nothing
    ),
    FieldRow("subtotal", ("SubTotal",), (), read=cents_at("SubTotal")),
    FieldRow("tax", ("TotalTax",), (), read=cents_at("TotalTax")),
    FieldRow("total", ("Total",), (), read=cents_at("Total")),
)
LINE: tuple[FieldRow[WantedLine], ...] = (
    FieldRow(
        "description",
        ("Description",),
        ("description", "quantity", "unit_amount"),
        read=text_at("Description"),
        say=lambda one: one.description,
        unshown="",
        altered=_rewritten,
    ),
    FieldRow(
        "quantity",
        ("Quantity",),
        ("quantity",),
        read=number_at("Quantity"),
        say=lambda one: number_of(one.amount.quantity),
    ),
    FieldRow(
        "unit_amount",
        ("UnitAmount",),
        ("unit_amount",),
        read=_unit,
        say=lambda one: number_of(one.amount.unit_amount),
    ),
    FieldRow(
        "discount",
        ("DiscountRate", "DiscountAmount"),
        ("discount_rate", "discount_amount"),
        read=_discount,
        say=lambda one: (number_of(one.amount.discount_rate), number_of(one.amount.discount_amount)),
        unsaid="",
        unshown="",
    ),
    FieldRow(
        "account",
        ("AccountCode",),
        ("account_code", "kind"),
        read=text_at("AccountCode"),
        say=lambda one: one.account,
        unshown="",
        altered=_account_of_nothing,
    ),
    FieldRow(
        "tax_type",
        ("TaxType",),
        ("tax_type", "kind"),
        read=text_at("TaxType"),
        say=lambda one: one.tax_type,
        unshown="",
    ),
    FieldRow(
        "item",
        ("ItemCode",),
        ("item_code",),
        read=text_at("ItemCode"),
        say=lambda one: one.line.item_code or None,
        unsaid="",
        unshown="",
    ),
    FieldRow(
        "tracking",
        ("Tracking",),
        ("tracking",),
        read=_tracking,
        say=lambda one: one.tracking,
        unsaid="",
        unshown="",
        altered=_rewritten,
    ),
    FieldRow("amount", (), (), read=_amount),
)
# Fields of the contract that are in no row, each with the reason.
NOT_SENT: Mapping[str, str] = {
    "revision": "ours: which of two snapshots is newer",
    "job": "for finding the invoice again in CrewCard",
    "xero_invoice_id": "where the invoice is in Xero already, for taking it over",
    "document": "what it becomes: an invoice or a credit note",
    "credits": "the invoice that the credit is for, to which it is allocated afterwards",
    "lines": "each line by the rows of its own",
    "totals": "Xero works its own out; they are compared afterwards",
    "attachments": "files go to the invoice once it is there, a call each",
}
_ROWS: tuple[FieldRow[Any], ...] = (*INVOICE, *LINE)
EVERY: Mapping[str, FieldRow[Any]] = {row.name: row for row in _ROWS}


def forgotten(contract: Mapping[str, Any], rows: tuple[FieldRow[Any], ...], left_out: Mapping[str, str]) -> set[str]:
    """Fields of the contract that are neither in a row nor left out for a reason, and those that are not its own."""
    carried = {name for row in rows for name in row.carries}
    return (set(contract) ^ (carried | set(left_out))) | (carried & set(left_out))
