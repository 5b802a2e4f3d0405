"""A request on its way into the tables: what it names, its items, and what can be answered at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.accounting_target import Lane
from events.codec import Envelope
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from store import connections, reconciliations
from store.openings import Key, Opening
from store.outbox import InvoiceAnswer
from store.tables import Export, Item
from store.unit_of_work import Work
from worker.decisions import merge_rules, numbering
from worker.decisions.merge_rules import Move
from worker.export import answering
from worker.intake import parsed_event
from worker.intake.parsed_event import InvoiceContent
from worker.tools import Tools

ON_ITS_WAY = ("start", "join", "replace", "wait")  # the moves whose answer comes later


@dataclass
class Filing:
    """One event, or one part of a replay, on its way into the tables.

    `prefix` is what the company's settings put before numbers, `prefixes` what each invoice got; `caused_by` is the
    event a replay repeats; `unseen` names the invoices that nobody asked for before, `excluded` those marked “do not
    send”; `contacts` are those clients are linked to now, of invoices in Xero; `raising`: they are to be raised anew;
    `cancelled` is true for a part that comes after its request was cancelled. `newest` holds each invoice once, `new`
    counts those that are new to the request.
    """

    asked: InvoiceExportRequested
    envelope: Envelope
    lane: Lane
    prefix: str = ""
    caused_by: str | None = None
    cancelled: bool = False
    raising: bool = False
    said: Mapping[str, InvoiceContent] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)
    rows: Mapping[str, Export] = field(default_factory=dict)
    contacts: Mapping[str, str] = field(default_factory=dict)
    moves: dict[str, Move | Failure] = field(default_factory=dict)
    new: int = 0

    def __post_init__(self) -> None:
        self.newest = merge_rules.each_once(self.asked.invoices)

    @property
    def key(self) -> Key:
        """The request's."""
        return self.asked.company, self.asked.request

    @property
    def readable(self) -> list[Invoice]:
        """The invoices that can be read."""
        return [invoice for invoice in self.newest if isinstance(invoice, Invoice)]

    def opening(self) -> Opening:
        """What begins the request, if this is its first part."""
        return Opening(self.asked, self.lane.tenant, len(self.newest), self.envelope.id, self.caused_by)

    def number(self) -> None:
        """Give the invoices their numbers in Xero; those of invoices asked for before stand in their rows."""
        again, asked = self.caused_by is not None, merge_rules.each_once(self.asked.invoices)
        self.newest, self.prefixes = numbering.numbered(asked, self.rows, self.prefix, again=again)
        self.said = parsed_event.contents_of(self.newest, self.said)


def item(filing: Filing, invoice: Invoice | UnreadableInvoice) -> dict[str, Any]:
    """The row of the invoice's place in its request."""
    row = filing.rows.get(invoice.id)
    return {
        "company": filing.asked.company,
        "request": filing.asked.request,
        "invoice": invoice.id,
        "export_id": row.id if row else None,
        "revision": merge_rules.revision(invoice),
        "content_hash": filing.said[invoice.id].content_hash if invoice.id in filing.said else "",
        "state": "waiting",
        "reason": None,
        "answered_at": None,
    }


def answers_at_once(
    work: Work, tools: Tools, filing: Filing, items: Sequence[Mapping[str, Any]]
) -> list[InvoiceAnswer]:
    """What needs no call is answered: refused here, or nothing to change in Xero. `items` are rows."""
    by_id = {invoice.id: invoice for invoice in filing.newest}
    given: list[InvoiceAnswer] = []
    for row in items:
        if filing.moves[row["invoice"]] in ON_ITS_WAY:
            continue
        one = Item(**row)
        move, invoice = filing.moves[one.invoice], by_id[one.invoice]
        if isinstance(move, Failure):
            failure = answering.told_of(invoice, move) if isinstance(invoice, Invoice) else move
            given.append(answering.failed(one, invoice.number, failure))
        elif move == "unchanged":
            organisation = connections.organisation(work, filing.lane)
            if organisation:
                export = filing.rows[one.invoice]
                until = reconciliations.compared_until(work, filing.lane)
                told = answering.succeeded(one, export, organisation, tools.target, "unchanged", until)
                cleaned = invoice.cleaned if isinstance(invoice, Invoice) else ()
                given.append(told.model_copy(update={"cleaned": cleaned}))
    return given
