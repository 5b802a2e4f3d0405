"""Requests and their items: who still waits for an answer, and when a request is complete."""

import functools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func
from sqlmodel import col, select, update

from events.accounting_target import Lane
from events.export import InvoiceExportFailed, InvoiceExportRequested
from events.notices import summary
from events.requests import InvoiceExportCompleted
from store import statements
from store.outbox import InvoiceAnswer, Outgoing, publish_once
from store.progress import locked, reasons
from store.tables import Item, Request
from store.tables.columns import word
from store.unit_of_work import Work


def open_request(
    work: Work, asked: InvoiceExportRequested, tenant: str, event_id: str, caused_by: str | None = None
) -> bool:
    """Remember the request; False for a later part of it, which changes nothing here.

    `caused_by` is the event a replay repeats.
    """
    row = {
        "company": asked.company,
        "id": asked.request,
        "tenant": tenant,
        "mode": asked.mode,
        "requested_by": asked.requested_by.id,
        "source_event": event_id,
        "parts": asked.parts,
        "parts_received": "",
        "total": 0,
        "exported": 0,
        "failed": 0,
        "unchanged": 0,
        "created_at": work.now,
        "caused_by": caused_by,
    }
    return bool(statements.insert_new(work, Request, [row], returning="id"))


def one_part_at_a_time(work: Work, company: str, request: str, *, alone: bool) -> None:
    """Parts of a request may be filed side by side (`alone` false); its cancel (`alone` true) sees all of a part or
    nothing. To be called before anything is locked; SQLite has one writer anyway.
    """
    if work.on_sqlite:
        return
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    work.session.exec(select(lock(func.hashtext("parts"), func.hashtext(f"{company}/{request}"))))


def known(work: Work, company: str, request: str) -> Request | None:
    """The request, or None when the company never made it."""
    return work.session.get(Request, (company, request))


def is_cancelled(work: Work, company: str, request: str) -> bool:
    """Whether the whole request was cancelled before."""
    return bool((row := known(work, company, request)) and row.cancelled_at)


def mark_cancelled(work: Work, company: str, request: str) -> None:
    """The whole request was cancelled: a part of it that comes later is cancelled as well."""
    row = locked(work, company, request)
    row.cancelled_at = row.cancelled_at or work.now
    work.session.flush()


def add_items(work: Work, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Add waiting items; give the invoices that the request did not name before."""
    return statements.insert_new(work, Item, rows, returning="invoice")


def count_part(work: Work, company: str, request: str, part: int, new_items: int) -> None:
    """One part of the request has arrived with this many invoices that are new to it; it may be the last one."""
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
    counted = []
    for company, request in sorted({(answer.company, answer.request) for answer in answers}):
        mine = [answer for answer in answers if (answer.company, answer.request) == (company, request)]
        counted.append(_count(work, company, request, mine))
        if _has_all_answers(counted[-1]):
            complete_if_done(work, company, request)
    return counted


def _count(work: Work, company: str, request: str, answers: Sequence[InvoiceAnswer]) -> Any:
    """Count the answers; gives the request's row as it is then, locked, to be read only."""
    outcomes = Counter(getattr(answer, "outcome", "failed") for answer in answers)
    failed = outcomes.pop("failed", 0)
    more = {"more_exported": sum(outcomes.values()), "more_unchanged": outcomes["unchanged"], "more_failed": failed}
    return statements.run(work, _counted(), of_company=company, of_request=request, **more).one()


@functools.cache
def _counted() -> Any:
    mine = (col(Request.company) == bindparam("of_company"), col(Request.id) == bindparam("of_request"))
    columns = {"exported": col(Request.exported), "unchanged": col(Request.unchanged), "failed": col(Request.failed)}
    counted = {name: column + bindparam(f"more_{name}") for name, column in columns.items()}
    return update(Request).where(*mine).values(counted).returning(Request)


def complete_if_done(work: Work, company: str, request: str) -> None:
    """Publish `completed` when every invoice has its answer and no part is waited for any more; once.

    Its moment is that under the request's lock, after those of all its answers, whatever order their commits took.
    """
    row = locked(work, company, request)
    if not _has_all_answers(row):
        return
    row.completed_at = work.now
    work.session.flush()
    causes = reasons(work, company, request) if row.failed else {}
    event = InvoiceExportCompleted(
        company=company,
        request=request,
        total=row.total,
        exported=row.exported,
        failed=row.failed,
        reasons=causes,
        notification=summary(row.exported, row.failed, causes),
    )
    cause = row.caused_by or row.source_event
    publish_once(work, Outgoing(event, company, request, f"completed/{company}/{request}", cause), work.moment())


def _has_all_answers(row: Request) -> bool:
    """Whether to complete it now. One that was cancelled or given up does not wait for parts, but answers them."""
    arrived = sum(map(bool, row.parts_received.split(",")))
    waits = arrived < row.parts and row.cancelled_at is None and row.given_up_at is None
    return not (row.completed_at or waits) and row.exported + row.failed >= row.total
