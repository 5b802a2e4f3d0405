"""The tables. States are text, moments are aware UTC, money is text with all its digits."""

from store.tables.batches import Attempt, Batch
from store.tables.bulk import BulkOrder, BulkPiece
from store.tables.changes import AskedChange, Offer
from store.tables.companies import Company, ContactLink
from store.tables.connections import CompanyApp, CompanyConnection, Login, Token, XeroApp
from store.tables.counters import Counter
from store.tables.doors import (
    ApiKey,
    DeadLetter,
    DoorOut,
    Duty,
    Endpoint,
    InboxEvent,
    MessageId,
    OutboxEvent,
    Redelivery,
)
from store.tables.failing import Alert, FeedMark, Mending
from store.tables.lanes import LaneState
from store.tables.orders import AuditCheck, AuditHead, AuditLine, Drift, Exclusion, Pause, Reconciliation
from store.tables.previews import OrganisationFacts, Preview, RefusedTax
from store.tables.processes import Process
from store.tables.route import Export, Generation, Item, NumberClaim, Request
from store.tables.shown import InvoiceStatus, LogEntry
from store.tables.throughput import Quarter
from store.tables.users import Guesses, KnownBrowser, RecoveryCode, SignInFailure, SignInLink, User, UserSession

__all__ = [
    "Alert",
    "ApiKey",
    "AskedChange",
    "Attempt",
    "AuditCheck",
    "AuditHead",
    "AuditLine",
    "Batch",
    "BulkOrder",
    "BulkPiece",
    "Company",
    "CompanyApp",
    "CompanyConnection",
    "ContactLink",
    "Counter",
    "DeadLetter",
    "DoorOut",
    "Drift",
    "Duty",
    "Endpoint",
    "Exclusion",
    "Export",
    "FeedMark",
    "Generation",
    "Guesses",
    "InboxEvent",
    "InvoiceStatus",
    "Item",
    "KnownBrowser",
    "LaneState",
    "LogEntry",
    "Login",
    "Mending",
    "MessageId",
    "NumberClaim",
    "Offer",
    "OrganisationFacts",
    "OutboxEvent",
    "Pause",
    "Preview",
    "Process",
    "Quarter",
    "Reconciliation",
    "RecoveryCode",
    "Redelivery",
    "RefusedTax",
    "Request",
    "SignInFailure",
    "SignInLink",
    "Token",
    "User",
    "UserSession",
    "XeroApp",
]
