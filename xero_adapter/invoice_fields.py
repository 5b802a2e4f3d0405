"""The table of invoice fields: what each is called here and in Xero, how it is sent, read back and compared; pure.

Mapping, pictures, updates, the guard and the proof of match all go by it (facts §8). A new field is a row
here and a field of the contract (events/invoice).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from events.accounting_target import Element
from events.changes import LinePicture
from events.invoice import folded
from events.money import ZERO, line_amount, plain, rounded
from xero_adapter.json_values import cents_of, day, decimal_of, object_of, text_of, written_alike
from xero_adapter.wanted import WantedInvoice, WantedLine

Guard = Literal["always", "if sent", "never"]
Wanted = TypeVar("Wanted")
_AMOUNTS_ARE = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no_tax": "NoTax"}
_RATE = Decimal("0.000001")


@dataclass(frozen=True)
class FieldRow(Generic[Wanted]):
    """One field.

    `name` is ours, and what people call it; `theirs` are Xero's names for it. `carries` are the contract's fields in
    it. `say` gives what is sent, None for what is left out; a row without `say` is worked out by Xero. `read` gives
    what an element says of it, normalised. `unsaid` and `unshown` are what it means that an element of ours, or an
    answer of Xero's, has none of the names: "" for nothing, None for unknown.

    `guard`: whether an edit of it in Xero stops an update; "if sent" where Xero keeps what an update leaves out.
    `updates` is false for what an update leaves to Xero, `cleared_by` what an update says to clear it, `stays` true
    where nothing that an update may say clears it.
    `in_lists` is false for what a list may leave out though it is there.
    `altered` says what Xero is known to do where it keeps another value than it was sent.
    """

    name: str
    theirs: tuple[str, ...]
    carries: tuple[str, ...]
    read: Callable[[Element], str | None]
    say: Callable[[Wanted], Any] | None = None
    unsaid: str | None = None
    unshown: str | None = None
    guard: Guard = "always"
    updates: bool = True
    cleared_by: Any = None
    stays: bool = False
    in_lists: bool = True
    same: Callable[[str, str], bool] = lambda one, other: one == other
    altered: Callable[[str, str, LinePicture | None], str] = lambda _sent, _kept, _line: ""
    shown_as: tuple[str, ...] = field(default=())

    def put(self, wanted: Wanted) -> Element:
        """What is sent of it, by Xero's names."""
        if self.say is None:
            return {}
        said = self.say(wanted)
        values = said if isinstance(said, tuple) else (said,)
        return {name: value for name, value in zip(self.theirs, values, strict=True) if value is not None}

    def seen(self, element: Element, *, ours: bool) -> str | None:
        """What an element says of it, in one piece of text."""
        names = self.shown_as or self.theirs
        if names and all(element.get(name) is None for name in names):
            return self.unsaid if ours else self.unshown
        return self.read(element)


# -- reading


def _text(name: str) -> Callable[[Element], str]:
    return lambda element: text_of(element.get(name))


def _lower(name: str) -> Callable[[Element], str]:
    return lambda element: text_of(element.get(name)).lower()


def _day(name: str) -> Callable[[Element], str]:
    return lambda element: day(element.get(f"{name}String") or element.get(name))


def _cents(name: str) -> Callable[[Element], str]:
    return lambda element: cents_of(element.get(name))


def _number(name: str) -> Callable[[Element], str]:
    return lambda element: plain(decimal_of(element.get(name)).normalize() + 0)


def _unit(element: Element) -> str:
    amount = decimal_of(element.get("UnitAmount"))
    return plain(rounded(amount) if amount == rounded(amount) else amount.normalize())


def _rate(element: Element) -> str:
    return plain(rounded(decimal_of(element.get("CurrencyRate")), _RATE).normalize() + 0)


def _discount(line: Element) -> str:
    rate, amount = decimal_of(line.get("DiscountRate")), decimal_of(line.get("DiscountAmount"))
    if rate:
        return f"{plain(rate.normalize() + 0)} %"
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
    return plain(line_amount(decimal_of(quantity), decimal_of(line["UnitAmount"]), *off))


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
        read=_text("InvoiceNumber"),
        say=lambda one: one.invoice.number,
        same=lambda one, other: folded(one) == folded(other),
    ),
    FieldRow(
        "reference",
        ("Reference",),
        ("reference",),
        read=_text("Reference"),
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
        read=_day("Date"),
        say=lambda one: one.invoice.date.isoformat(),
        shown_as=("DateString", "Date"),
    ),
    FieldRow(
        "due_date",
        ("DueDate",),
        ("due_date",),
        read=_day("DueDate"),
        say=lambda one: one.due_date,
        shown_as=("DueDateString", "DueDate"),
    ),
    FieldRow(
        "expected_payment_date",
        ("ExpectedPaymentDate",),
        ("expected_payment_date",),
        read=_day("ExpectedPaymentDate"),
        say=lambda one: one.expected,
        guard="if sent",
        stays=True,
        shown_as=("ExpectedPaymentDateString", "ExpectedPaymentDate"),
    ),
    FieldRow(
        "currency",
        ("CurrencyCode",),
        ("currency",),
        read=_text("CurrencyCode"),
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
        read=_text("LineAmountTypes"),
        say=lambda one: _AMOUNTS_ARE[one.invoice.amounts_are],
    ),
    FieldRow(
        "status",
        ("Status",),
        (),
        read=_text("Status"),
        say=lambda one: one.posting.settings.invoice_status,
        guard="never",
        updates=False,  # an approved invoice stays approved, a draft stays for whoever drafts it
    ),
    FieldRow(
        "branding_theme",
        ("BrandingThemeID",),
        (),
        read=_lower("BrandingThemeID"),
        say=lambda one: one.theme,
        guard="never",
        updates=False,  # a theme chosen in Xero since is not ours to take back
    ),
    FieldRow(
        "link", ("Url",), ("id", "link"), read=_text("Url"), say=lambda one: one.url, guard="never", in_lists=False
    ),
    FieldRow(
        "sent_to_contact",
        ("SentToContact",),
        ("sent_to_contact",),
        read=lambda element: "yes" if element.get("SentToContact") else "no",
        say=lambda one: one.sent_to_contact,
        guard="never",  # whoever sends it from Xero edits nothing
    ),
    FieldRow("subtotal", ("SubTotal",), (), read=_cents("SubTotal")),
    FieldRow("tax", ("TotalTax",), (), read=_cents("TotalTax")),
    FieldRow("total", ("Total",), (), read=_cents("Total")),
)
LINE: tuple[FieldRow[WantedLine], ...] = (
    FieldRow(
        "description",
        ("Description",),
        ("description", "quantity", "unit_amount"),
        read=_text("Description"),
        say=lambda one: one.description,
        unshown="",
        altered=_rewritten,
    ),
    FieldRow(
        "quantity",
        ("Quantity",),
        ("quantity",),
        read=_number("Quantity"),
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
        read=_text("AccountCode"),
        say=lambda one: one.account,
        unshown="",
        altered=_account_of_nothing,
    ),
    FieldRow(
        "tax_type",
        ("TaxType",),
        ("tax_type", "kind"),
        read=_text("TaxType"),
        say=lambda one: one.tax_type,
        unshown="",
    ),
    FieldRow(
        "item",
        ("ItemCode",),
        ("item_code",),
        read=_text("ItemCode"),
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
    "lines": "each line by the rows of its own",
    "totals": "Xero works its own out; they are compared afterwards",
}
_ROWS: tuple[FieldRow[Any], ...] = (*INVOICE, *LINE)
EVERY: Mapping[str, FieldRow[Any]] = {row.name: row for row in _ROWS}


def forgotten(contract: Mapping[str, Any], rows: tuple[FieldRow[Any], ...], left_out: Mapping[str, str]) -> set[str]:
    """Fields of the contract that are neither in a row nor left out for a reason, and those that are not its own."""
    carried = {name for row in rows for name in row.carries}
    return (set(contract) ^ (carried | set(left_out))) | (carried & set(left_out))
