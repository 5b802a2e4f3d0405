"""What a request does to its invoices: planned from what is locked and known, before it is written; pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from events.accounting_target import AccountingTarget, Lane
from events.codec import Envelope
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Document, Invoice
from events.reasons import Reason
from events.settings import CompanySettings
from store import number_claims
from store.attachments import WantedFile, wanted
from store.number_claims import Owner
from store.requests import Key, Opening
from store.tables import Export
from worker.decisions import merge_rules
from worker.decisions.merge_rules import ExportStanding, Move
from worker.intake import parsed_event
from worker.intake.parsed_event import InvoiceContent

ON_ITS_WAY = ("start", "join", "replace", "wait")  # the moves whose answer comes later
_JOINS = ("join", "wait")
Row = dict[str, Any]


@dataclass(frozen=True)
class NumberedInvoices:
    """A request's invoices under their numbers in Xero, each once; by id their prefixes and what they say."""

    newest: Sequence[Invoice | UnreadableInvoice]
    prefixes: Mapping[str, str]
    contents: Mapping[str, InvoiceContent]

    @cached_property
    def readable(self) -> list[Invoice]:
        """The invoices that can be read."""
        return [invoice for invoice in self.newest if isinstance(invoice, Invoice)]


@dataclass(frozen=True)
class Filing:
    """One event, or one part of a replay, that is to be filed.

    `settings` are the company's, with what they put before numbers; `caused_by` is the event that a replay repeats;
    `raising`: the invoices are to be raised anew; `contents` is what its invoices said before any lock was taken.
    `target` is None where the company's accounting system is unknown here; `attaches`: files that invoices name are
    to be attached to them.
    """

    asked: InvoiceExportRequested
    envelope: Envelope
    lane: Lane
    target: AccountingTarget | None
    settings: CompanySettings = field(default_factory=CompanySettings)
    caused_by: str | None = None
    raising: bool = False
    attaches: bool = False
    contents: Mapping[str, InvoiceContent] = field(default_factory=dict)

    @cached_property
    def key(self) -> Key:
        """The request's."""
        return self.asked.company, self.asked.request

    @property
    def is_single(self) -> bool:
        """Whether a person waits for the answer."""
        return self.asked.mode == "single"

    def opening(self) -> Opening:
        """What begins the request, if this is its first part."""
        total = len(merge_rules.each_once(self.asked.invoices))
        return Opening(self.asked, self.lane.tenant, total, self.envelope.id, self.caused_by, self.envelope.trace)

    def numbered(self, rows: Mapping[str, Export] | None = None) -> NumberedInvoices:
        """The invoices with their numbers in Xero; those of invoices asked for before stand in their rows, by id."""
        each = merge_rules.each_once(self.asked.invoices)
        newest, prefixes = merge_rules.numbered(each, rows or {}, self.settings, again=self.caused_by is not None)
        return NumberedInvoices(newest, prefixes, parsed_event.contents_of(newest, self.contents))


@dataclass(frozen=True)
class LockedRequest:
    """What is known of a request once its rows are locked; mappings are by invoice, `contacts` by client.

    `unseen` are invoices that nobody asked for before, `excluded` those marked “never send”; `owners` says whose
    each number is, by `number_claims.key`; `contacts` holds the contact a client is linked to now, of invoices in
    Xero; `cancelled` is true for a part that comes after its request was cancelled.
    """

    filing: Filing
    invoices: NumberedInvoices
    rows: Mapping[str, Export]
    unseen: AbstractSet[str]
    excluded: AbstractSet[str] = frozenset()
    cancelled: bool = False
    owners: Mapping[tuple[str, str], Owner] = field(default_factory=dict)
    contacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestPlan:
    """What is to be written: a move for each invoice, columns of its export row, and its place in the request.

    `changes` are rows with the same columns, by a word for these columns; `wanted_again` are exports that a cancel
    must no longer call back.
    """

    known: LockedRequest
    moves: Mapping[str, Move | Failure]
    changes: Mapping[str, Sequence[Row]]
    items: Sequence[Row]

    @property
    def filing(self) -> Filing:
        """What was planned."""
        return self.known.filing

    @property
    def wanted_again(self) -> list[Export]:
        """The exports that this request joins, or waits behind."""
        return [row for id_, row in self.known.rows.items() if self.moves[id_] in _JOINS]

    def fresh(self) -> list[tuple[str, Invoice]]:
        """The invoices whose content is the newest now, with their company."""
        new = (one for one in self.known.invoices.readable if self.moves[one.id] not in ("join", "unchanged"))
        return [(self.filing.asked.company, one) for one in new]

    def files(self) -> list[WantedFile]:
        """The files that the invoices are to have, refused ones too: they may be exported yet."""
        if not self.filing.attaches:
            return []
        company = self.filing.asked.company
        return [file for one in self.known.invoices.readable for file in wanted(company, one.id, one.attachments)]

    def started(self) -> list[int]:
        """The ids of the export rows that begin with this request."""
        return [row.id or 0 for id_, row in self.known.rows.items() if self.moves[id_] == "start"]


def plan(known: LockedRequest, now: datetime) -> RequestPlan:
    """What this request does, at the transaction's time."""
    newest = known.invoices.newest
    moves = {invoice.id: _move(known, invoice) for invoice in newest}
    changes: dict[str, list[Row]] = {}
    for invoice in known.invoices.readable:
        what, row = _change(known, invoice, moves[invoice.id], now)
        if row:
            changes.setdefault(what, []).append({"id": known.rows[invoice.id].id, **row})
    return RequestPlan(known, moves, changes, [_item(known, invoice) for invoice in newest])


def first_row(filing: Filing, invoices: NumberedInvoices, invoice: Invoice, blank: Row, now: datetime) -> Row:
    """The whole row of an invoice that nobody has asked for before, from a `blank` one."""
    content = {**_content(invoices, invoice), "document": filing.settings.document_of(invoice)}
    return blank | _started(content, invoice, SimpleNamespace(**blank), 0 if filing.is_single else 1, now)


def _move(known: LockedRequest, invoice: Invoice | UnreadableInvoice) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        return invoice.failure()
    if known.cancelled:
        return Failure(Reason.CANCELLED)
    filing, row, content = known.filing, known.rows[invoice.id], known.invoices.contents[invoice.id]
    contact = known.contacts.get(invoice.client.id)
    standing = ExportStanding.from_row(row, excluded=invoice.id in known.excluded, contact=contact)
    looks = filing.raising or filing.is_single
    move = merge_rules.decide(standing, invoice.revision, content.content_hash, looks=looks)
    owner = known.owners[number_claims.key(filing.lane, invoice.number)]
    asks = move in ("start", "replace", "wait") and not filing.raising  # raised anew it gets a number of its own
    if asks and owner != Owner(row.company, row.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    wrong = content.broken if move in ("start", "replace") else None
    return wrong or (_document(known, invoice)[1] if asks else None) or move


def _document(known: LockedRequest, invoice: Invoice) -> tuple[Document, Failure | None]:
    """What the invoice goes as, and why it cannot."""
    row = None if invoice.id in known.unseen else known.rows[invoice.id]
    target = known.filing.target
    return merge_rules.document_of(invoice, known.filing.settings, row, target.documents if target else None)


def _change(known: LockedRequest, invoice: Invoice, move: Move | Failure, now: datetime) -> tuple[str, Row | None]:
    """What is written into the invoice's row, and a word that is the same for changes of the same columns."""
    row, single, content = known.rows[invoice.id], known.filing.is_single, _content(known.invoices, invoice)
    content["document"] = _document(known, invoice)[0]
    priority = 0 if single else row.priority
    if invoice.id in known.unseen:
        return "refused", {"state": "failed", "priority": 1, "live_since": None} if move != "start" else None
    if move in ("start", "replace"):
        begins = move == "start" and not single
        return "started", _started(content, invoice, row, 1 if begins else priority, now)
    if move == "wait":
        return "newer", {**content, "priority": priority, "cancelled": False, **_overtaken(row)}
    # A refused content is the newest of an export that is not live, so that a replay can send it.
    if isinstance(move, Failure) and row.state in ("new", "failed") and invoice.revision >= row.wanted_revision:
        return "kept", {**content, "state": "failed"}
    if move == "join" and (priority != row.priority or row.cancelled):
        return "joined", {"priority": priority, "cancelled": False}
    return "as it is", None


def _content(invoices: NumberedInvoices, invoice: Invoice) -> Row:
    content = invoices.contents[invoice.id]
    return {
        "number_prefix": invoices.prefixes[invoice.id],
        "client": invoice.client.id,
        "wanted": content.text,
        "wanted_hash": content.content_hash,
        "wanted_revision": invoice.revision,
    }


def _overtaken(row: Any) -> Row:
    """The content that newer content overtakes is kept while it may be in Xero: its answer is compared with it."""
    may_be_there = row.state in ("exporting", "uncertain") or row.number_bound
    return {"in_flight": (row.in_flight or row.wanted or None) if may_be_there else None}


def _started(content: Row, invoice: Invoice, row: Any, priority: int, now: datetime) -> Row:
    """A pending row with this content. The number stays once an attempt has carried one (exactly-once §b).

    An invoice that is in Xero is known there by its id, so its number may change.
    """
    return {
        **content,
        "number": row.number if row.number_bound and row.xero_invoice_id is None else invoice.number,
        "state": "pending",
        "priority": priority,
        "due_at": now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
        **_overtaken(row),
        "live_since": row.live_since if row.state in merge_rules.LIVE else now,
    }


def _item(known: LockedRequest, invoice: Invoice | UnreadableInvoice) -> Row:
    """The row of the invoice's place in its request."""
    row, content = known.rows.get(invoice.id), known.invoices.contents.get(invoice.id)
    return {
        "company": known.filing.asked.company,
        "request": known.filing.asked.request,
        "invoice": invoice.id,
        "export_id": row.id if row else None,
        "revision": merge_rules.revision(invoice),
        "content_hash": content.content_hash if content else "",
        "state": "waiting",
        "reason": None,
        "answered_at": None,
    }
