"""The events of a connection to Xero. Wire name = class name: XeroConnectionConnected is `xero.connection.connected`.

None of them carries a secret. A `login_url` opens Xero's login for this company once and not for long.
"""

from datetime import datetime
from typing import ClassVar, Literal

from events.snapshot import Event, Id, ShortText, Snapshot


class ConnectedOrganisation(Snapshot):
    """The organisation at Xero."""

    tenant: str
    name: str
    short_code: str = ""
    base_currency: str = ""


class XeroConnectionConnected(Event):
    """Out: the company exports to this organisation from now on.

    `waiting_for_decision` counts invoices meant for another organisation; while it is not zero nothing is sent.
    """

    TYPE: ClassVar[str] = "xero.connection.connected"

    company: Id
    organisation: ConnectedOrganisation
    scopes: tuple[str, ...]
    connected_at: datetime
    waiting_for_decision: int = 0


class XeroConnectionNeedsLogin(Event):
    """Out: the company's exports wait until a person acts; who and how is said, nothing has failed."""

    TYPE: ClassVar[str] = "xero.connection.needs_login"

    company: Id
    reason: str
    message: str
    who: str
    how: str
    organisation: ConnectedOrganisation | None = None
    login_url: str | None = None
    login_url_ends_at: datetime | None = None


class XeroConnectionLoginExpiring(Event):
    """Out, a warning: the login could not be renewed for weeks and ends at `ends_at` unless somebody logs in."""

    TYPE: ClassVar[str] = "xero.connection.login_expiring"

    company: Id
    organisation: ConnectedOrganisation
    ends_at: datetime
    message: ShortText
    login_url: str
    login_url_ends_at: datetime


class XeroConnectionDisconnected(Event):
    """Out: the organisation is no longer connected, by us or at Xero's side."""

    TYPE: ClassVar[str] = "xero.connection.disconnected"

    company: Id
    organisation: ConnectedOrganisation
    by: Literal["us", "xero"]
    message: ShortText
