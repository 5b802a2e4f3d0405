"""Try failed invoices again: a new request with the newest content kept, and a cause.

Raise invoices anew that are voided, deleted or gone in Xero: ordered here, looked at and done by a turn.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from events.codec import Envelope, Unreadable
from events.export import MOST_INVOICES, InvoiceExportRequested
from events.invoice import Invoice
from events.orders import InvoiceExportRaiseAnewRequested, InvoiceExportReplayRequested
from events.snapshot import Origin
from store import bulk_orders, exports, generations, requests
from store.tables import Export
from store.unit_of_work import Work
from worker.decisions import merge_rules


@dataclass(frozen=True)
class Repeated:
    """The requests that ask for invoices once more (parts of one), the event behind them, what is left out by why."""

    parts: Sequence[InvoiceExportRequested]
    caused_by: str
    left_out: dict[str, int]

    @property
    def request(self) -> str:
        """The id of the new request; empty when there is nothing to repeat."""
        return self.parts[0].request if self.parts else ""


def prepare(work: Work, envelope: Envelope, order: InvoiceExportReplayRequested) -> Repeated:
    """What an order to replay asks for anew, its exports locked. Raises Unreadable for an unknown request."""
    caused_by = _cause(work, envelope, order)
    if order.as_request and requests.known(work, order.company, order.as_request):
        raise Unreadable(f"data.as_request: {order.company} has a request “{order.as_request}” already")
    rows = bulk_orders.locked(work, bulk_orders.to_replay(work, order))
    failed = [row for row in rows.values() if row.state == "failed"]
    newest = {row.invoice: row for row in sorted(failed, key=lambda row: (row.wanted_revision, row.id or 0))}
    wanted = [newest[id_] for id_ in sorted(newest)]
    parts = parts_of(order, order.as_request or derived_request(envelope, "replay"), wanted)
    return Repeated(parts, caused_by, _left_out(work, order, set(newest)))


def _cause(work: Work, envelope: Envelope, order: InvoiceExportReplayRequested) -> str:
    """The event of the request that is replayed; of several, what the order says caused it, or the order itself."""
    if not order.request:
        return envelope.causationid or envelope.id
    replayed = requests.known(work, order.company, order.request)
    if replayed is None:
        raise Unreadable(f"data.request: {order.company} has no request “{order.request}”")
    return replayed.source_event


def derived_request(envelope: Envelope, word: str) -> str:
    """A request id that belongs to this order, always the same."""
    return f"{word}-{hashlib.sha256(f'{envelope.source}/{envelope.id}'.encode()).hexdigest()[:16]}"


def parts_of(
    order: InvoiceExportReplayRequested | InvoiceExportRaiseAnewRequested, request: str, rows: Sequence[Export]
) -> list[InvoiceExportRequested]:
    """The request that asks for the newest content of these exports once more, in parts."""
    chunks = list(bulk_orders.in_chunks(rows, MOST_INVOICES))
    return [
        InvoiceExportRequested(
            company=order.company,
            request=request,
            part=part,
            parts=len(chunks),
            requested_by=order.requested_by,
            mode="single" if len(rows) == 1 else "bulk",
            origin=Origin(),
            invoices=tuple(Invoice.of_kept(row.wanted) for row in chunk),
        )
        for part, chunk in enumerate(chunks, start=1)
    ]


def _left_out(work: Work, order: InvoiceExportReplayRequested, taken: set[str]) -> dict[str, int]:
    """What the order named and is not repeated: unreadable (nothing was kept of it), not failed, unknown."""
    if not (order.request or order.invoices):
        return {}
    named = bulk_orders.named_items(work, order.company, order.request, order.invoices)
    left = {item.invoice: item for item in named if item.invoice not in taken}
    unreadable = sum(item.reason == "invoice_unreadable" for item in left.values())
    unknown = len(set(order.invoices) - {item.invoice for item in named})
    counted = {"unreadable": unreadable, "not_failed": len(left) - unreadable, "unknown": unknown}
    return {why: count for why, count in counted.items() if count}


def prepare_anew(work: Work, envelope: Envelope, order: InvoiceExportRaiseAnewRequested) -> Repeated:
    """What an order to raise anew asks for, its exports locked. Raises Unreadable for an unknown request."""
    if order.request and requests.known(work, order.company, order.request) is None:
        raise Unreadable(f"data.request: {order.company} has no request “{order.request}”")
    if order.as_request and requests.known(work, order.company, order.as_request):
        raise Unreadable(f"data.as_request: {order.company} has a request “{order.as_request}” already")
    rows = bulk_orders.locked(work, bulk_orders.to_raise(work, order)).values()
    newest = {row.invoice: row for row in sorted(rows, key=lambda row: row.id or 0)}
    resting = [row for _, row in sorted(newest.items()) if row.state not in merge_rules.LIVE]
    named = set(order.invoices) or set(newest)
    counted = {"under_way": len(newest) - len(resting), "never_sent": len(named - set(newest))}
    parts = parts_of(order, order.as_request or derived_request(envelope, "raise"), resting)
    return Repeated(parts, envelope.id, {why: count for why, count in counted.items() if count})


def note_anew(work: Work, order: InvoiceExportRaiseAnewRequested, started: Sequence[int]) -> None:
    """These exports wait for a turn now, which looks at Xero before it raises them."""
    rows = list(exports.lock_again(work, started).values())
    generations.order(work, rows, order.requested_by.id, order.why, order.number or "")
    exports.change(work, [{"id": row.id, "raise_anew": True} for row in rows])
