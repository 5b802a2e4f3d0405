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
from events.preview import InvoiceExportPreviewRequested
from events.reasons import Reason
from events.wording import of_fields
from store import audit, companies, connections, exclusions, exports, inbox, progress, requests
from store.unit_of_work import Work
from worker.accepting import filing, placing
from worker.accepting.filing import Filing, Said
from worker.contacts import filing_changes, host_contacts
from worker.decisions import backpressure, joining, numbering, turns
from worker.decisions.joining import Move, Standing
from worker.decisions.receipts import Receipt
from worker.orders import cancel, replay
from worker.previewing import previews
from worker.tools import Tools
from worker.waiting import parking, pausing


def accept(tools: Tools, document: Any) -> Receipt:
    """File one parsed CloudEvent.

    Raises Unreadable, inbox.OtherBody for a used id with another body, backpressure.TooMuch.
    """
    envelope, asked = codec.read(document)
    body_hash = inbox.fingerprint(json.dumps(document, sort_keys=True, default=str).encode())
    said = filing.say(asked.invoices) if isinstance(asked, InvoiceExportRequested) else {}
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
    if envelope.type == InvoiceExportPreviewRequested.TYPE:
        tools.bells.wake_previews()
    elif envelope.type in filing_changes.MOVES:
        tools.bells.wake_changes()
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


def _preview(
    work: Work, _tools: Tools, envelope: Envelope, asked: InvoiceExportPreviewRequested, *_others: Any
) -> Receipt:
    return previews.file(work, envelope, asked)


_JOINS = ("join", "wait")
_MOVES: Mapping[str, Callable[..., Receipt]] = {
    InvoiceExportRequested.TYPE: _request,
    InvoiceExportCancelRequested.TYPE: _cancel,
    InvoiceExportReplayRequested.TYPE: _replay,
    **filing_changes.MOVES,
    InvoiceExportPreviewRequested.TYPE: _preview,
}


def _file(work: Work, tools: Tools, coming: Filing) -> int:
    """Locks in one order everywhere: exports, numbers, items, requests. Gives the number of new items."""
    asked = coming.asked
    requests.one_part_at_a_time(work, asked.company, asked.request, alone=False)
    first = requests.open_request(work, asked, coming.lane.tenant, coming.envelope.id, coming.caused_by)
    newest = joining.each_once(asked.invoices)
    coming.rows = exports.lock(work, coming.lane, _readable(newest))
    prefix = companies.settings_of(work, asked.company).number_prefix or ""
    newest, coming.prefixes = numbering.numbered(newest, coming.rows, prefix, again=coming.caused_by is not None)
    readable = _readable(newest)
    coming.said = filing.say(readable, coming.said)
    coming.excluded = exclusions.marked(work, asked.company, list(coming.rows))
    coming.cancelled = not first and requests.is_cancelled(work, asked.company, asked.request)
    owners = exports.claim_numbers(work, coming.lane, readable)
    for invoice in newest:
        coming.moves[invoice.id] = _move(coming, invoice, owners)
    if coming.caused_by is None:  # a replay repeats old words, which must not overrule newer ones
        host_contacts.keep(work, tools, asked.company, readable)
    cancel.let_go(work, [row for row in coming.rows.values() if coming.moves[row.invoice] in _JOINS])
    placing.place(work, coming, readable)
    items = [filing.item(coming, invoice) for invoice in sorted(newest, key=lambda one: one.id)]
    new = requests.add_items(work, items)
    requests.count_part(work, asked.company, asked.request, asked.part, len(new))
    filing.answer_at_once(work, tools, coming, [item for item in items if item["invoice"] in new], newest)
    return len(new)


def _readable(invoices: Sequence[Invoice | UnreadableInvoice]) -> list[Invoice]:
    return [invoice for invoice in invoices if isinstance(invoice, Invoice)]


def _move(coming: Filing, invoice: Invoice | UnreadableInvoice, owners: Mapping[str, Any]) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        return Failure(Reason.INVOICE_UNREADABLE, {"problem": of_fields(invoice.problems)})
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
    broken = coming.said[invoice.id].broken if move in ("start", "replace") else None
    return broken or move
