"""Intake: one transaction files an event, its request and a row per invoice; accepted means committed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events import codec
from events.accounting_target import Lane
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice, folded
from events.orders import InvoiceExportCancelRequested, InvoiceExportReplayRequested
from events.reasons import Reason
from store import audit, companies, connections, contacts, exclusions, exports, inbox, requests
from store.tables import Export, Item
from store.unit_of_work import Work
from worker import answering, cancel, checks, joining, pausing, replay
from worker.joining import Move, Standing
from worker.naming import each_once, revision_of
from worker.receipts import Receipt
from worker.tools import Tools


@dataclass
class _Filing:
    """One event on its way into the tables. `caused_by` is the event a replay repeats."""

    asked: InvoiceExportRequested
    envelope: Envelope
    lane: Lane
    caused_by: str | None = None
    cancelled: bool = False
    excluded: set[str] = field(default_factory=set)
    moves: dict[str, Move | Failure] = field(default_factory=dict)
    rows: Mapping[str, Export] = field(default_factory=dict)


def accept(tools: Tools, document: Any) -> Receipt:
    """File one parsed CloudEvent. Raises Unreadable, or inbox.OtherBody for a used id with another body."""
    envelope, asked = codec.read(document)
    body_hash = inbox.fingerprint(json.dumps(document, sort_keys=True, default=str).encode())
    with tools.store.write() as work:
        before = inbox.answered_before(work, envelope.source, envelope.id, body_hash)
        if before is not None:
            return Receipt(**{**before, "repeated": True})
        if not companies.exists(work, asked.company):
            raise Unreadable(f"data.company: there is no company “{asked.company}” here")
        connection = connections.of_company(work, asked.company)
        lane = Lane(asked.company, connection.tenant if connection else "")
        receipt = _MOVES[envelope.type](work, tools, envelope, asked, lane)
        inbox.file(work, envelope.source, envelope.id, body_hash, receipt.__dict__)
    tools.bells.ring(lane.key)
    tools.bells.wake_relay()
    return receipt


def _request(
    work: Work, tools: Tools, envelope: Envelope, asked: InvoiceExportRequested, lane: Lane
) -> Receipt:
    new = _file(work, tools, _Filing(asked, envelope, lane))
    pausing.tell_newcomer(work, asked.company, asked.request)
    return Receipt(envelope.id, asked.company, asked.request, new)


def _cancel(
    work: Work, _tools: Tools, envelope: Envelope, order: InvoiceExportCancelRequested, _lane: Lane
) -> Receipt:
    return cancel.obey(work, envelope, order)


def _replay(
    work: Work, tools: Tools, envelope: Envelope, order: InvoiceExportReplayRequested, lane: Lane
) -> Receipt:
    found = replay.prepare(work, envelope, order)
    new = sum(_file(work, tools, _Filing(part, envelope, lane, found.caused_by)) for part in found.parts)
    audit.note(work, order.requested_by.id, "replay", order.company, order.chosen(), new, order.why)
    return Receipt(envelope.id, order.company, found.request, new, left_out=found.left_out)


_MOVES: Mapping[str, Callable[..., Receipt]] = {
    InvoiceExportRequested.TYPE: _request,
    InvoiceExportCancelRequested.TYPE: _cancel,
    InvoiceExportReplayRequested.TYPE: _replay,
}


def _file(work: Work, tools: Tools, filing: _Filing) -> int:
    """Locks in one order everywhere: exports, numbers, items, requests. Gives the number of new items."""
    asked = filing.asked
    requests.open_request(work, asked, filing.lane.tenant, filing.envelope.id, filing.caused_by)
    newest = each_once(asked.invoices)
    readable = [invoice for invoice in newest if isinstance(invoice, Invoice)]
    filing.rows = exports.lock(work, filing.lane, readable)
    filing.excluded = exclusions.marked(work, asked.company, list(filing.rows))
    filing.cancelled = requests.is_cancelled(work, asked.company, asked.request)
    owners = exports.claim_numbers(work, filing.lane, readable)
    for invoice in newest:
        filing.moves[invoice.id] = _move(filing, invoice, owners)
    _keep_contacts(work, asked.company, readable)
    _apply(work, filing, readable)
    items = [_item(filing, invoice) for invoice in sorted(newest, key=lambda one: one.id)]
    new = requests.add_items(work, [item.model_dump() for item in items])
    requests.count_part(work, asked.company, asked.request, asked.part, len(new))
    _answer_at_once(work, tools, filing, [item for item in items if item.invoice in new], newest)
    requests.complete_if_done(work, asked.company, asked.request)
    return len(new)


def _move(filing: _Filing, invoice: Invoice | UnreadableInvoice, owners: Mapping[str, Any]) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        problem = "; ".join(invoice.problems)
        return Failure(Reason.INVOICE_UNREADABLE, {"problem": problem})
    row = filing.rows[invoice.id]
    standing = Standing(
        row.state, row.wanted_revision, row.wanted_hash, row.sent_revision, row.sent_hash, row.excluded
    )
    move = joining.decide(standing, invoice.revision, invoice.content_hash())
    owner = owners[folded(invoice.number)]
    if move in ("start", "replace", "wait") and (owner.company, owner.invoice) != (row.company, row.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    broken = checks.problem_with(invoice) if move in ("start", "replace") else None
    return broken or move


def _apply(work: Work, filing: _Filing, readable: Sequence[Invoice]) -> None:
    single = filing.asked.mode == "single"
    fresh, newer, joined = [], [], []
    for invoice in readable:
        row, move = filing.rows[invoice.id], filing.moves[invoice.id]
        priority = 0 if single else row.priority
        if move in ("start", "replace"):
            fresh.append(_fresh(work, row, invoice, 0 if single else (1 if move == "start" else priority)))
        elif move == "wait":
            newer.append(_content(row, invoice))
        elif move == "join" and priority != row.priority:
            joined.append({"id": row.id, "priority": priority})
    for rows in (fresh, newer, joined):
        exports.change(work, rows)


def _content(row: Export, invoice: Invoice) -> dict[str, Any]:
    return {
        "id": row.id,
        "client": invoice.client.id,
        "wanted": invoice.model_dump_json(exclude_none=True),
        "wanted_hash": invoice.content_hash(),
        "wanted_revision": invoice.revision,
    }


def _fresh(work: Work, row: Export, invoice: Invoice, priority: int) -> dict[str, Any]:
    """A pending row with this content. The number stays once an attempt has carried one (DESIGN §3 (b))."""
    return {
        **_content(row, invoice),
        "number": row.number if row.number_bound else invoice.number,
        "state": "pending",
        "priority": priority,
        "due_at": work.now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
    }


def _keep_contacts(work: Work, company: str, invoices: Sequence[Invoice]) -> None:
    """A host that keeps the Xero contact itself sends it along: the newest word wins."""
    said = {one.client.id: one.client.xero_contact_id for one in invoices if one.client.xero_contact_id}
    for client, contact in sorted(said.items()):
        contacts.link(work, company, client, contact, said_by="host")


def _item(filing: _Filing, invoice: Invoice | UnreadableInvoice) -> Item:
    row = filing.rows.get(invoice.id)
    return Item(
        company=filing.asked.company,
        request=filing.asked.request,
        invoice=invoice.id,
        export_id=row.id if row else None,
        revision=revision_of(invoice),
        content_hash=invoice.content_hash() if isinstance(invoice, Invoice) else "",
    )


def _answer_at_once(
    work: Work, tools: Tools, filing: _Filing, items: Sequence[Item], invoices: Sequence[Any]
) -> None:
    """Answer what needs no call: refused here, or nothing to change in Xero."""
    by_id = {invoice.id: invoice for invoice in invoices}
    given: list[Any] = []
    for item in items:
        move, invoice = filing.moves[item.invoice], by_id[item.invoice]
        if isinstance(move, Failure):
            facts = answering.facts(invoice) if isinstance(invoice, Invoice) else {}
            given.append(answering.failed(item, invoice.number, move.knowing(**facts)))
        elif move == "unchanged":
            organisation = connections.organisation(work, filing.lane)
            if organisation:
                row = filing.rows[item.invoice]
                given.append(answering.succeeded(item, row, organisation, tools.target, "unchanged"))
    answering.give(work, given)
