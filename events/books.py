"""The port for looking without writing: an organisation's settings, its contacts, its invoices as pictures."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from events.accounting_target import Element, Organisation
from events.changes import Change, Difference, Picture
from events.snapshot import Snapshot

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


class SeenContact(Snapshot):
    """A contact as it stands; `merged_into` names the winner of a merge."""

    id: str
    name: str = ""
    active: bool = True
    email: str = ""
    merged_into: str | None = None


class BookReader(Protocol):
    """Reads, and never writes. Each method that calls makes one call, and raises Trouble when it goes wrong."""

    def part(self, organisation: Organisation, part: Part) -> Books:
        """One part of the organisation's settings; the others are None."""
        ...

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, SeenContact]:
        """The contacts with these ids, at most 45, by id; what is not there is left out."""
        ...

    def approved(self, organisation: Organisation, month: date) -> int:
        """How many approved sales invoices are dated in the month of this day."""
        ...

    def picture(self, copy: Element) -> Picture:
        """An invoice as the accounting system shows it; pure."""
        ...

    def picture_of(self, element: Element) -> Picture:
        """An invoice as an element of ours will make it; pure."""
        ...

    def changes(self, before: Picture, after: Picture) -> tuple[Change, ...]:
        """What became different in an invoice, of what an export may change; pure."""
        ...

    def edits(self, before: Picture, now: Picture, wanted: Picture | None = None) -> tuple[Change, ...]:
        """What somebody changed in the accounting system, of that which an update would take back; pure.

        `wanted` is what the update says: what is so already is taken back by nothing.
        """
        ...

    def differences(self, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What is kept otherwise than it was sent, with what the system is known to do; pure."""
        ...

    def left_behind(self, before: Picture, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What an update took off and the system keeps; `before` is the copy as the last export left it; pure."""
        ...

    def sums(self, element: Element, books: Books, copy: Element | None = None) -> Sums | None:
        """What an element will come to, None where its tax is not known; `copy` is what an update changes; pure."""
        ...
