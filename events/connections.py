"""The events of a connection to Xero. Wire name = class name: XeroConnectionConnected is `xero.connection.connected`.

None of them carries a secret, and none a login link: `login_due` says that somebody has to log in, and the link is
made when that person wants it (`POST /v1/companies/{company}/login-links`). `login_url`, a field of older days, is
left out; where it was promised (`login_expiring`) it is the address of a page that says how to get a link.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from events.snapshot import DEPRECATED, Event, Id, ShortText, Snapshot


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
    """Out: the company's exports wait until a person acts; who and how is said, nothing has failed.

    `login_due`: what that person has to do is to log in to Xero.
    """

    TYPE: ClassVar[str] = "xero.connection.needs_login"

    company: Id
    reason: str
    message: str
    who: str
    how: str
    organisation: ConnectedOrganisation | None = None
    login_due: bool = False
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)
    login_url_ends_at: datetime | None = Field(default=None, json_schema_extra=DEPRECATED)


class XeroConnectionLoginExpiring(Event):
    """Out, a warning: the login could not be renewed for weeks and ends at `ends_at` unless somebody logs in.

    `login_url` is a page that says how to get a login link; it opens no login itself.
    """

    TYPE: ClassVar[str] = "xero.connection.login_expiring"

    company: Id
    organisation: ConnectedOrganisation
    ends_at: datetime
    message: ShortText
    login_url: str = Field(json_schema_extra=DEPRECATED)
    login_url_ends_at: datetime = Field(json_schema_extra=DEPRECATED)


class XeroConnectionDisconnected(Event):
    """Out: the organisation is no longer connected, by us or at Xero's side."""

    TYPE: ClassVar[str] = "xero.connection.disconnected"

    company: Id
    organisation: ConnectedOrganisation
    by: Literal["us", "xero"]
    message: ShortText
