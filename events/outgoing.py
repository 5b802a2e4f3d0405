"""Every event we send, under its wire name.

What needs a person, said once and then quietly: what repeats is told again after an hour.
The daily check of the audit, so that its head is known outside the database; and that the database was restored.
A test of an endpoint, about nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from events.attachments import InvoiceAttachmentsCompleted
from events.changes import InvoiceExportDriftFound
from events.connections import (
    XeroConnectionConnected,
    XeroConnectionDisconnected,
    XeroConnectionLoginExpiring,
    XeroConnectionNeedsLogin,
)
from events.contacts import ClientXeroContactRejected, ClientXeroContactUpdated
from events.export import (
    InvoiceExportCompleted,
    InvoiceExportDeferred,
    InvoiceExportFailed,
    InvoiceExportProgressed,
    InvoiceExportSucceeded,
)
from events.payments import (
    CreditNoteAllocated,
    CreditNoteUnallocated,
    InvoiceEdited,
    InvoicePaid,
    InvoicePartPaid,
    InvoiceUnpaid,
    InvoiceVoided,
)
from events.preview import InvoiceExportPreviewed
from events.settings import CompanySettingsRejected, CompanySettingsUpdated
from events.snapshot import Event, Id, ShortText
from events.summaries import CompanyDaySummarised


class XeroExportAttentionNeeded(Event):
    """Out: something holds exports back until a person acts.

    `cause` is what has to be mended, `about` that thing in words; `invoices` is how many came since it was told
    last, `repeated` is true when it was told before. `since` is when it was first seen.
    """

    TYPE: ClassVar[str] = "xero.export.attention_needed"

    company: Id
    cause: str
    reason: str
    about: str | None = None
    invoices: int
    repeated: bool
    title: str
    message: str
    who: str
    how: str
    link: str | None = None
    since: datetime


class AuditChecked(Event):
    """Out: once a day every line of the console's audit was read and compared with its chain of hashes.

    About the installation, not a company: only keys and endpoints for all companies get it. `head` is the newest
    line's number and hash, to be kept outside: `crewcard-xero audit verify --head HEAD` compares it later.
    `problems` are sentences about lines that were changed, taken out, put in or moved.
    """

    TYPE: ClassVar[str] = "audit.checked"

    head: str
    lines: int
    intact: bool
    problems: tuple[str, ...] = ()
    checked_at: datetime


class WebhookTested(Event):
    """Out: somebody tries whether an endpoint takes what is posted there. Nothing has happened.

    It goes to that `endpoint` alone, never into the feed or the stream, and its envelope says `test`.
    """

    TYPE: ClassVar[str] = "webhook.tested"

    endpoint: str
    message: ShortText


class DatabaseRestored(Event):
    """Out: our database went back in time, to a backup or a replica that was behind, by order or noticed by itself.

    About the installation, as `audit.checked` is. What was accepted after `since` may be gone: send it again, with
    the same event ids. Nothing is doubled: until what Xero has since then is known here, nothing is sent. Cursors of
    before are refused, with the one to go on from.
    """

    TYPE: ClassVar[str] = "database.restored"

    since: datetime
    why: str


OUTGOING: Mapping[str, type[Event]] = {
    model.TYPE: model
    for model in (
        InvoiceExportSucceeded,
        InvoiceExportFailed,
        InvoiceExportDeferred,
        InvoiceExportProgressed,
        InvoiceExportCompleted,
        InvoiceExportPreviewed,
        InvoiceExportDriftFound,
        InvoicePaid,
        InvoicePartPaid,
        InvoiceUnpaid,
        InvoiceVoided,
        InvoiceEdited,
        InvoiceAttachmentsCompleted,
        CreditNoteAllocated,
        CreditNoteUnallocated,
        ClientXeroContactUpdated,
        ClientXeroContactRejected,
        CompanySettingsUpdated,
        CompanySettingsRejected,
        CompanyDaySummarised,
        XeroConnectionConnected,
        XeroConnectionNeedsLogin,
        XeroConnectionLoginExpiring,
        XeroConnectionDisconnected,
        XeroExportAttentionNeeded,
        AuditChecked,
        WebhookTested,
        DatabaseRestored,
    )
}
