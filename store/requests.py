"""Requests and their items: who still waits for an answer, and when a request is complete.

Requests as they come, in parts: opened by the first, and held against their cancel meanwhile.
What nobody would ever answer: items whose export is at rest, requests whose parts did not come.
Requests of many invoices, as pages list them: newest first, of one company or of all, by state.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, text
from sqlmodel import col, select

from events.accounting_target import Lane
from events.export import (
    InvoiceExportCompleted,
    InvoiceExportFailed,
    InvoiceExportRequested,
    asked_by,
    summary,
)
from events.snapshot import Person
from store import statements
from store.exports import in_lock_order
from store.outbox import InvoiceAnswer, Outgoing, of_request, publish_each_once
from store.paging import PageFound, PageWanted, page_of
from store.progress import is_unwanted, locked, reasons
from store.tables import Company, Export, Item, Request
from store.tables.columns import word
from store.unit_of_work import Work

Key = tuple[str, str]  # of a request: its company and id
_NONE: Mapping[Key, InvoiceExportFailed] = {}


def known(work: Work, company: str, request: str) -> Request | None:
    """The request as it is now, to be read only; None when the company never made it."""
    found: Request | None = statements.look_up(work, Request, company=company, id=request)
    return found


def askers(work: Work, requests: Collection[Key]) -> Mapping[Key, Person]:
    """Who asked for each of these requests; one that names nobody is left out."""
    named = [{"company": company, "id": id_} for company, id_ in sorted(set(requests))]
    found = {
        (row.company, row.id): asked_by(row.requested_by, row.requested_by_name)
        for row in statements.find(work, Request, named)
    }
    return {key: person for key, person in found.items() if person}


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
    """The items that still wait for these exports, of any request, each with what `outbox.of_request` names."""
    return statements.rows(work, _waiting(on_sqlite=work.on_sqlite), ids=sorted(export_ids))


@functools.cache
def _waiting(*, on_sqlite: bool) -> Any:
    mine = statements.among(col(Item.export_id), "ids", on_sqlite=on_sqlite)
    whose = (col(Request.company) == col(Item.company)) & (col(Request.id) == col(Item.request))
    asked = select(*Item.__table__.c, *of_request()).outerjoin_from(Item, Request, whose)  # type: ignore[attr-defined]
    ordered = asked.order_by(col(Item.company), col(Item.invoice), col(Item.request))
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


def traces(work: Work, batch_ids: Collection[str], most: int) -> list[str]:
    """The traces of the requests that wait for the invoices of these batches, the oldest first."""
    mine = select(Request.trace, func.min(Request.created_at).label("since")).join(
        Item, (col(Item.company) == col(Request.company)) & (col(Item.request) == col(Request.id))
    )
    mine = mine.join(Export, col(Export.id) == col(Item.export_id)).where(
        col(Export.batch_id).in_(batch_ids), Item.state == word("waiting"), col(Request.trace).is_not(None)
    )
    rows = statements.rows(work, mine.group_by(col(Request.trace)).order_by(text("since")).limit(most))
    return [row.trace for row in rows]


def settle_items(work: Work, answers: Sequence[InvoiceAnswer]) -> tuple[Sequence[Request], Sequence[Outgoing]]:
    """Mark the items answered, count them, and complete the requests that have nothing left.

    Gives the requests as they were counted, to be read only, and the `completed` that are to be published.
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
    failed = {
        (answer.company, answer.request): answer for answer in answers if isinstance(answer, InvoiceExportFailed)
    }
    return counted, _complete(work, [row for row in counted if _has_all_answers(row)], failed)


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
        publish_each_once(work, _complete(work, [row]))


def _complete(
    work: Work, rows: Sequence[Any], failed: Mapping[Key, InvoiceExportFailed] = _NONE
) -> Sequence[Outgoing]:
    """Complete these locked requests; gives what is to be published. `failed` are answers that were given just now.

    Its moment is that under the request's lock, after those of all its answers, whatever order their commits took.
    """
    if not rows:
        return ()
    done = [{"company": row.company, "id": row.id, "completed_at": work.now} for row in rows]
    statements.change(work, Request, ("company", "id"), done)
    at = work.moment()
    return [_completed(work, row, failed.get((row.company, row.id)), at) for row in rows]


def _completed(work: Work, row: Any, failed: InvoiceExportFailed | None, at: datetime) -> Outgoing:
    causes = reasons(work, row.company, row.id) if row.failed else {}
    alone = failed.notification if failed and row.total == 1 else None
    event = InvoiceExportCompleted(
        company=row.company,
        request=row.id,
        total=row.total,
        exported=row.exported,
        failed=row.failed,
        reasons=causes,
        notification=alone or summary(row.exported, row.failed, causes),
        requested_by=asked_by(row.requested_by, row.requested_by_name),
    )
    cause = row.caused_by or row.source_event
    return Outgoing(event, row.company, row.id, f"completed/{row.company}/{row.id}", cause, row.trace, at)


def _has_all_answers(row: Any) -> bool:
    """Whether to complete it now. One that was cancelled or given up does not wait for parts, but answers them."""
    arrived = sum(map(bool, row.parts_received.split(",")))
    waits = arrived < row.parts and row.cancelled_at is None and row.given_up_at is None
    return not (row.completed_at or waits) and row.exported + row.failed >= row.total


_HOLD_PARTS = text(
    "SELECT pg_advisory_xact_lock_shared(hashtext('parts'), hashtext(key)) FROM unnest(CAST(:keys AS text[])) AS key"
)
_HOLD_OFF_PARTS = text("SELECT pg_advisory_xact_lock(hashtext('parts'), hashtext(:key))")


@dataclass(frozen=True)
class Opening:
    """What begins a request, unless it has begun: one part of it with `total` invoices, and the event it came in.

    `caused_by` is the event a replay repeats, `trace` where it belongs.
    """

    asked: InvoiceExportRequested
    tenant: str
    total: int
    source_event: str
    caused_by: str | None = None
    trace: str | None = None

    @property
    def key(self) -> Key:
        """The request's."""
        return self.asked.company, self.asked.request


def open_each(work: Work, openings: Sequence[Opening]) -> set[Key]:
    """Remember these requests, each once; gives those that are new. Another one's part is still to be counted."""
    rows = [_row(work, one) for one in sorted(openings, key=lambda one: one.key)]
    return {(company, id_) for company, id_ in statements.insert_new_keys(work, Request, rows, "company", "id")}


def _row(work: Work, opening: Opening) -> dict[str, Any]:
    asked = opening.asked
    return {
        "company": asked.company,
        "id": asked.request,
        "tenant": opening.tenant,
        "mode": asked.mode,
        "requested_by": asked.requested_by.id,
        "requested_by_name": asked.requested_by.name,
        "source_event": opening.source_event,
        "parts": asked.parts,
        "parts_received": str(asked.part),
        "total": opening.total,
        "exported": 0,
        "failed": 0,
        "unchanged": 0,
        "created_at": work.now,
        "caused_by": opening.caused_by,
        "trace": opening.trace,
    }


def hold_parts(work: Work, requests: Collection[Key]) -> None:
    """Parts of a request may be filed side by side; its cancel sees all of a part or nothing.

    To be called before anything is locked; SQLite has one writer anyway.
    """
    if not work.on_sqlite:
        keys = sorted(f"{company}/{request}" for company, request in requests)
        statements.run(work, _HOLD_PARTS, keys=keys).all()


def hold_off_parts(work: Work, company: str, request: str) -> None:
    """A cancel waits for parts that are being filed, and lets none begin until it is done."""
    if not work.on_sqlite:
        statements.run(work, _HOLD_OFF_PARTS, key=f"{company}/{request}")


def left_waiting(work: Work, seconds: float, most: int = 200) -> Sequence[tuple[Item, Export]]:
    """Items that wait for an export nobody works on, touched before then; locked in intake's order."""
    asked = (
        select(Item, Export)
        .join(Export, col(Export.id) == col(Item.export_id))
        .where(
            Item.state == word("waiting"),
            col(Export.state).in_((word("exported"), word("failed"))),
            col(Export.touched_at) < work.after(-seconds),
        )
        .order_by(*in_lock_order(on_sqlite=work.on_sqlite))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [(item, export) for item, export in work.session.exec(asked)]


def give_up_parts(work: Work, seconds: float, most: int = 200) -> int:
    """Complete the requests whose missing parts did not come within this time; give how many."""
    asked = select(Request).where(
        col(Request.completed_at).is_(None),
        col(Request.given_up_at).is_(None),
        col(Request.created_at) < work.after(-seconds),
        Request.exported + Request.failed >= Request.total,
    )
    overdue = work.session.exec(asked.order_by(col(Request.company), col(Request.id)).limit(most)).all()
    for row in overdue:
        row.given_up_at = work.now
        work.session.flush()
        complete_if_done(work, row.company, row.id)
    return len(overdue)


STATES: Mapping[str, Any] = {
    "open": col(Request.completed_at).is_(None),
    "done": col(Request.completed_at).is_not(None),
    "failures": (col(Request.failed) > 0)
    & exists().where(
        col(Item.company) == col(Request.company),
        col(Item.request) == col(Request.id),
        col(Item.state) == word("failed"),
        ~is_unwanted(),
    ),
    "cancelled": col(Request.cancelled_at).is_not(None),
}


def page_of_bulk(work: Work, company: str, state: str, wanted: PageWanted) -> PageFound:
    """A page of bulk requests, newest first, as plain rows, each with its company's name."""
    key = {name: col(getattr(Request, name)) for name in ("created_at", "company", "id")}
    columns: list[Any] = [*Request.__table__.c, col(Company.name).label("company_name")]  # type: ignore[attr-defined]
    asked: Any = (
        select(*columns)
        .outerjoin(Company, col(Company.id) == col(Request.company))
        .where(Request.mode == word("bulk"))
    )
    if company:
        asked = asked.where(Request.company == company)
    if state in STATES:
        asked = asked.where(STATES[state])
    return page_of(work, asked, key, wanted, newest_first=True)
