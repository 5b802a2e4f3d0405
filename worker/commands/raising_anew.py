"""Raise invoices anew that are voided, deleted or gone in Xero: ordered here, looked at and done by a turn."""

from collections.abc import Sequence

from events.codec import Envelope, Unreadable
from events.orders import InvoiceExportRaiseAnewRequested
from store import choosing, exports, generations, requests
from store.unit_of_work import Work
from worker.commands import replay
from worker.commands.replay import Repeated
from worker.decisions import merge_rules


def prepare(work: Work, envelope: Envelope, order: InvoiceExportRaiseAnewRequested) -> Repeated:
    """What an order to raise anew asks for, its exports locked. Raises Unreadable for an unknown request."""
    if order.request and requests.known(work, order.company, order.request) is None:
        raise Unreadable(f"data.request: {order.company} has no request “{order.request}”")
    if order.as_request and requests.known(work, order.company, order.as_request):
        raise Unreadable(f"data.as_request: {order.company} has a request “{order.as_request}” already")
    rows = choosing.locked(work, choosing.to_raise(work, order)).values()
    newest = {row.invoice: row for row in sorted(rows, key=lambda row: row.id or 0)}
    resting = [row for _, row in sorted(newest.items()) if row.state not in merge_rules.LIVE]
    named = set(order.invoices) or set(newest)
    counted = {"under_way": len(newest) - len(resting), "never_sent": len(named - set(newest))}
    parts = replay.parts_of(order, order.as_request or replay.derived_request(envelope, "raise"), resting)
    return Repeated(parts, envelope.id, {why: count for why, count in counted.items() if count})


def note(work: Work, order: InvoiceExportRaiseAnewRequested, started: Sequence[int]) -> None:
    """These exports wait for a turn now, which looks at Xero before it raises them."""
    rows = list(exports.lock_again(work, started).values())
    generations.order(work, rows, order.requested_by.id, order.why, order.number or "")
    exports.change(work, [{"id": row.id, "raise_anew": True} for row in rows])
