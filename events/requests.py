"""The events about a request as a whole: it waits, it moves on, it is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from events.export import Notification
from events.snapshot import DEPRECATED, Event, HostId, Id, ShortText


class InvoiceExportDeferred(Event):
    """Out: a request waits, why and until when. Nothing has failed.

    `limit` names the limit of Xero's that is waited for (minute, day, concurrent, appminute), where there is one.
    `login_due`: it waits until somebody of the company logs in to Xero; a link is made when that person wants it.
    """

    TYPE: ClassVar[str] = "invoice.export.deferred"

    company: Id
    request: HostId
    cause: Literal["limit", "offline", "needs_login", "paused", "trouble"]
    message: ShortText
    until: datetime | None
    limit: str | None = None
    login_due: bool = False
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)


class InvoiceExportProgressed(Event):
    """Out: how far a request is; never after `completed`. No `estimated_finish` while it waits for a person."""

    TYPE: ClassVar[str] = "invoice.export.progressed"

    company: Id
    request: HostId
    total: int
    exported: int
    failed: int
    waiting: int
    estimated_finish: datetime | None


class InvoiceExportCompleted(Event):
    """Out: every invoice of the request has its answer."""

    TYPE: ClassVar[str] = "invoice.export.completed"

    company: Id
    request: HostId
    total: int
    exported: int
    failed: int
    reasons: Mapping[str, int]
    notification: Notification
