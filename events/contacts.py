"""The events of a client's Xero contact: a person asks for a change, and is told once what came of it.

Why a client was not linked to a Xero contact. Codes are published: add, never rename.

Each member's value is its help, see `events.help`; facts in braces come from the change at hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.help import Catalogue, Help
from events.snapshot import Event, HostId, Id, Incoming, Person, ShortText, Snapshot, Text

ContactStatus = Literal["active", "archived", "merged", "erased", "missing", "unchecked"]


class ClientXeroContactUpdateRequested(Incoming):
    """In: bill this client as the contact a person pasted; an empty text ends the link."""

    TYPE: ClassVar[str] = "client.xero_contact.update_requested"

    client: HostId
    client_name: ShortText = ""
    xero_contact: Annotated[Text, Field(max_length=2000)]
    requested_by: Person


class ClientXeroContactCreateRequested(Incoming):
    """In: create a contact in Xero for this client, which has none, and bill it as that one.

    With name, e-mail, address and tax number as its newest invoice has them; `client_name` where it has no invoice.
    """

    TYPE: ClassVar[str] = "client.xero_contact.create_requested"

    client: HostId
    client_name: ShortText = ""
    requested_by: Person


class XeroContact(Snapshot):
    """A contact as a person recognises it; `link` opens it in Xero."""

    xero_contact_id: str
    name: str
    link: str


class ClientXeroContactUpdated(Event):
    """Out: the client is billed as this contact from now on, or (`contact` missing) as none.

    `cause` is `request` for an answer, `recheck` for news from Xero about a contact linked before. `sent_again`
    counts the invoices that had failed for want of it and go again by themselves. `created`: it was created for
    this client.
    """

    TYPE: ClassVar[str] = "client.xero_contact.updated"

    company: Id
    client: HostId
    contact: XeroContact | None = None
    status: ContactStatus
    warnings: tuple[str, ...] = ()
    cause: Literal["request", "recheck"] = "request"
    changed_by: str
    changed_at: datetime
    sent_again: int = 0
    created: bool = False


class ClientXeroContactRejected(Event):
    """Out: nothing was changed, why, and what to paste instead.

    `offered` is the contact it was merged into, or the one that has the name already.
    """

    TYPE: ClassVar[str] = "client.xero_contact.rejected"

    company: Id
    client: HostId
    reason: str
    message: str
    who: str
    how: str
    offered: XeroContact | None = None


LONGEST_MESSAGE = 300
_PASTE = "Open the contact in Xero, copy the address of that page and paste it as the client's Xero Client ID."


class ContactProblem(Catalogue):
    """What was wrong with what a person pasted, with the contact it names, or with creating one."""

    NOT_ADMIN = Help(
        "Only admins",
        "Only an admin may change a client's Xero Client ID.",
        "admin",
        "Ask an admin of {company} to change it.",
    )
    NOT_EDITABLE = Help(
        "Not editable",
        "The settings of {company} do not allow anybody to change a client's Xero Client ID.",
        "admin",
        "Switch the edit setting on first, then change it again.",
    )
    NO_ID = Help(
        "No contact in it",
        "“{pasted}” is not the address or the ID of a Xero contact.",
        "admin",
        _PASTE,
    )
    NOT_OF_A_CONTACT = Help(
        "Not a contact's page",
        "This is the address of {page} in Xero, not of a contact.",
        "admin",
        _PASTE,
    )
    LIST_OF_CONTACTS = Help(
        "A list of contacts",
        "This is the address of a list of contacts, not of one of them.",
        "admin",
        "Click the contact in that list, copy the address of the page that opens and paste that.",
    )
    NOT_XEROS = Help(
        "Not an address in Xero",
        "This address leads to {site}, not to Xero.",
        "admin",
        _PASTE,
    )
    SEVERAL = Help(
        "More than one contact",
        "There is more than one contact in what was pasted.",
        "admin",
        "Paste the address of one contact only.",
    )
    OTHER_ORGANISATION = Help(
        "Another Xero organisation",
        "This contact is in another Xero organisation ({theirs}); {company} exports to {organisation} ({ours}).",
        "admin",
        "Switch to {organisation} in Xero, open the contact there, and paste the address of that page.",
    )
    NOT_FOUND = Help(
        "Contact not found",
        "{organisation} has no contact with this ID.",
        "admin",
        "Check that the contact is in {organisation}. " + _PASTE,
    )
    ARCHIVED = Help(
        "Contact archived",
        "“{name}” is archived in Xero, so no invoice can be raised for it.",
        "bookkeeper",
        "Restore the contact in Xero and paste it again, or paste another contact.",
    )
    MERGED = Help(
        "Contact merged",
        "“{name}” was merged in Xero into “{winner}”.",
        "admin",
        "If {client} is now billed as “{winner}”, paste that contact instead: {winner_id}",
    )
    ERASED = Help(
        "Contact erased",
        "This contact's data was erased in Xero at the person's request.",
        "admin",
        "Link the client to another contact.",
    )
    NOT_CONNECTED = Help(
        "Not connected to Xero",
        "{company} is not connected to a Xero organisation, so the contact cannot be looked up.",
        "admin",
        "Connect {company} to Xero first, then paste the contact again.",
    )
    OVERTAKEN = Help(
        "Changed meanwhile",
        "The Xero Client ID of {client} was changed again before Xero could be asked about this one.",
        "nobody",
        "Nothing needs to be done: the newer change counts.",
    )
    NOT_CHECKED = Help(
        "Could not be checked",
        "Xero could not be asked about the contact for a long time, so nothing was changed.",
        "admin",
        "See that the connection to Xero works, then paste the contact again.",
    )

    CREATING_OFF = Help(
        "Creating is off",
        "The settings of {company} do not allow contacts to be created in Xero.",
        "admin",
        "Switch on in its Xero settings that contacts may be created, then ask for it again.",
    )
    NO_PERMISSION = Help(
        "Permission missing",
        "The connection to {organisation} does not allow contacts to be created: it is older than that setting.",
        "admin",
        "Log in to Xero again with a fresh login link and accept the permissions it lists (or connect the custom "
        "connection once more), then ask for it again.",
    )
    NAMELESS = Help(
        "No name",
        "CrewCard has not said what {client} is called, so no contact can be created for it.",
        "admin",
        "Send an invoice of this client, or give its name along.",
    )
    LINKED_ALREADY = Help(
        "Has a contact",
        "{client} is billed as “{name}” already, so no other contact was created.",
        "nobody",
        "Nothing needs to be done. To bill it as another contact, paste that one.",
    )
    NAME_TAKEN = Help(
        "Name taken",
        "{organisation} has a contact named “{name}” already, and Xero wants each name once.",
        "admin",
        "If {client} is that contact, take it. If it is somebody else, give one of them another name.",
    )
    SIMILAR = Help(
        "Similar contacts",
        "{organisation} has contacts like {client}, so it got no new one by itself: {name}.",
        "admin",
        "Take one of them, or create a contact for {client} all the same.",
    )
    NOT_CREATED = Help(
        "Refused by Xero",
        "Xero did not create the contact: “{said}”.",
        "admin",
        "Correct that in CrewCard and send an invoice of {client} again, then create the contact once more; or raise "
        "it in Xero and paste it.",
    )
    CREATED_PERHAPS = Help(
        "Not known whether it was created",
        "Xero could not be asked for a long time whether the contact for {client} was created.",
        "admin",
        "See that the connection to Xero works, then create it once more: what is there is found, not doubled.",
    )

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What a fact is called that nobody gave."""
        return _UNNAMED

    def message(self, facts: Mapping[str, str]) -> str:
        """What was wrong, in a sentence a person understands; at most 300 characters."""
        told = super().message(facts)
        return told if len(told) <= LONGEST_MESSAGE else f"{told[: LONGEST_MESSAGE - 1]}…"


_UNNAMED = {
    "client": "the client",
    "company": "your company",
    "name": "The contact",
    "organisation": "the connected organisation",
    "page": "another page",
    "pasted": "that",
    "said": "no reason given",
    "site": "another site",
    "winner": "another contact",
    **dict.fromkeys(("ours", "theirs", "winner_id"), "unknown"),
}


class NotAContact(Exception):
    """What was pasted names no contact; `problem` and `facts` say what it is instead."""

    def __init__(self, problem: ContactProblem, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.facts = dict(facts or {})


@dataclass(frozen=True)
class Pasted:
    """The contact that a pasted text names, and the organisation's short code where the text has one."""

    contact_id: str
    short_code: str = ""
