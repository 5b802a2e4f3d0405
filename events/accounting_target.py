"""The port: what we ask of any accounting system, and what it may answer; a system is a folder that implements it.

Two kinds of bad news only. An *answer* about one invoice is a value: Posted or Rejected.
*Trouble* with a whole call is an exception that says what became of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from events.changes import Change, Difference, Picture
from events.credentials import AboutOrganisation, AppKeys, OpenedOrganisation, TokenPair
from events.failures import Failure
from events.invoice import Invoice
from events.lane import Lane as Lane  # noqa: PLC0414  # whoever speaks of a target speaks of lanes
from events.lane import Organisation as Organisation  # noqa: PLC0414
from events.settings import Books, CompanySettings, Part, Sums
from events.trouble import Trouble as Trouble  # noqa: PLC0414

ChoiceKind = Literal["accounts", "tax_rates", "tracking", "branding_themes"]
Element = dict[str, Any]
InTime = Callable[[], bool]  # asked as late as can be: may this call still be sent?


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
    `status` is in Xero's words (AUTHORISED, PAID, VOIDED, DELETED …), in which every target puts it.
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


@dataclass(frozen=True)
class ListedContact:
    """A contact of the organisation. `status` as the system says it; `merged_into` is the winner's id."""

    id: str
    name: str
    status: str = "ACTIVE"
    merged_into: str = ""
    number: str = ""
    email: str = ""

    @property
    def active(self) -> bool:
        """Whether invoices can be raised for it."""
        return self.status == "ACTIVE"


@dataclass(frozen=True)
class ContactPage:
    """A page of active contacts, and whether there are more behind it."""

    contacts: Sequence[ListedContact]
    more: bool


@dataclass(frozen=True)
class ListedChoice:
    """Something a setting may name: `code` is what is kept, `options` belong to a tracking category.

    `usable` is false for what exists and cannot stand on a sales invoice; `first` marks what is offered first.
    """

    code: str
    name: str
    usable: bool = True
    first: bool = True
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pasted:
    """The contact that a pasted text names, and the organisation's short code where the text has one."""

    contact_id: str
    short_code: str = ""


@dataclass(frozen=True)
class Permit:
    """Leave to make one call; or, with `wait` seconds, none and `limit` says which limit it is.

    `call` is how many seconds an answer took of late, where known; so many `further` calls may follow at once.
    """

    organisation: Organisation
    token: str
    wait: float = 0
    limit: str = ""
    call: float | None = None
    further: int = 0


@dataclass(frozen=True)
class Outlook:
    """What is known of an organisation's limits: calls that bulk sends may still make, and seconds.

    `call` is how long the system took to answer of late, `paused` how long nobody may call because of which `limit`
    it named; `minute_calls` and `day_calls` are what anybody may still make, `minute_frees` when there is one more.
    `per_day` are the calls of a whole day: `learned` from answers, else the most that are set.
    """

    minute_left: int
    day_left: int
    day_ends: float
    call: float
    paused: float
    limit: str = ""
    minute_calls: int = 0
    day_calls: int = 0
    minute_frees: float = 0
    per_day: int = 0
    learned: bool = False


class TargetPace(Protocol):
    """The system's limits, asked before each call: `per_minute` calls fit into a window of `minute` seconds."""

    per_minute: int
    minute: float

    def ask(self, organisation: Organisation, *, single: bool = False, spread: bool = False) -> Permit:
        """A permit, or how long to wait; `single` for a person's own send, `spread` over the window for a backlog.

        Raises redis.RedisError.
        """

    def ask_to_look(self, organisation: Organisation, payer: str = "") -> Permit:
        """A permit for a look that no invoice waits for, on the account of a payer. Raises redis.RedisError."""

    def seconds_to_look(self, tenant: str, payer: str) -> int:
        """Seconds until the payer has looks of this day again; 0 while some are left. Raises redis.RedisError."""

    def done(self, permit: Permit) -> None:
        """The call was answered."""

    def lost(self, permit: Permit) -> None:
        """Nobody knows what became of the call."""

    def abandon(self, permit: Permit) -> None:
        """No call was made with this permit."""

    def remember(self, tenant: str, day_calls: int) -> None:
        """Calls of a day that the organisation is known to have. Raises redis.RedisError."""

    def outlook(self, tenant: str) -> Outlook:
        """What bulk sends of the organisation may do, as far as is known. Raises redis.RedisError."""

    def outlooks(self, tenants: Collection[str]) -> Mapping[str, Outlook]:
        """The same of many organisations at once. Raises redis.RedisError."""

    def tallies(self) -> Mapping[tuple[int, str], int]:
        """What became of everybody's calls of two days, by hour (of Unix time) and what. Raises redis.RedisError."""


class TargetLogin(Protocol):
    """How a person lets us in, for `unused_days` if nobody uses it, and the bearers. What calls raises Trouble."""

    unused_days: int

    def wanted_scopes(self, said: str) -> str:
        """The scopes to ask for, behind the words that people use for them; pure."""

    def may_write(self, granted: Collection[str]) -> bool:
        """Whether these scopes let us write invoices; pure."""

    def address(self, app: AppKeys, callback: str, scopes: str, state: str, verifier: str) -> str:
        """The login page for this app, bound to this login by its state and its secret verifier; pure."""

    def exchange(self, app: AppKeys, code: str, callback: str, verifier: str) -> TokenPair:
        """The pair for a code, which is taken once."""

    def user(self, pair: TokenPair) -> str:
        """Whose login the pair is; empty when it does not say; pure."""

    def consent(self, pair: TokenPair) -> str:
        """The consent the pair came from; empty when it does not say; pure."""

    def organisations(self, bearer: str) -> Sequence[OpenedOrganisation]:
        """The organisations this login opens now."""

    def about(self, bearer: str, tenant: str) -> AboutOrganisation:
        """The organisation's name, short code and currency."""

    def remove(self, bearer: str, connection_id: str) -> None:
        """Disconnect one organisation, by the connection's id."""

    def access(self, client_id: str, user: str) -> str:
        """A valid access token of this login."""

    def renew(self, client_id: str, user: str) -> None:
        """Renew the login although it is still good, so that it does not end unused."""


@dataclass(frozen=True)
class CallSizes:
    """How much one call carries: `invoices` (of at most so many `bytes`) sent, `contacts` or `ids` asked for."""

    invoices: int
    bytes: int
    contacts: int
    ids: int


class AccountingTarget(Protocol):
    """An accounting system. Methods that call make one call, or few, and raise Trouble when it goes wrong as a whole.

    `login` is None where nobody has to log in.
    """

    sizes: CallSizes
    pace: TargetPace
    login: TargetLogin | None

    # Invoices as the system has them; pure.

    def element(self, posting: Posting) -> Element:
        """The invoice in the system's words. Raises Unmappable."""

    def element_of_update(self, posting: Posting, copy: Element) -> Element:
        """The invoice as an update of the system's copy. Raises Unmappable."""

    def fingerprint(self, copy: Element) -> str:
        """What an edit by hand would change in the copy."""

    def carries(self, copy: Element, sent: Element) -> bool:
        """Whether the copy says all that was sent."""

    def replaces_lines(self, update: Element) -> bool:
        """Whether the update puts a line anew, because the copy's has something that has to go."""

    def is_like(self, posted: Posted, sent: Element) -> bool:
        """Whether contact, date and currency are those that were sent."""

    def thaw(self, body: bytes) -> Mapping[str, Element]:
        """The elements of a frozen body: updates by target id, new invoices by number."""

    def freeze(self, elements: Sequence[Element]) -> bytes:
        """The exact body of a call."""

    def picture(self, copy: Element) -> Picture:
        """An invoice as the system shows it."""

    def picture_of(self, element: Element) -> Picture:
        """An invoice as an element of ours will make it."""

    def compare(self, before: Picture, after: Picture) -> tuple[Change, ...]:
        """What became different in an invoice, of what an export may change."""

    def edits(self, before: Picture, now: Picture, wanted: Picture | None = None) -> tuple[Change, ...]:
        """What somebody changed in the system, of that which an update would take back.

        `wanted` is what the update says: what is so already is taken back by nothing.
        """

    def differences(self, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What is kept otherwise than it was sent, with what the system is known to do."""

    def left_behind(self, before: Picture, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What an update took off and the system keeps; `before` is the copy as the last export left it."""

    def sums(self, element: Element, books: Books, copy: Element | None = None) -> Sums | None:
        """What an element will come to, None where its tax is not known; `copy` is what an update changes."""

    # Addresses, and what people paste; pure.

    def deep_link(self, organisation: Organisation, target_id: str) -> str:
        """The address at which a person opens the invoice."""

    def contact_link(self, short_code: str, contact_id: str) -> str:
        """The address at which a person opens the contact, in the organisation of this code as far as it is known."""

    def contact_id(self, kept: str) -> str | None:
        """The contact's id in what was kept or pasted; None when there is none in it."""

    def pasted(self, text: str) -> Pasted:
        """The contact in what a person pasted. Raises NotAContact."""

    # Calls.

    def create(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """Create the invoices of a frozen body, none of them twice under one idempotency key, while in time."""

    def update(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """Change the invoices of a frozen body of updates, each named by its id, while in time."""

    def find(
        self, organisation: Organisation, numbers: Sequence[str], *, ours_only: bool = False
    ) -> Mapping[str, Sequence[Posted]]:
        """Every invoice of the organisation with one of these numbers, by folded number; only ours where asked."""

    def in_calls(self, numbers: Iterable[str]) -> Sequence[Sequence[str]]:
        """Numbers, each once, in as many lists as `find` makes calls; pure."""

    def fetch(self, organisation: Organisation, target_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The invoices with these ids of the system, by id."""

    def changes(self, organisation: Organisation, since: datetime, page: int, *, ours_only: bool) -> Changes:
        """A page of the invoices changed after a moment, without their lines; only our app's where asked."""

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, ListedContact]:
        """The contacts with these ids, archived ones too, by id: as many as one call takes."""

    def all_contacts(self, organisation: Organisation, page: int) -> ContactPage:
        """A page of the active contacts."""

    def choices(self, organisation: Organisation, kind: ChoiceKind) -> Sequence[ListedChoice]:
        """What the organisation has of this kind."""

    def part(self, organisation: Organisation, part: Part) -> Books:
        """One part of the organisation's settings; the others are None."""

    def approved(self, organisation: Organisation, month: date) -> int:
        """How many approved sales invoices are dated in the month of this day."""
