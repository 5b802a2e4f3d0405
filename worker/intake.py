"""Intake: one transaction files an event, its request and a row per invoice; accepted means committed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events import codec
from events.accounting_target import Lane
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice, folded
from events.reasons import Reason
from store import companies, connections, contacts, exports, inbox, requests
from store.tables import Export, Item
from store.unit_of_work import Work
from worker import answering, checks, joining
from worker.joining import Move, Standing
from worker.tools import Tools


@dataclass(frozen=True)
class Receipt:
    """What a door answers: whose request it is, how many invoices were new, and whether we had it before."""

    event: str
    company: str
    request: str
    invoices: int
    repeated: bool = False


@dataclass
class _Filing:
    """One event on its way into the tables."""

    asked: InvoiceExportRequested
    envelope: Envelope
    lane: Lane
    moves: dict[str, Move | Failure] = field(default_factory=dict)
    rows: Mapping[str, Export] = field(default_factory=dict)


def accept(tools: Tools, document: Any) -> Receipt:
    """File one parsed CloudEvent. Raises Unreadable, or inbox.OtherBody for a used id with another body."""
    envelope, asked = codec.read(document)
    if not isinstance(asked, InvoiceExportRequested):
        raise Unreadable(f"type: {envelope.type} is not accepted here")
    body_hash = inbox.fingerprint(json.dumps(document, sort_keys=True, default=str).encode())
    with tools.store.write() as work:
        before = inbox.answered_before(work, envelope.source, envelope.id, body_hash)
        if before is not None:
            return Receipt(**{**before, "repeated": True})
        if not companies.exists(work, asked.company):
            raise Unreadable(f"data.company: there is no company “{asked.company}” here")
        connection = connections.of_company(work, asked.company)
        lane = Lane(asked.company, connection.tenant if connection else "")
        new = _file(work, tools, _Filing(asked, envelope, lane))
        receipt = Receipt(envelope.id, asked.company, asked.request, new)
        inbox.file(work, envelope.source, envelope.id, body_hash, receipt.__dict__)
    tools.bells.ring(lane.key)
    tools.bells.wake_relay()
    return receipt


def _file(work: Work, tools: Tools, filing: _Filing) -> int:
    """Locks in one order everywhere: exports, numbers, items, requests. Gives the number of new items."""
    asked = filing.asked
    requests.open_request(work, asked, filing.lane.tenant, filing.envelope.id)
    newest = _newest_of_each(asked.invoices)
    readable = [invoice for invoice in newest if isinstance(invoice, Invoice)]
    filing.rows = exports.lock(work, filing.lane, readable)
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


def _newest_of_each(invoices: Sequence[Invoice | UnreadableInvoice]) -> list[Invoice | UnreadableInvoice]:
    """Each invoice once: named twice in an event, its newest revision counts."""
    newest: dict[str, Invoice | UnreadableInvoice] = {}
    for invoice in invoices:
        known = newest.get(invoice.id)
        if known is None or _revision(invoice) >= _revision(known):
            newest[invoice.id] = invoice
    return list(newest.values())


def _revision(invoice: Invoice | UnreadableInvoice) -> int:
    return invoice.revision if isinstance(invoice, Invoice) else 0


def _move(filing: _Filing, invoice: Invoice | UnreadableInvoice, owners: Mapping[str, Any]) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        problem = "; ".join(invoice.problems)
        return Failure(Reason.INVOICE_UNREADABLE, {"problem": problem})
    row = filing.rows[invoice.id]
    standing = Standing(
        row.state,
        row.wanted_revision,
        row.wanted_hash,
        row.sent_revision,
        row.sent_hash,
        excluded=row.excluded,
        in_xero=row.xero_invoice_id is not None,
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
            newer.append({**_content(row, invoice), "priority": priority, "cancelled": False})
        elif move == "join" and (priority != row.priority or row.cancelled):
            joined.append({"id": row.id, "priority": priority, "cancelled": False})
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
    """A pending row with this content. The number stays once an attempt has carried one (DESIGN §3 (b)).

    An invoice that is in Xero is known there by its id, so its number may change.
    """
    return {
        **_content(row, invoice),
        "number": row.number if row.number_bound and row.xero_invoice_id is None else invoice.number,
        "state": "pending",
        "priority": priority,
        "due_at": work.now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
        "live_since": row.live_since if row.state in joining.LIVE else work.now,
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
        revision=_revision(invoice),
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
