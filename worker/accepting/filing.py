"""A request on its way into the tables: what it names, its items, and what can be answered at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.accounting_target import Lane
from events.codec import Envelope
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from store import connections
from store.tables import Export, Item
from store.unit_of_work import Work
from worker.decisions import checks, joining
from worker.decisions.joining import Move
from worker.exporting import answering
from worker.tools import Tools

ON_ITS_WAY = ("start", "join", "replace", "wait")  # the moves whose answer comes later


@dataclass
class Filing:
    """One event on its way into the tables.

    `caused_by` is the event a replay repeats, `excluded` names the invoices marked “do not send”, `cancelled` is
    true for a part that comes after its request was cancelled, `prefixes` holds what the company's settings put
    before each invoice's number.
    """

    asked: InvoiceExportRequested
    envelope: Envelope
    lane: Lane
    caused_by: str | None = None
    cancelled: bool = False
    prefixes: dict[str, str] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)
    said: Mapping[str, "Said"] = field(default_factory=dict)
    moves: dict[str, Move | Failure] = field(default_factory=dict)
    rows: Mapping[str, Export] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """What an invoice says, as it is kept; `broken` is what no call to Xero is worth."""

    invoice: Invoice
    text: str
    content_hash: str
    broken: Failure | None


def say(
    invoices: Sequence[Invoice | UnreadableInvoice], before: Mapping[str, Said] | None = None
) -> Mapping[str, Said]:
    """What each readable invoice says, by id; what was said `before` any lock was taken is not worked out again."""
    known = before or {}
    readable = [one for one in joining.each_once(invoices) if isinstance(one, Invoice)]
    return {one.id: known[one.id] if _is_same(known.get(one.id), one) else _say(one) for one in readable}


def _is_same(said: Said | None, invoice: Invoice) -> bool:
    return said is not None and said.invoice is invoice


def _say(invoice: Invoice) -> Said:
    text = invoice.model_dump_json(exclude_none=True)
    return Said(invoice, text, invoice.content_hash(), checks.problem_with(invoice))


def item(filing: Filing, invoice: Invoice | UnreadableInvoice) -> dict[str, Any]:
    """The row of the invoice's place in its request."""
    row = filing.rows.get(invoice.id)
    return {
        "company": filing.asked.company,
        "request": filing.asked.request,
        "invoice": invoice.id,
        "export_id": row.id if row else None,
        "revision": joining.revision(invoice),
        "content_hash": filing.said[invoice.id].content_hash if invoice.id in filing.said else "",
        "state": "waiting",
        "reason": None,
        "answered_at": None,
    }


def answer_at_once(work: Work, tools: Tools, filing: Filing, items: Sequence[Any], invoices: Sequence[Any]) -> None:
    """Answer what needs no call: refused here, or nothing to change in Xero. `items` are rows."""
    by_id = {invoice.id: invoice for invoice in invoices}
    given: list[Any] = []
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
                given.append(answering.succeeded(one, export, organisation, tools.target, "unchanged"))
    answering.give(work, given)
