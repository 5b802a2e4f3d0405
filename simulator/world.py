"""Everything the simulator remembers of the books: organisations and what is in them, calls, its clock."""

import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from simulator.wire import Json

NOTHING = "00000000-0000-0000-0000-000000000000"
_REMEMBERED_CALLS = 200_000
_REMEMBERED_CHANGES = 20_000


@dataclass
class Account:
    """A ledger account; `tax_types` lists what it may be combined with, empty = anything."""

    code: str
    name: str = ""
    kind: str = "REVENUE"
    status: str = "ACTIVE"
    tax_type: str = "NONE"
    tax_types: tuple[str, ...] = ()
    id: str = ""
    updated: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class TaxRate:
    """A tax rate in percent."""

    code: str
    rate: str = "0"
    status: str = "ACTIVE"
    for_revenue: bool = True
    for_expenses: bool = True
    name: str = ""


@dataclass
class Contact:
    """A contact; `merged_to` names the winner of a merge."""

    id: str
    name: str
    status: str = "ACTIVE"
    email: str = ""
    merged_to: str | None = None
    number: str = ""
    tax_number_type: str = ""
    tax_number: str = ""
    addresses: list[Json] = field(default_factory=list)
    persons: list[Json] = field(default_factory=list)
    updated: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Item:
    """Something sold, with the account, tax and price it brings along."""

    code: str
    name: str = ""
    account: str = ""
    tax_type: str = ""
    price: str = ""
    updated: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Option:
    """An option of a tracking category."""

    name: str
    id: str = ""
    status: str = "ACTIVE"


@dataclass
class Tracking:
    """A tracking category."""

    name: str
    id: str = ""
    status: str = "ACTIVE"
    options: list[Option] = field(default_factory=list)


@dataclass
class Theme:
    """A branding theme; one that is not ACTIVE was deleted."""

    name: str
    id: str = ""
    status: str = "ACTIVE"


@dataclass
class Attachment:
    """A file at an invoice; `content` in base64, `size` in bytes, `online`: the client sees it with the invoice."""

    id: str
    name: str
    kind: str = ""
    content: str = ""
    size: int = 0
    sha256: str = ""
    online: bool = False


@dataclass
class Unseen:
    """A write that lists do not show yet: until when, and what they show instead (None: nothing)."""

    until: datetime
    before: Json | None = None


@dataclass
class Invoiced:
    """An invoice was written or changed in the books: which, whether CREATE or UPDATE, and when.

    Or a credit note, whose `data` is told along.
    """

    invoice: str
    kind: str
    at: datetime
    data: Json | None = None


@dataclass
class Organisation:
    """One tenant with its settings and its books.

    `users` maps a user to a role; empty = everybody is STANDARD. `calls_per_day` is a day limit of its own,
    `day_rates` what one unit of its currency is worth in others today. `refused_numbers` are words of Xero's with
    which an invoice of that number is refused, whatever is in it.
    """

    tenant: str
    name: str
    short_code: str
    base_currency: str = "USD"
    country: str = "US"
    timezone: str = "UTC"
    currencies: list[str] = field(default_factory=list)
    period_lock: date | None = None
    year_lock: date | None = None
    approvals_per_month: int | None = None
    offline: bool = False
    expired: bool = False
    calls_per_day: int | None = None
    day_rates: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    refused_numbers: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    tax_rates: dict[str, TaxRate] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    tracking: dict[str, Tracking] = field(default_factory=dict)
    themes: dict[str, Theme] = field(default_factory=dict)
    invoices: dict[str, Json] = field(default_factory=dict)
    credit_notes: dict[str, Json] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, list[Attachment]] = field(default_factory=dict)
    by_number: dict[str, list[str]] = field(default_factory=dict)
    unseen: dict[str, list[Unseen]] = field(default_factory=dict)
    last_number: int = 0
    changed: deque[Invoiced] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CHANGES))

    def role_of(self, user: str) -> str | None:
        """The user's role here; None when the organisation does not know the user."""
        return self.users.get(user) if self.users else "STANDARD"

    def with_number(self, number: str, *, ignoring_case: bool = True) -> list[Json]:
        """The invoices that carry a number."""
        found = [self.invoices[id_] for id_ in self.by_number.get(number.casefold(), ())]
        return found if ignoring_case else [one for one in found if one["InvoiceNumber"] == number]

    def theme_ids(self) -> set[str]:
        """The branding themes that can be used, the standard one among them."""
        return {self.standard_theme, *(one.id for one in self.themes.values() if one.status == "ACTIVE")}

    @property
    def standard_theme(self) -> str:
        """The id of the branding theme that every organisation has."""
        return lasting_id(self.tenant, "theme", "Standard")

    def seen(self, now: datetime) -> dict[str, Json]:
        """The invoices as lists show them: without what was written a moment ago, where reads lag."""
        return self._shown(self.invoices, now)

    def seen_credit_notes(self, now: datetime) -> dict[str, Json]:
        """The same of credit notes."""
        return self._shown(self.credit_notes, now)

    def _shown(self, kept: dict[str, Json], now: datetime) -> dict[str, Json]:
        if not self.unseen:
            return kept
        waiting = {name: [one for one in writes if one.until > now] for name, writes in self.unseen.items()}
        self.unseen = {name: writes for name, writes in waiting.items() if writes}
        shown = {**kept, **{name: writes[0].before for name, writes in self.unseen.items() if name in kept}}
        return {name: document for name, document in shown.items() if document is not None}

    def keep_credit_note(self, note: Json, unseen_until: datetime | None = None) -> None:
        """Write a credit note into the books, in place of what had its id; lists may show it only later."""
        identity = note["CreditNoteID"]
        if unseen_until:
            self.unseen.setdefault(identity, []).append(Unseen(unseen_until, self.credit_notes.get(identity)))
        self.note_change(note, "UPDATE" if identity in self.credit_notes else "CREATE")
        self.credit_notes[identity] = note

    def keep(self, invoice: Json, unseen_until: datetime | None = None) -> None:
        """Write an invoice into the books, in place of what had its id; lists may show it only later."""
        identity = invoice["InvoiceID"]
        before = self.invoices.get(identity)
        if unseen_until:
            self.unseen.setdefault(identity, []).append(Unseen(unseen_until, before))
        if before:
            self.by_number[before["InvoiceNumber"].casefold()].remove(identity)
        self.invoices[identity] = invoice
        self.by_number.setdefault(invoice["InvoiceNumber"].casefold(), []).append(identity)
        self.note_change(invoice, "UPDATE" if before else "CREATE")

    def note_change(self, invoice: Json, kind: str = "UPDATE") -> None:
        """Remember that the invoice, or credit note, is another now, for those who want to be told."""
        milliseconds = int(invoice["UpdatedDateUTC"].removeprefix("/Date(").partition("+")[0])
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
        note = "CreditNoteID" in invoice
        data = {name: invoice[name] for name in ("Type", "Status")} if note else None
        self.changed.append(Invoiced(invoice["CreditNoteID" if note else "InvoiceID"], kind, at, data))


@dataclass
class World:
    """All organisations, the record of calls, and the time, which can be moved. `minute` and `day` are seconds."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    calls: deque[Json] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS))
    offset: timedelta = timedelta()
    minute: float = 60
    day: float = 86_400

    def now(self) -> datetime:
        """The simulator's time, aware UTC."""
        return datetime.now(UTC) + self.offset

    def books_of(self, invoice: Json) -> Organisation:
        """The organisation in whose books the invoice is."""
        return next(one for one in self.organisations.values() if invoice["InvoiceID"] in one.invoices)


def new_id() -> str:
    """A fresh GUID."""
    return str(uuid.uuid4())


def lasting_id(*names: str) -> str:
    """The GUID that always belongs to these names."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)))


def wire_date(day: date) -> str:
    """Xero's JSON date."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"/Date({int(moment.timestamp()) * 1000}+0000)/"


def wire_moment(moment: datetime) -> str:
    """Xero's JSON moment, with milliseconds."""
    return f"/Date({int(moment.timestamp() * 1000)}+0000)/"
