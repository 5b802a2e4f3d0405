"""Intake: one transaction files an event, its request and a row per invoice; accepted means committed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from events import codec
from events.accounting_target import Lane
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice, folded
from events.orders import InvoiceExportCancelRequested, InvoiceExportReplayRequested
from events.reasons import Reason
from store import audit, companies, connections, contacts, exclusions, exports, inbox, progress, requests
from store.tables import Export
from store.unit_of_work import Work
from worker import backpressure, cancel, checks, filing, joining, parking, pausing, replay, turns
from worker.filing import Filing, Said
from worker.joining import Move, Standing
from worker.receipts import Receipt
from worker.tools import Tools


def accept(tools: Tools, document: Any) -> Receipt:
    """File one parsed CloudEvent.

    Raises Unreadable, inbox.OtherBody for a used id with another body, backpressure.TooMuch.
    """
    envelope, asked = codec.read(document)
    body_hash = inbox.fingerprint(json.dumps(document, sort_keys=True, default=str).encode())
    said = filing.say(asked)
    with tools.store.write() as work:
        before = inbox.answered_before(work, envelope.source, envelope.id, body_hash)
        if before is not None:
            return Receipt(**{**before, "repeated": True})
        if not companies.exists(work, asked.company):
            raise Unreadable(f"data.company: there is no company “{asked.company}” here")
        connection = connections.of_company(work, asked.company)
        if isinstance(asked, InvoiceExportRequested):
            _make_sure_there_is_room(work, tools, asked)
        lane = Lane(asked.company, connection.tenant if connection else connections.NOT_YET)
        receipt = _MOVES[envelope.type](work, tools, envelope, asked, lane, said)
        inbox.file(work, envelope.source, envelope.id, body_hash, receipt.__dict__)
    tools.bells.ring(lane.key, most=turns.MOST if getattr(asked, "mode", None) == "single" else 1)
    tools.bells.wake_relay()
    return receipt


def _make_sure_there_is_room(work: Work, tools: Tools, asked: InvoiceExportRequested) -> None:
    """Raises TooMuch."""
    pending, most = progress.pending_of(work, asked.company), tools.settings.most_pending
    too_much = backpressure.objection(asked.company, pending, most, single=asked.mode == "single")
    if too_much:
        raise too_much


def _request(
    work: Work, tools: Tools, envelope: Envelope, asked: InvoiceExportRequested, lane: Lane, said: Mapping[str, Said]
) -> Receipt:
    new = _file(work, tools, Filing(asked, envelope, lane, said=said))
    pausing.tell_newcomer(work, asked.company, asked.request)
    waits_for = parking.at_intake(work, tools, asked.company, asked.request)
    return Receipt(envelope.id, asked.company, asked.request, new, connection=waits_for)


def _cancel(
    work: Work, _tools: Tools, envelope: Envelope, order: InvoiceExportCancelRequested, *_others: Any
) -> Receipt:
    return cancel.obey(work, envelope, order)


def _replay(
    work: Work, tools: Tools, envelope: Envelope, order: InvoiceExportReplayRequested, lane: Lane, *_others: Any
) -> Receipt:
    found = replay.prepare(work, envelope, order)
    new = sum(_file(work, tools, Filing(part, envelope, lane, found.caused_by)) for part in found.parts)
    audit.note(work, order.requested_by.id, "replay", order.company, order.chosen(), new, order.why)
    return Receipt(envelope.id, order.company, found.request, new, left_out=found.left_out)


_JOINS = ("join", "wait")
_MOVES: Mapping[str, Callable[..., Receipt]] = {
    InvoiceExportRequested.TYPE: _request,
    InvoiceExportCancelRequested.TYPE: _cancel,
    InvoiceExportReplayRequested.TYPE: _replay,
}


def _file(work: Work, tools: Tools, coming: Filing) -> int:
    """Locks in one order everywhere: exports, numbers, items, requests. Gives the number of new items."""
    asked = coming.asked
    requests.open_request(work, asked, coming.lane.tenant, coming.envelope.id, coming.caused_by)
    newest = filing.each_once(asked.invoices)
    readable = [invoice for invoice in newest if isinstance(invoice, Invoice)]
    coming.said = coming.said or filing.say(asked)
    coming.rows = exports.lock(work, coming.lane, readable)
    coming.excluded = exclusions.marked(work, asked.company, list(coming.rows))
    coming.cancelled = requests.is_cancelled(work, asked.company, asked.request)
    owners = exports.claim_numbers(work, coming.lane, readable)
    for invoice in newest:
        coming.moves[invoice.id] = _move(coming, invoice, owners)
    if coming.caused_by is None:  # a replay repeats old words, which must not overrule newer ones
        _keep_contacts(work, asked.company, readable)
    cancel.let_go(work, [row for row in coming.rows.values() if coming.moves[row.invoice] in _JOINS])
    _apply(work, coming, readable)
    items = [filing.item(coming, invoice) for invoice in sorted(newest, key=lambda one: one.id)]
    new = requests.add_items(work, items)
    requests.count_part(work, asked.company, asked.request, asked.part, len(new))
    filing.answer_at_once(work, tools, coming, [item for item in items if item["invoice"] in new], newest)
    requests.complete_if_done(work, asked.company, asked.request)
    return len(new)


def _move(coming: Filing, invoice: Invoice | UnreadableInvoice, owners: Mapping[str, Any]) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        problem = "; ".join(invoice.problems)
        return Failure(Reason.INVOICE_UNREADABLE, {"problem": problem})
    if coming.cancelled:
        return Failure(Reason.CANCELLED)
    row = coming.rows[invoice.id]
    standing = Standing(
        row.state,
        row.wanted_revision,
        row.wanted_hash,
        row.sent_revision,
        row.sent_hash,
        excluded=row.excluded or invoice.id in coming.excluded,
        in_xero=row.xero_invoice_id is not None,
    )
    move = joining.decide(standing, invoice.revision, coming.said[invoice.id].content_hash)
    owner = owners[folded(invoice.number)]
    if move in ("start", "replace", "wait") and (owner.company, owner.invoice) != (row.company, row.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    broken = checks.problem_with(invoice) if move in ("start", "replace") else None
    return broken or move


def _apply(work: Work, coming: Filing, readable: Sequence[Invoice]) -> None:
    single = coming.asked.mode == "single"
    fresh, newer, joined, kept = [], [], [], []
    for invoice in readable:
        row, move = coming.rows[invoice.id], coming.moves[invoice.id]
        priority = 0 if single else row.priority
        if move in ("start", "replace"):
            content = _content(coming, row, invoice)
            fresh.append(_fresh(work, row, invoice, content, 0 if single else (1 if move == "start" else priority)))
        elif move == "wait":
            newer.append({**_content(coming, row, invoice), "priority": priority, "cancelled": False})
        elif isinstance(move, Failure) and _is_worth_keeping(row, invoice):
            kept.append({**_content(coming, row, invoice), "state": "failed"})
        elif move == "join" and (priority != row.priority or row.cancelled):
            joined.append({"id": row.id, "priority": priority, "cancelled": False})
    for rows in (fresh, newer, joined, kept):
        exports.change(work, rows)


def _is_worth_keeping(row: Export, invoice: Invoice) -> bool:
    """Whether a refused content is the newest of an export that is not live, so that a replay can send it."""
    return row.state in ("new", "failed") and invoice.revision >= row.wanted_revision


def _content(coming: Filing, row: Export, invoice: Invoice) -> dict[str, Any]:
    return {
        "id": row.id,
        "client": invoice.client.id,
        "wanted": coming.said[invoice.id].text,
        "wanted_hash": coming.said[invoice.id].content_hash,
        "wanted_revision": invoice.revision,
    }


def _fresh(work: Work, row: Export, invoice: Invoice, content: dict[str, Any], priority: int) -> dict[str, Any]:
    """A pending row with this content. The number stays once an attempt has carried one (DESIGN §3 (b)).

    An invoice that is in Xero is known there by its id, so its number may change.
    """
    return {
        **content,
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
