"""What a company chooses about its exports, and what its organisation has set in the accounting system.

The events of a company's settings: a change is asked for, and answered once.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from events.invoice import Document, Invoice, Tracking
from events.snapshot import Event, Id, Incoming, Person, ShortText, Snapshot, Text

AccountCode = Annotated[Text, Field(min_length=1, max_length=10)]
TaxType = Annotated[Text, Field(min_length=1, max_length=50)]
Kind = Annotated[Text, Field(min_length=1, max_length=50)]
# Stays within Xero's numbers (facts §3.2), and short enough to leave room for the number itself.
NumberPrefix = Annotated[str, Field(max_length=20, pattern=r"^[ -+\--~]*$")]
NewContacts = Literal["on_request", "automatic"]
InvoiceStatus = Literal["DRAFT", "SUBMITTED", "AUTHORISED"]
# Parts of an organisation's settings, each one call, and what they say.
Part = Literal["organisation", "actions", "accounts", "tax_rates", "currencies", "tracking", "items"]
PARTS: Mapping[Part, tuple[str, ...]] = {
    "organisation": ("period_lock", "year_lock", "plan", "base_currency"),
    "actions": ("allowed",),
    "accounts": ("accounts",),
    "tax_rates": ("tax_rates",),
    "currencies": ("currencies",),
    "tracking": ("tracking",),
    "items": ("items",),
}


class LineDefaults(Snapshot):
    """What a line of one kind gets where it names nothing itself."""

    account_code: AccountCode | None = None
    tax_type: TaxType | None = None


class DueRule(Snapshot):
    """When an invoice without a due date falls due; `days` are days after, or a day of the month."""

    kind: Literal["days_after_invoice", "days_after_month_end", "day_of_this_month", "day_of_next_month"]
    days: Annotated[int, Field(ge=0, le=365)]

    def due(self, invoiced: date) -> date:
        """The due date of an invoice of this day, never before it; a 31st is the last day of a shorter month."""
        if self.kind == "days_after_invoice":
            return invoiced + timedelta(days=self.days)
        if self.kind == "days_after_month_end":
            return _first_of_next(invoiced) - timedelta(days=1) + timedelta(days=self.days)
        first = invoiced.replace(day=1) if self.kind == "day_of_this_month" else _first_of_next(invoiced)
        last = _first_of_next(first) - timedelta(days=1)
        return max(invoiced, min(last, first + timedelta(days=max(self.days, 1) - 1)))


class DailySummary(Snapshot):
    """When the company's daily summary is told: at this full hour of the time zone; `always`: on quiet days, too."""

    hour: Annotated[int, Field(ge=0, le=23)]
    time_zone: Annotated[ShortText, Field(min_length=1)]
    always: bool = False

    @property
    def zone(self) -> tzinfo:
        """The time zone; UTC for one that this machine does not know: what is kept is never unreadable."""
        try:
            return ZoneInfo(self.time_zone)
        except (LookupError, ValueError, OSError):
            return UTC

    @property
    def is_zone_known(self) -> bool:
        """Whether this machine knows the time zone."""
        return self.zone is not UTC

    def at(self, day: date) -> datetime:
        """The moment of this day. An hour that clocks skip is the one behind it, one that comes twice its first."""
        return datetime.combine(day, time(self.hour), self.zone).astimezone(UTC)

    def day_due(self, now: datetime) -> date:
        """The newest day whose hour has come."""
        today = now.astimezone(self.zone).date()
        return today if self.at(today) <= now else today - timedelta(days=1)

    def next_due(self, now: datetime, told: date | None = None) -> datetime:
        """The next moment after now, of a day behind the one that was told last."""
        day = self.day_due(now) + timedelta(days=1)
        return self.at(max(day, told + timedelta(days=1)) if told else day)


def _in_a_known_zone(chosen: DailySummary) -> DailySummary:
    if not chosen.is_zone_known:
        raise PydanticCustomError("time_zone", "must name a time zone as in Pacific/Auckland or Europe/London")
    return chosen


class Theme(Snapshot):
    """A branding theme of the organisation."""

    id: str
    name: str


def _distinct(chosen: tuple[Tracking, ...]) -> tuple[Tracking, ...]:
    if len({one.category.casefold() for one in chosen}) < len(chosen):
        raise PydanticCustomError("twice", "must name each tracking category once")
    return chosen


Trackings = Annotated[tuple[Tracking, ...], Field(max_length=2), AfterValidator(_distinct)]


class CompanySettings(Snapshot):
    """Defaults for lines that name no account or tax, the status invoices arrive in, when they fall due.

    `attachments`: files that invoices name are attached to them in the accounting system, a call each.
    `kinds` holds defaults by kind of line, `days_until_due` is the rule of older settings, superseded by `due`.
    `new_contacts`: whether contacts are created in Xero for clients without one, when somebody asks for it, or by
    itself where Xero has nothing like the client.
    `credit_notes` makes credit notes of invoices below zero and of those that the host marks; what is set for
    invoices counts for them where nothing is set for them.
    `sent_to_contact`: approved invoices that do not say so themselves are marked as sent to the client.
    `daily_summary`: None for no `company.day_summarised`.
    """

    default_account_code: AccountCode | None = None
    default_tax_type: TaxType | None = None
    kinds: Mapping[Kind, LineDefaults] | None = None
    invoice_status: InvoiceStatus = "AUTHORISED"
    due: DueRule | None = None
    days_until_due: Annotated[int, Field(ge=0, le=365)] | None = None
    number_prefix: NumberPrefix | None = None
    tracking: Trackings | None = None
    branding_theme: Theme | None = None
    contact_ids_editable: bool = False
    new_contacts: NewContacts | None = None
    attachments: bool = False
    credit_notes: bool = False
    credit_note_status: InvoiceStatus | None = None
    credit_note_prefix: NumberPrefix | None = None
    credit_note_account_code: AccountCode | None = None
    sent_to_contact: bool = False
    daily_summary: DailySummary | None = None

    def document_of(self, invoice: Invoice) -> Document:
        """What the invoice becomes: a credit note, where the company has them, if it is marked or below zero."""
        if not self.credit_notes:
            return "invoice"
        return "credit_note" if invoice.document == "credit_note" or invoice.is_below_zero else "invoice"

    def prefix_of(self, invoice: Invoice) -> str:
        """What goes before its number."""
        own = self.credit_note_prefix if self.document_of(invoice) == "credit_note" else None
        return (self.number_prefix if own is None else own) or ""

    def for_document(self, document: Document) -> "CompanySettings":
        """These settings as they count for documents of this kind."""
        if document == "invoice":
            return self
        account = self.credit_note_account_code or self.default_account_code
        status = self.credit_note_status or self.invoice_status
        return self.model_copy(update={"default_account_code": account, "invoice_status": status})

    def of_kind(self, kind: str | None) -> LineDefaults:
        """The defaults for lines of this kind, whatever its case; the company's own where the kind has none."""
        named = {name.casefold(): one for name, one in (self.kinds or {}).items()}
        own = named.get((kind or "").casefold(), LineDefaults())
        return LineDefaults(
            account_code=own.account_code or self.default_account_code,
            tax_type=own.tax_type or self.default_tax_type,
        )

    def due_date(self, invoiced: date) -> date | None:
        """The due date by the company's rule; None where it has none."""
        if self.due:
            return self.due.due(invoiced)
        return invoiced + timedelta(days=self.days_until_due) if self.days_until_due is not None else None

    def changed_by(self, patch: "SettingsPatch", theme: Theme | None = None) -> "CompanySettings":
        """These settings with what the patch names; `theme` is the organisation's theme that it names."""
        given = patch.given()
        if "kinds" in given:
            given["kinds"] = _merged(self.kinds or {}, given["kinds"]) or None
        if "branding_theme" in given:
            given["branding_theme"] = theme
        return CompanySettings.model_validate({**dict(self), **given})


class SettingsPatch(Snapshot):
    """The settings to change: what is left out stays, null goes back to having none.

    `kinds` are changed one by one, `branding_theme` is named as in Xero.
    """

    default_account_code: AccountCode | None = None
    default_tax_type: TaxType | None = None
    kinds: Annotated[Mapping[Kind, LineDefaults | None], Field(max_length=100)] | None = None
    invoice_status: InvoiceStatus | None = None
    due: DueRule | None = None
    number_prefix: NumberPrefix | None = None
    tracking: Trackings | None = None
    branding_theme: ShortText | None = None
    contact_ids_editable: bool | None = None
    new_contacts: NewContacts | None = None
    attachments: bool | None = None
    credit_notes: bool | None = None
    credit_note_status: InvoiceStatus | None = None
    credit_note_prefix: NumberPrefix | None = None
    credit_note_account_code: AccountCode | None = None
    sent_to_contact: bool | None = None
    daily_summary: Annotated[DailySummary, AfterValidator(_in_a_known_zone)] | None = None

    def given(self) -> dict[str, Any]:
        """What the patch names, by name; the settings that cannot be empty go back to their defaults."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("invoice_status", "") is None:
            given["invoice_status"] = "AUTHORISED"
        ticked = ("contact_ids_editable", "attachments", "credit_notes", "sent_to_contact")
        given |= {name: False for name in ticked if given.get(name, "") is None}
        if "kinds" in given and given["kinds"] is None:
            given["kinds"] = {}
        if "due" in given:
            given["days_until_due"] = None
        return given


def _merged(kept: Mapping[str, LineDefaults], patch: Mapping[str, LineDefaults | None]) -> dict[str, LineDefaults]:
    """The kinds with those that the patch names, whatever their case; what it leaves out of a kind stays."""
    merged = dict(kept)
    for name, one in patch.items():
        known = next((kind for kind in merged if kind.casefold() == name.casefold()), name)
        if one is None:
            merged.pop(known, None)
            continue
        given = {field: getattr(one, field) for field in one.model_fields_set}
        merged[known] = merged.get(known, LineDefaults()).model_copy(update=given)
    return merged


def _first_of_next(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


class LedgerAccount(Snapshot):
    """A ledger account. `section` is revenue, asset …, `tax_type` its own rate; `for_sales` unless bank or system."""

    code: str
    name: str = ""
    active: bool = True
    for_sales: bool = True
    section: str = ""
    tax_type: str = ""


class TaxRate(Snapshot):
    """A tax rate in percent, and the sections of accounts it may be used with."""

    code: str
    name: str = ""
    percent: Decimal = Decimal(0)
    active: bool = True
    sections: frozenset[str] = frozenset()


class SoldItem(Snapshot):
    """Something sold, and what it brings to a line that does not say it; `price` None is not known."""

    code: str
    account: str = ""
    price: Decimal | None = None
    tax_type: str = ""


class Books(Snapshot):
    """An organisation's settings, as far as they were read: None is what nobody could read.

    `refused` is what only its refusals have shown: tax rates that an account does not take, by account.
    """

    period_lock: date | None = None
    year_lock: date | None = None
    plan: str | None = None
    base_currency: str | None = None
    allowed: frozenset[str] | None = None
    accounts: Mapping[str, LedgerAccount] | None = None
    tax_rates: Mapping[str, TaxRate] | None = None
    currencies: frozenset[str] | None = None
    tracking: Mapping[str, frozenset[str]] | None = None
    items: Mapping[str, SoldItem] | None = None
    refused: Mapping[str, frozenset[str]] = {}
    read: Mapping[str, datetime] = {}

    def with_part(self, part: Part, found: "Books", moment: datetime) -> "Books":
        """These settings with one part as it was read at that moment."""
        fields = {name: getattr(found, name) for name in PARTS[part]}
        return self.model_copy(update={**fields, "read": {**self.read, part: moment}})

    def lock(self) -> date | None:
        """The day up to which the books are locked, by whichever lock is later."""
        return max((day for day in (self.period_lock, self.year_lock) if day), default=None)


class Sums(Snapshot):
    """What an invoice comes to, to the cent."""

    subtotal: Decimal
    tax: Decimal
    total: Decimal


def _said(patch: SettingsPatch) -> SettingsPatch:
    if not patch.model_fields_set:
        raise PydanticCustomError("nothing_named", "must name a setting")
    return patch


class CompanySettingsChanged(Incoming):
    """In: an admin changed these settings; they count once `company.settings.updated` says so."""

    TYPE: ClassVar[str] = "company.settings.changed"

    settings: Annotated[SettingsPatch, AfterValidator(_said)]
    requested_by: Person


class CompanySettingsUpdated(Event):
    """Out: the company's settings from now on, and which of them were changed.

    `login_due`: what was switched on takes a permission that the login to Xero lacks, so somebody has to log in
    again; exports go on meanwhile.
    """

    TYPE: ClassVar[str] = "company.settings.updated"

    company: Id
    settings: CompanySettings
    changed: tuple[str, ...]
    changed_by: str
    changed_at: datetime
    login_due: bool = False


class CompanySettingsRejected(Event):
    """Out: nothing was changed; each problem is a sentence with the choices there are."""

    TYPE: ClassVar[str] = "company.settings.rejected"

    company: Id
    problems: tuple[str, ...]
