"""What is kept, of every table: why, how long, who can read it, how it goes. `docs/operations/retention.md` shows it.

A new table needs a row: `tests/rooms/test_kept_data.py` fails without one. Removing a company goes by these rows.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlmodel import SQLModel

from store import tables as t

_CONSOLE = "console: every role"
_DOORS = "console: every role; the company's keys"
_ADMINS = "console: admins"
_OPS = "console: every role; `/metrics` in sums"
_SEALED = "nobody: sealed, opened by the processes alone"
_INSIDE = "nobody: used inside"
_NONE = "names no client"
_COMPANY = "company"  # its rows are those of the company by their column of this name
_EVER = "for ever"
_NOW = "as long as it is so"


class KeptData(NamedTuple):
    """One table: `what` it keeps and why; `kept` how long, or `pruned` by which rule of store/pruning.

    `erased` says what erasing a client does to it, `removed` what removing a company does: `company`, its rows go.
    """

    table: type[SQLModel]
    what: str
    kept: str
    readers: str
    erased: str
    removed: str
    pruned: str = ""


_EXPORTS = (
    KeptData(
        t.Request, "Sends: who asked, how many, when; an answer must find its send", _EVER, _DOORS, _NONE, _COMPANY
    ),
    KeptData(t.Item, "One invoice of one send, answered once", _EVER, _DOORS, _NONE, _COMPANY),
    KeptData(
        t.Export,
        "One invoice in one organisation: what is wanted, what Xero has; “never twice” and updates rest on it",
        _EVER,
        _DOORS,
        "content, Xero's copy and differences go; ids, number, hashes, sums and Xero's ids stay",
        "with what hangs on it",
    ),
    KeptData(t.Generation, "Earlier invoices of what was raised anew", _EVER, _CONSOLE, _NONE, "with its export"),
    KeptData(
        t.Attempt,
        "One try with one invoice, and Xero's words",
        "",
        _CONSOLE,
        "Xero's words go",
        "with its export",
        "batches",
    ),
    KeptData(
        t.Batch,
        "One call to Xero with its body, written down before it was sent",
        "",
        _CONSOLE,
        "what the body says of the client's invoices goes",
        _COMPANY,
        "batches",
    ),
    KeptData(t.NumberClaim, "Whose a number is; two invoices never get one", _EVER, _CONSOLE, _NONE, _COMPANY),
    KeptData(t.InvoiceSearch, "What an invoice is found by", _EVER, _CONSOLE, "all but number and id goes", _COMPANY),
    KeptData(
        t.Attachment,
        "Files of invoices: name, address, size, what became of them",
        _EVER,
        _DOORS,
        "name and address go; what was not attached goes whole",
        _COMPANY,
    ),
    KeptData(
        t.AttachmentContent,
        "The bytes of a file that is not attached yet",
        "until it is attached",
        _INSIDE,
        "goes",
        _COMPANY,
        "attachment_contents",
    ),
    KeptData(t.Allocation, "What of a credit note is credited to which invoice", _EVER, _DOORS, _NONE, _COMPANY),
    KeptData(t.LaneState, "Why a company's exports wait", _NOW, _DOORS, _NONE, _COMPANY),
)
_SHOWN = (
    KeptData(
        t.InvoiceStatus,
        "What stands beside an invoice",
        _EVER,
        _DOORS,
        "message, steps and link go; the state stays",
        _COMPANY,
    ),
    KeptData(
        t.LogEntry,
        "The export log: a line for each answer",
        _EVER,
        _DOORS,
        "texts go; number and outcome stay",
        _COMPANY,
    ),
    KeptData(
        t.Drift,
        "What was found different in Xero",
        _EVER,
        _CONSOLE,
        "what differed goes; that it did stays",
        _COMPANY,
    ),
    KeptData(t.KnownPayment, "How far an invoice is paid: amounts and a day", _EVER, _DOORS, _NONE, _COMPANY),
    KeptData(
        t.ChangedInvoice,
        "Invoices that Xero said have changed: ids",
        "",
        _INSIDE,
        _NONE,
        _COMPANY,
        "changed_invoices",
    ),
    KeptData(t.Alert, "Causes that need a person", _NOW, _DOORS, "those of its contact go", _COMPANY),
    KeptData(t.Mending, "Causes that somebody has mended", "", _INSIDE, _NONE, _COMPANY, "mendings"),
    KeptData(t.Reconciliation, "How far a company was compared with Xero", _NOW, _INSIDE, _NONE, _COMPANY),
    KeptData(t.RestoreCheck, "How far an organisation was read after a restore", _EVER, _CONSOLE, _NONE, _COMPANY),
    KeptData(t.QueueStretch, "How a queue was, in figures", "8 days", _OPS, _NONE, _COMPANY),
    KeptData(t.Counter, "How often something happened, ever", _EVER, _OPS, _NONE, "stays: sums of all companies"),
    KeptData(t.Quarter, "What went through, in figures", "35 days", _OPS, _NONE, "stays: sums of all companies"),
)
_DOORS_IN_AND_OUT = (
    KeptData(
        t.InboxEvent,
        "Ids and hashes of events that came; one that comes twice is known",
        _EVER,
        _INSIDE,
        _NONE,
        _COMPANY,
    ),
    KeptData(
        t.DeadLetter,
        "Messages that could not be read, whole, until somebody deals with them",
        "while they are open; then",
        _CONSOLE,
        "those that name the client go; an open one is waited for",
        "those that name the company go; an open one is waited for",
        "dead_letters",
    ),
    KeptData(
        t.OutboxEvent,
        "Events for hosts: answers and news",
        "",
        _DOORS,
        "texts go; ids, numbers and states stay",
        "a day after the order, once they were told",
        "events_out",
    ),
    KeptData(t.DoorOut, "How far each way out has come", _NOW, _OPS, _NONE, "with its endpoint"),
    KeptData(
        t.Endpoint,
        "Where a company wants its webhooks, with a sealed secret",
        "until it is removed",
        _ADMINS,
        _NONE,
        "a day after the order",
    ),
    KeptData(
        t.DeliveryTry,
        "Tries of webhooks, and how the endpoint answered",
        "",
        _ADMINS,
        "answers go",
        "with its endpoint",
        "deliveries",
    ),
    KeptData(
        t.Redelivery,
        "Webhooks that are tried again, or were given up",
        "",
        _ADMINS,
        _NONE,
        "with its endpoint",
        "deliveries_given_up",
    ),
    KeptData(
        t.FeedMark,
        "How far a reader of ours has come in the feed",
        _NOW,
        _INSIDE,
        _NONE,
        "stays: it is of all companies",
    ),
    KeptData(
        t.ApiKey,
        "Keys of hosts, with sealed secrets",
        "for ever, revoked",
        _ADMINS,
        _NONE,
        "one for it alone is revoked; others no more speak for it",
    ),
    KeptData(
        t.MessageId,
        "Fingerprints of signed requests, so that none counts twice",
        "an hour; then",
        _INSIDE,
        _NONE,
        "stays: of a key, an hour",
        "message_ids",
    ),
    KeptData(
        t.Preview,
        "Previews that were asked for, with their invoices",
        "",
        _DOORS,
        "a preview is waited for; it goes by itself",
        _COMPANY,
        "previews",
    ),
)
_COMPANIES = (
    KeptData(t.Company, "A company: name and settings", "until it is removed", _DOORS, _NONE, "last of all"),
    KeptData(
        t.ContactLink,
        "Which Xero contact a client is billed as, with both names",
        "until it changes",
        _DOORS,
        "goes",
        _COMPANY,
    ),
    KeptData(t.NewContact, "A contact that is being created in Xero", "minutes", _INSIDE, "is waited for", _COMPANY),
    KeptData(
        t.AskedChange,
        "Changes of contacts and settings that were asked for",
        "",
        _DOORS,
        "go; one under way is waited for",
        _COMPANY,
        "changes",
    ),
    KeptData(t.Draft, "The last test invoice of a company", "until the next one", _DOORS, "its body goes", _COMPANY),
    KeptData(
        t.CompanyConnection, "The organisation a company exports to", "until it is removed", _DOORS, _NONE, _COMPANY
    ),
    KeptData(
        t.CompanyApp,
        "Which Xero app a company uses",
        "until it is removed",
        _ADMINS,
        _NONE,
        "at once, with its login",
    ),
    KeptData(
        t.XeroApp,
        "Xero apps, their secrets sealed",
        "until the company is removed",
        _SEALED,
        _NONE,
        "unless another company uses it",
    ),
    KeptData(
        t.Token,
        "Logins to Xero, sealed",
        "until the company is removed",
        _SEALED,
        _NONE,
        "unless another company uses its app",
    ),
    KeptData(t.Login, "Logins to Xero under way", "", _INSIDE, _NONE, _COMPANY, "logins"),
    KeptData(
        t.OrganisationFacts,
        "An organisation's accounts and tax rates, as last read",
        "until read anew",
        _CONSOLE,
        _NONE,
        _COMPANY,
    ),
    KeptData(t.Offer, "What an organisation offers to choose from", "until read anew", _DOORS, _NONE, _COMPANY),
    KeptData(t.RefusedTax, "Tax rates that an account did not take", _EVER, _INSIDE, _NONE, _COMPANY),
    KeptData(t.PlannedSummary, "When a company's next daily summary is due", _NOW, _INSIDE, _NONE, _COMPANY),
)
_ORDERS = (
    KeptData(t.Pause, "Who is paused, by whom and why", _NOW, _DOORS, _NONE, "goes"),
    KeptData(t.Exclusion, "Invoices marked “never send”, by whom and why", _EVER, _DOORS, _NONE, _COMPANY),
    KeptData(
        t.BulkOrder,
        "Orders of people about many invoices",
        _EVER,
        _CONSOLE,
        "what was searched for stays",
        "goes, if of it alone",
    ),
    KeptData(t.BulkPiece, "The pieces in which they are carried out: ids", _EVER, _CONSOLE, _NONE, "goes"),
    KeptData(
        t.Erasure,
        "Orders to erase a client or remove a company, and what went",
        _EVER,
        _ADMINS,
        "stays: the client's id",
        "the order itself stays: id, who, why, counts",
    ),
    KeptData(
        t.ErasedInvoice,
        "Ids of invoices while a client is being erased",
        "until it is done",
        _INSIDE,
        "goes at the end",
        "goes",
    ),
    KeptData(
        t.AuditLine,
        "What people did; lines are chained and none can be changed",
        _EVER,
        _CONSOLE,
        "stays: ids, and what people typed as reasons and searches",
        "stays: ids, and what people typed",
    ),
    KeptData(t.AuditHead, "The newest line of the audit", _EVER, _INSIDE, _NONE, "stays: of all companies"),
    KeptData(t.AuditCheck, "Daily checks of the audit", _EVER, _CONSOLE, _NONE, "stays: of all companies"),
    KeptData(t.Restore, "That an older database was put back", _EVER, _CONSOLE, _NONE, "stays: of all companies"),
)
_STAFF = "stays: it is of a person at CrewCard"
_USERS = (
    KeptData(t.User, "Users of the console: id, name, role, hash of the password", _EVER, _ADMINS, _NONE, _STAFF),
    KeptData(t.RecoveryCode, "Fingerprints of recovery codes", "until new ones are made", _INSIDE, _NONE, _STAFF),
    KeptData(
        t.UserSession,
        "Who is signed in, with address and browser",
        "until it ends",
        "the user; admins",
        _NONE,
        _STAFF,
    ),
    KeptData(
        t.HeldForm,
        "A form that came when its session was over, sealed",
        "an hour at most",
        _SEALED,
        "goes by itself",
        _STAFF,
    ),
    KeptData(t.KnownBrowser, "Browsers in which a user has signed in", _EVER, _INSIDE, _NONE, _STAFF),
    KeptData(t.SignInLink, "Fingerprints of links that sign in once", "until they end", _INSIDE, _NONE, _STAFF),
    KeptData(t.Guesses, "Wrong passwords in a row", "until the right one", _INSIDE, _NONE, _STAFF),
    KeptData(t.SignInFailure, "The same, of the version before", "until the next version", _INSIDE, _NONE, _STAFF),
)
_MACHINE = "stays: it is of the installation"
_MACHINES = (
    KeptData(t.Duty, "Who has a periodic duty", _NOW, _OPS, _NONE, _MACHINE),
    KeptData(t.DutyShard, "Who has a part of a duty", _NOW, _OPS, _NONE, _MACHINE),
    KeptData(t.Process, "Processes that run", "a day after it was killed", _OPS, _NONE, _MACHINE),
    KeptData(t.Canary, "A test on its way through every part", "", _INSIDE, _NONE, _MACHINE, "canaries"),
)
ROOMS: Mapping[str, tuple[KeptData, ...]] = {
    "Exports": _EXPORTS,
    "What is shown and compared": _SHOWN,
    "Ways in and out": _DOORS_IN_AND_OUT,
    "Companies and clients": _COMPANIES,
    "Orders and the audit": _ORDERS,
    "Users of the console": _USERS,
    "The installation": _MACHINES,
}
KEPT = tuple(one for some in ROOMS.values() for one in some)
