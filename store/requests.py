"""Requests and their items: who still waits for an answer, and when a request is complete."""

import functools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from events.accounting_target import Lane
from events.export import InvoiceExportFailed
from events.notices import summary
from events.requests import InvoiceExportCompleted
from store import statements
from store.outbox import InvoiceAnswer, Outgoing, publish_each_once
from store.progress import locked, reasons
from store.tables import Item, Request
from store.tables.columns import word
from store.unit_of_work import Work


def known(work: Work, company: str, request: str) -> Request | None:
    """The request as it is now, to be read only; None when the company never made it."""
    found: Request | None = statements.look_up(work, Request, company=company, id=request)
    return found


def is_order_to_raise(work: Work, item: Item) -> bool:
    """Whether the item's request is an order to raise invoices anew: that is its own cause."""
    request = known(work, item.company, item.request)
    return request is not None and request.caused_by == request.source_event


def is_cancelled(work: Work, company: str, request: str) -> bool:
    """Whether the whole request was cancelled before."""
    return bool((row := known(work, company, request)) and row.cancelled_at)


def mark_cancelled(work: Work, company: str, request: str) -> None:
    """The whole request was cancelled: a part of it that comes later is cancelled as well."""
    row = locked(work, company, request)
    row.cancelled_at = row.cancelled_at or work.now
    work.session.flush()


def add_items(work: Work, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Add waiting items, ordered by key (company, request, invoice); gives the keys of those that are new."""
    key = ("company", "request", "invoice")
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in key))
    return {(one[0], one[1], one[2]) for one in statements.insert_new_keys(work, Item, ordered, *key)}


def count_part(work: Work, company: str, request: str, part: int, new_items: int) -> None:
    """A further part of the request has arrived with this many invoices new to it; it may be the last one."""
    row = locked(work, company, request)
    parts = {int(number) for number in row.parts_received.split(",") if number} | {part}
    row.parts_received = ",".join(str(number) for number in sorted(parts))
    row.total += new_items
    work.session.flush()
    if _has_all_answers(row):
        complete_if_done(work, company, request)


def waiting(work: Work, export_ids: Collection[int]) -> Sequence[Item]:
    """The items that still wait for these exports, of any request."""
    return statements.rows(work, _waiting(on_sqlite=work.on_sqlite), ids=sorted(export_ids))


@functools.cache
def _waiting(*, on_sqlite: bool) -> Any:
    mine = statements.among(col(Item.export_id), "ids", on_sqlite=on_sqlite)
    ordered = select(Item).order_by(col(Item.company), col(Item.invoice), col(Item.request))
    return ordered.where(mine, Item.state == word("waiting"))


def open_ones(work: Work, company: str | None = None, most: int | None = None) -> Sequence[Request]:
    """Requests of a company, or of all, that still have invoices without an answer, oldest first."""
    asked = select(Request).where(col(Request.completed_at).is_(None)).order_by(col(Request.created_at)).limit(most)
    return work.session.exec(asked.where(Request.company == company) if company else asked).all()


def unfinished(work: Work, lane: Lane, most: int = 200) -> Sequence[Request]:
    """Requests of the lane that still have invoices without an answer, oldest first."""
    asked = select(Request).where(
        Request.company == lane.company, Request.tenant == lane.tenant, col(Request.completed_at).is_(None)
    )
    return work.session.exec(asked.order_by(col(Request.created_at)).limit(most)).all()


def settle_items(work: Work, answers: Sequence[InvoiceAnswer]) -> Sequence[Request]:
    """Mark the items answered, count them, and complete the requests that have nothing left.

    Gives the requests as they were counted, to be read only.
    """
    rows = [
        {
            "company": answer.company,
            "request": answer.request,
            "invoice": answer.invoice,
            "state": "failed" if isinstance(answer, InvoiceExportFailed) else "exported",
            "reason": getattr(answer, "reason", None),
            "answered_at": work.now,
        }
        for answer in answers
    ]
    statements.change(work, Item, ("company", "request", "invoice"), rows)
    counted = _count(work, answers)
    _complete(work, [row for row in counted if _has_all_answers(row)])
    return counted


def _count(work: Work, answers: Sequence[InvoiceAnswer]) -> Sequence[Any]:
    """Count the answers; gives their requests' rows as they are then, locked, to be read only."""
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for answer in answers:
        counted[answer.company, answer.request][getattr(answer, "outcome", "failed")] += 1
    rows = [
        {
            "company": company,
            "id": request,
            "exported": outcomes.total() - outcomes["failed"],
            "unchanged": outcomes["unchanged"],
            "failed": outcomes["failed"],
        }
        for (company, request), outcomes in sorted(counted.items())
    ]
    return statements.add(work, Request, ("company", "id"), rows)


def complete_if_done(work: Work, company: str, request: str) -> None:
    """Complete the request when every invoice has its answer and no part is waited for any more."""
    row = locked(work, company, request)
    if _has_all_answers(row):
        _complete(work, [row])


def _complete(work: Work, rows: Sequence[Any]) -> None:
    """Publish `completed` for these locked requests, once.

    Its moment is that under the request's lock, after those of all its answers, whatever order their commits took.
    """
    if rows:
        done = [{"company": row.company, "id": row.id, "completed_at": work.now} for row in rows]
        statements.change(work, Request, ("company", "id"), done)
        publish_each_once(work, [_completed(work, row) for row in rows], work.moment())


def _completed(work: Work, row: Any) -> Outgoing:
    causes = reasons(work, row.company, row.id) if row.failed else {}
    event = InvoiceExportCompleted(
        company=row.company,
        request=row.id,
        total=row.total,
        exported=row.exported,
        failed=row.failed,
        reasons=causes,
        notification=summary(row.exported, row.failed, causes),
    )
    cause = row.caused_by or row.source_event
    return Outgoing(event, row.company, row.id, f"completed/{row.company}/{row.id}", cause)


def _has_all_answers(row: Any) -> bool:
    """Whether to complete it now. One that was cancelled or given up does not wait for parts, but answers them."""
    arrived = sum(map(bool, row.parts_received.split(",")))
    waits = arrived < row.parts and row.cancelled_at is None and row.given_up_at is None
    return not (row.completed_at or waits) and row.exported + row.failed >= row.total
