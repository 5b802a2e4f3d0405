"""The port, second part: what people choose from in an accounting system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from events.accounting_target import Organisation
from events.contact_problems import ContactProblem

ChoiceKind = Literal["accounts", "tax_rates", "tracking", "branding_themes"]
MOST_CONTACTS = 45  # ids in one call (facts §4.3)


@dataclass(frozen=True)
class ListedContact:
    """A contact of the organisation. `status` as the system says it; `merged_into` is the winner's id."""

    id: str
    name: str
    status: str = "ACTIVE"
    merged_into: str = ""
    number: str = ""
    email: str = ""


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


class NotAContact(Exception):
    """What was pasted names no contact; `problem` and `facts` say what it is instead."""

    def __init__(self, problem: ContactProblem, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.facts = dict(facts or {})


class AccountingLists(Protocol):
    """What can be chosen in an organisation. Methods that call raise Trouble."""

    def pasted(self, text: str) -> Pasted:
        """The contact in what a person pasted; pure. Raises NotAContact."""
        ...

    def contact_link(self, short_code: str, contact_id: str) -> str:
        """The address at which a person opens the contact; pure."""
        ...

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, ListedContact]:
        """The contacts with these ids, at most 45, archived ones too, by id: one call."""
        ...

    def all_contacts(self, organisation: Organisation, page: int) -> ContactPage:
        """A page of the active contacts, a thousand of them: one call."""
        ...

    def choices(self, organisation: Organisation, kind: ChoiceKind) -> Sequence[ListedChoice]:
        """What the organisation has of this kind: one call."""
        ...
