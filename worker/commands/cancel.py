"""Cancel what has not been sent. A cancel detaches its own request only (exactly-once §j)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from events.codec import Envelope, Unreadable
from events.export import InvoiceExportFailed
from events.failures import Failure
from events.invoice import Invoice
from events.orders import InvoiceExportCancelRequested
from events.reasons import Reason
from store import audit, bulk_orders, exports, generations, markers, requests
from store.tables import Export, Item
from store.unit_of_work import Work
from worker.decisions import merge_rules
from worker.decisions.merge_rules import Receipt
from worker.export import answering, recording
from worker.export.export_results import ExportRefusal
from worker.tools import Tools

_AT_ONCE = 1000
Way = Literal["detach", "stop", "flag"]


@dataclass
class _Sorted:
    """What a cancel does with each export or item."""

    detach: list[tuple[Item, Export]] = field(default_factory=list)
    stop: list[Export] = field(default_factory=list)
    flag: list[Export] = field(default_factory=list)


def obey(
    work: Work, _tools: Tools, envelope: Envelope, order: InvoiceExportCancelRequested, *_others: Any
) -> Receipt:
    """Answer what can be answered at once, and flag what is in flight. Raises Unreadable for an unknown request."""
    if order.request:
        requests.hold_off_parts(work, order.company, order.request)
    if order.request and requests.known(work, order.company, order.request) is None:
        raise Unreadable(f"data.request: {order.company} has no request “{order.request}”")
    rows = bulk_orders.locked(work, bulk_orders.to_cancel(work, order))
    found = _sort(rows, _waiting(work, rows), order)
    left = {"in_flight": len(found.flag), **_left_out(work, order)}
    _carry_out(work, found)
    if order.request and not order.invoices:
        requests.mark_cancelled(work, order.company, order.request)
        requests.complete_if_done(work, order.company, order.request)
    at_once = len(found.detach) + len(found.stop)
    who, moved = order.requested_by.id, at_once + len(found.flag)
    audit.note(work, who, "cancel", order.company, order.chosen(), moved, order.why)
    counted = {why: count for why, count in left.items() if count}
    return Receipt(envelope.id, order.company, order.request or "", at_once, left_out=counted)


def way(state: str, *, wanted_by_others: bool) -> Way:
    """What a cancel does with an item whose export is in this state; pure."""
    if wanted_by_others or state not in merge_rules.LIVE:
        return "detach"
    return "stop" if state == "pending" else "flag"


def let_go(work: Work, rows: Sequence[Export]) -> None:
    """A new request wants exports whose cancel was waiting: those who cancelled are answered, the exports go on."""
    wanted_again = {row.id: row for row in rows if row.cancelled and row.state in merge_rules.LIVE}
    if not wanted_again:
        return
    items = requests.waiting(work, [id_ for id_ in wanted_again if id_ is not None])
    answering.record_answers(work, [_cancelled(item, wanted_again[item.export_id]) for item in items])
    exports.change(work, [{"id": id_, "cancelled": False} for id_ in wanted_again])


def _withdraw(work: Work, raised: Sequence[Export]) -> None:
    """Where nobody waits for an order to raise anew any more, the invoice is only looked at, as others still want."""
    ids = [export.id for export in raised if export.id is not None]
    ordered = {item.export_id for item in requests.waiting(work, ids) if requests.is_order_to_raise(work, item)}
    left = [export for export in raised if export.id not in ordered]
    generations.withdraw(work, left)
    exports.change(work, [{"id": export.id, "raise_anew": False} for export in left])


def _carry_out(work: Work, found: _Sorted) -> None:
    for pairs in bulk_orders.in_chunks(found.detach, _AT_ONCE):
        answering.record_answers(work, [_cancelled(item, export) for item, export in pairs])
        _withdraw(work, [export for _, export in pairs if export.raise_anew])
    for rows in bulk_orders.in_chunks(found.stop, _AT_ONCE):
        recording.fail(work, [ExportRefusal(export, Failure(Reason.CANCELLED)) for export in rows])
    exports.change(work, [{"id": export.id, "cancelled": True} for export in found.flag])


def _waiting(work: Work, rows: Mapping[int, Export]) -> Mapping[int, Sequence[Item]]:
    """Everyone who waits for these exports, asked for after they were locked."""
    found: dict[int, list[Item]] = defaultdict(list)
    for some in bulk_orders.in_chunks(list(rows), _AT_ONCE):
        for item in requests.waiting(work, some):
            found[item.export_id or 0].append(item)
    return found


def _sort(
    rows: Mapping[int, Export], waiting: Mapping[int, Sequence[Item]], order: InvoiceExportCancelRequested
) -> _Sorted:
    found = _Sorted()
    for id_, items in waiting.items():
        export = rows[id_]
        mine = [item for item in items if order.request in (None, item.request)]
        if not mine:
            continue
        chosen = way(export.state, wanted_by_others=len(mine) < len(items))
        if chosen == "detach":
            found.detach += [(item, export) for item in mine]
        elif chosen == "stop":
            found.stop.append(export)
        else:
            found.flag.append(export)
    return found


def _cancelled(item: Item, export: Export) -> InvoiceExportFailed:
    """The answer for a request that let go of an export which others still want."""
    facts = answering.facts(Invoice.of_kept(export.wanted))
    answer = answering.failed(item, export.number, Failure(Reason.CANCELLED).knowing(**facts))
    return answer.model_copy(update={"marker": markers.marker(export.state, shown="failed")})


def _left_out(work: Work, order: InvoiceExportCancelRequested) -> dict[str, int]:
    """What the order named but finds answered already, or nowhere."""
    named = bulk_orders.named_items(work, order.company, order.request, order.invoices)
    known = {item.invoice for item in named}
    waits = {item.invoice for item in named if item.state == "waiting"}
    return {"answered": len(known - waits), "unknown": len(set(order.invoices) - known)}
