"""The port: what we ask of any accounting system, and what it may answer.

Two kinds of bad news only. An *answer* about one invoice is a value: Posted or Rejected.
*Trouble* with a whole call is an exception that says what became of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from events.failures import Failure
from events.invoice import Invoice
from events.lane import Lane as Lane  # noqa: PLC0414  # whoever speaks of a target speaks of lanes
from events.settings import CompanySettings
from events.trouble import Trouble as Trouble  # noqa: PLC0414

Element = dict[str, Any]
InTime = Callable[[], bool]  # asked as late as can be: may this call still be sent?


@dataclass(frozen=True)
class Organisation:
    """Where a lane leads: the organisation, and whose login (app, Xero user) opens it, made `since` when.

    `refused_taxes` where tax rates are known that an account there did not take.
    """

    lane: Lane
    name: str
    short_code: str
    base_currency: str
    client_id: str
    xero_user: str
    since: datetime | None = None
    refused_taxes: bool = False


@dataclass(frozen=True)
class Posting:
    """One invoice ready to be mapped: its snapshot, its contact, the company's settings.

    `generation` counts how often it was raised.
    """

    lane: Lane
    invoice: Invoice
    contact_id: str
    settings: CompanySettings
    generation: int = 1


@dataclass(frozen=True)
class Posted:
    """The invoice is in the accounting system. Amounts in `currency`.

    `mark` is the company and invoice id it says it is, `generation` which invoice of that, from 1; `unmarked` is true
    when it says nothing at all.
    `updated` is when the system last changed it; `copy` its own element, opaque to all but the target.
    One that is there with a value that cannot be read is `unreadable`: it has neither amounts, date nor copy.
    """

    number: str
    target_id: str
    contact_id: str
    status: str
    currency: str
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    date: str
    mark: tuple[str, str] | None
    generation: int = 1
    warnings: tuple[str, ...] = ()
    contact_name: str = ""
    paid: Decimal = Decimal(0)
    unmarked: bool = False
    updated: datetime | None = None
    unreadable: bool = False
    copy: Element = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """A page of what has changed, oldest change first; with `more` behind it, and the `newest` change in it."""

    invoices: Sequence[Posted]
    more: bool
    newest: datetime | None


@dataclass(frozen=True)
class Rejected:
    """The accounting system refused the invoice, definitely."""

    number: str
    failure: Failure


Answer = Posted | Rejected


@dataclass(frozen=True)
class Answers:
    """What one call said: an answer per folded invoice number (create) or target id (update), and its traces.

    `unnamed` are refusals that do not say whose they are.
    """

    by_number: Mapping[str, Answer]
    status: int
    correlation_id: str | None
    by_id: Mapping[str, Answer] = field(default_factory=dict)
    unnamed: Sequence[Rejected] = ()

    def all(self) -> Sequence[Answer]:
        """Every answer."""
        return [*self.by_number.values(), *self.by_id.values()]


class Unmappable(Exception):
    """One invoice cannot be put into the accounting system's words."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason.code)
        self.failure = failure


class AccountingTarget(Protocol):
    """An accounting system. Each method raises Trouble when the call as a whole goes wrong."""

    def element(self, posting: Posting) -> Element:
        """The invoice in the system's words; pure. Raises Unmappable."""
        ...

    def element_of_update(self, posting: Posting, copy: Element) -> Element:
        """The invoice as an update of the system's copy; pure. Raises Unmappable."""
        ...

    def fingerprint(self, copy: Element) -> str:
        """What an edit by hand would change in the copy; pure."""
        ...

    def carries(self, copy: Element, sent: Element) -> bool:
        """Whether the copy says all that was sent; pure."""
        ...

    def replaces_lines(self, update: Element) -> bool:
        """Whether the update puts a line anew, because the copy's has something that has to go; pure."""
        ...

    def thaw(self, body: bytes) -> Mapping[str, Element]:
        """The elements of a frozen body: updates by target id, new invoices by number; pure."""
        ...

    def freeze(self, elements: Sequence[Element]) -> bytes:
        """The exact body of a call; pure."""
        ...

    def create(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """Create the invoices of a frozen body, none of them twice under one idempotency key, while in time."""
        ...

    def update(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """Change the invoices of a frozen body of updates, each named by its id, while in time."""
        ...

    def find(
        self, organisation: Organisation, numbers: Sequence[str], *, ours_only: bool = False
    ) -> Mapping[str, Sequence[Posted]]:
        """Every invoice of the organisation that carries one of these numbers; only our app's where asked."""
        ...

    def fetch(self, organisation: Organisation, target_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The invoices with these ids of the accounting system, by id."""
        ...

    def changes(self, organisation: Organisation, since: datetime, page: int, *, ours_only: bool) -> Changes:
        """A page of the invoices changed after a moment, without their lines; only our app's where asked."""
        ...

    def deep_link(self, organisation: Organisation, target_id: str) -> str:
        """The address at which a person opens the invoice."""
        ...

    def contact_link(self, organisation: Organisation, contact_id: str) -> str:
        """The address at which a person opens the contact."""
        ...

    def contact_id(self, kept: str) -> str | None:
        """The contact's id in what was kept or pasted; None when there is none in it."""
        ...
