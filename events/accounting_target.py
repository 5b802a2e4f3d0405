"""The port: what we ask of any accounting system, and what it may answer; a system is a folder that implements it.

Two kinds of bad news only. An *answer* about one invoice is a value: Posted or Rejected.
*Trouble* with a whole call is an exception that says what became of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from events.changes import Change, Difference, Picture
from events.contacts import NotAContact
from events.contacts import Pasted as Pasted  # noqa: PLC0414
from events.credentials import TargetLogin as TargetLogin  # noqa: PLC0414
from events.failures import Failure
from events.invoice import Client, Document, Invoice
from events.lane import Lane as Lane  # noqa: PLC0414  # whoever speaks of a target speaks of lanes
from events.lane import Organisation as Organisation  # noqa: PLC0414
from events.pace import Outlook as Outlook  # noqa: PLC0414
from events.pace import Permit as Permit  # noqa: PLC0414
from events.pace import TargetPace as TargetPace  # noqa: PLC0414
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
    `credited` of what is `paid` came as credit; `paid_at` is the day on which it was paid in full.
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
    credited: Decimal = Decimal(0)
    paid_at: datetime | None = None
    unmarked: bool = False
    updated: datetime | None = None
    unreadable: bool = False
    copy: Element = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """A page of what has changed, oldest change first; with `more` behind it, and the `newest` change in it.

    `whole` where their lines came along, so that nobody need read them again.
    """

    invoices: Sequence[Posted]
    more: bool
    newest: datetime | None
    whole: bool = False


@dataclass(frozen=True)
class Notice:
    """The system's word that a document of an organisation (`tenant`) was made (`created`) or changed, and when."""

    tenant: str
    target_id: str
    at: datetime
    created: bool = False


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
class SentFile:
    """A file on its way to an invoice; `replaces` the one of its name, `online`: the client sees it too."""

    name: str
    content: bytes = field(repr=False)
    media_type: str = ""
    online: bool = False
    replaces: bool = False


@dataclass(frozen=True)
class ListedFile:
    """A file that the system has at an invoice; `size` in bytes."""

    id: str
    name: str
    size: int


class FileRefused(Exception):
    """The system does not take this file, definitely; what it said. Nothing was attached."""


@dataclass(frozen=True)
class CallSizes:
    """How much one call carries: `invoices` (of so many `bytes`), `new_contacts`, and `contacts`, `ids` asked for."""

    invoices: int
    bytes: int
    contacts: int
    ids: int
    new_contacts: int = 1


class TargetCredit(Protocol):
    """How credit is allocated to invoices. What calls raises Trouble."""

    def given(self, note: Posted) -> Mapping[str, Decimal]:
        """What is allocated of the credit note, by the invoices' ids in the system; pure."""

    def freeze(self, invoice_id: str, amount: Decimal, day: date) -> bytes:
        """The exact body of the call that allocates so much to an invoice; pure."""

    def allocate(self, organisation: Organisation, note_id: str, body: bytes, key: str, in_time: InTime) -> str:
        """Allocate what the frozen body says; gives the words in which the system refuses, empty where it did it."""


class AccountingTarget(Protocol):
    """An accounting system. Methods that call make one call, or few, and raise Trouble when it goes wrong as a whole.

    `login` is None where nobody has to log in, `credit` where what is asked about cannot be allocated. `documents` is
    the same system by what an invoice becomes in it: asked there, what is said here of invoices is said of credit
    notes. What it has not is not in it; invoices always are. Where `marks_name_invoices`, a mark says whose it is,
    and the system tells what our app made; else a mark is known by `mark_of` alone.
    """

    sizes: CallSizes
    pace: TargetPace
    login: TargetLogin | None
    credit: TargetCredit | None
    marks_name_invoices: bool
    documents: Mapping[Document, "AccountingTarget"]

    # Invoices as the system has them; pure.

    def as_sent(self, invoice: Invoice) -> Invoice:
        """The invoice as this document says it: a credit note has amounts above zero."""

    def element(self, posting: Posting) -> Element:
        """The invoice in the system's words. Raises Unmappable."""

    def element_of_update(self, posting: Posting, copy: Element) -> Element:
        """The invoice as an update of the system's copy. Raises Unmappable."""

    def deletion(self, target_id: str) -> Element:
        """The update that deletes a draft."""

    def fingerprint(self, copy: Picture) -> str:
        """What an edit by hand would change, by the copy's picture."""

    def carries(self, copy: Element, sent: Element) -> bool:
        """Whether the copy says all that was sent."""

    def replaces_lines(self, update: Element) -> bool:
        """Whether the update puts a line anew, because the copy's has something that has to go."""

    def is_marked(self, posted: Posted, company: str, invoice: str, generation: int) -> bool:
        """Whether it says itself that it is this invoice of ours, of this generation."""

    def mark_of(self, company: str, invoice: str, generation: int) -> str:
        """What the mark of this invoice of ours and generation says of whose it is."""

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

    # What the system posts to us by itself; pure.

    def is_signed(self, body: bytes, signature: str, keys: Sequence[str]) -> bool:
        """Whether the system signed this body with one of these keys; a wrong one takes as long as a right."""

    def notices(self, body: bytes) -> Sequence[Notice]:
        """What the body says of invoices; what it says of other things is passed over. Raises ValueError."""

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

    def attach(
        self, organisation: Organisation, target_id: str, file: SentFile, key: str, in_time: InTime
    ) -> ListedFile:
        """Attach a file to the invoice, never twice under one idempotency key, while in time. Raises FileRefused."""

    def attached(self, organisation: Organisation, target_id: str) -> Sequence[ListedFile]:
        """The files that the invoice has. Raises FileRefused where the system knows no such invoice."""

    def attached_content(self, organisation: Organisation, target_id: str, file: ListedFile) -> bytes:
        """What is in a file that the invoice has. Raises FileRefused where it has it no more."""

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, ListedContact]:
        """The contacts with these ids, archived ones too, by id: as many as one call takes."""

    def all_contacts(self, organisation: Organisation, page: int, *, archived: bool = False) -> ContactPage:
        """A page of the active contacts, or of all."""

    def find_contacts(self, organisation: Organisation, text: str) -> Sequence[ListedContact]:
        """Contacts with this text in their name, number or e-mail, archived ones too: a page of them."""

    def create_contacts(
        self, organisation: Organisation, wanted: Mapping[str, Client], key: str, in_time: InTime
    ) -> Mapping[str, ListedContact | NotAContact]:
        """Create contacts for clients under our numbers, not twice under one key, while in time.

        Gives by number what was made, or why not; of one that is left out nobody knows.
        """

    def choices(self, organisation: Organisation, kind: ChoiceKind) -> Sequence[ListedChoice]:
        """What the organisation has of this kind."""

    def part(self, organisation: Organisation, part: Part) -> Books:
        """One part of the organisation's settings; the others are None."""

    def approved(self, organisation: Organisation, month: date) -> int:
        """How many approved sales invoices are dated in the month of this day."""
