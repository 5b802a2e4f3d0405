"""The events of a client's Xero contact: a person asks for a change, and is told once what came of it."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.people import Person
from events.snapshot import Event, HostId, Id, Incoming, ShortText, Snapshot, Text

ContactStatus = Literal["active", "archived", "merged", "erased", "missing", "unchecked"]


class ClientXeroContactUpdateRequested(Incoming):
    """In: bill this client as the contact a person pasted; an empty text ends the link."""

    TYPE: ClassVar[str] = "client.xero_contact.update_requested"

    client: HostId
    client_name: ShortText = ""
    xero_contact: Annotated[Text, Field(max_length=2000)]
    requested_by: Person


class XeroContact(Snapshot):
    """A contact as a person recognises it; `link` opens it in Xero."""

    xero_contact_id: str
    name: str
    link: str


class ClientXeroContactUpdated(Event):
    """Out: the client is billed as this contact from now on, or (`contact` missing) as none.

    `cause` is `request` for an answer, `recheck` for news from Xero about a contact linked before. `sent_again`
    counts the invoices that had failed for want of it and go again by themselves.
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


class ClientXeroContactRejected(Event):
    """Out: nothing was changed, why, and what to paste instead. `offered` is the contact it was merged into."""

    TYPE: ClassVar[str] = "client.xero_contact.rejected"

    company: Id
    client: HostId
    reason: str
    message: str
    who: str
    how: str
    offered: XeroContact | None = None
