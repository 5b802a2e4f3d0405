"""Exports: one row per invoice and organisation, for ever; pending rows are the queue."""

import functools
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, case, func
from sqlmodel import col, select, update

from events.accounting_target import Lane
from events.invoice import Invoice, folded
from store import number_claims, pauses, statements
from store.tables import Attempt, ContactLink, Export, NumberClaim
from store.tables.columns import size_of, word
from store.unit_of_work import Work

Row = dict[str, Any]
_OF_CANDIDATE = (
    "id",
    "crashes",
    "alone",
    "xero_invoice_id",
    "raise_anew",
    "batch_limit",
    "document",
    "invoice",
    "generation",
)
_MOMENTS = frozenset(["due_at", "live_since", "created_at", "touched_at"])


def lock(work: Work, rows: Sequence[Row]) -> tuple[Mapping[tuple[Lane, str], Export], set[int]]:
    """The export row of each invoice in its lane, by lane and id, to be read only; and the ids of those that are new.

    Where there was none, the row given is there now, and what is read is a `blank` one. They are locked in order of
    lane and id: first those that are new, then the others. They are plain rows with an export's columns: to make a
    model of each takes longer than all else here.
    """
    ordered = sorted(rows, key=lambda row: (row["company"], row["tenant"], row["invoice"]))
    made = statements.insert_new_keys(work, Export, ordered, "company", "tenant", "invoice", "id")
    new = {(company, tenant, invoice): id_ for company, tenant, invoice, id_ in made}
    others = [row for row in ordered if (row["company"], row["tenant"], row["invoice"]) not in new]
    found = statements.upsert(work, Export, others, {"touched_at": "excluded"}, returning=list(Export.model_fields))
    known = {(Lane(row.company, row.tenant), row.invoice): row for row in found}
    return known | {(Lane(*key[:2]), key[2]): _unseen(key, id_) for key, id_ in new.items()}, set(new.values())


def _unseen(key: tuple[str, str, str], id_: int) -> Any:
    named = dict(zip(("company", "tenant", "invoice"), key, strict=True))
    return SimpleNamespace(**_defaults(), **named, id=id_, number="", client="")


def blank(work: Work, lane: Lane, invoice: Invoice) -> Row:
    """A row for an invoice that nobody has asked for yet: everything at its default."""
    return {
        **_defaults(),
        "company": lane.company,
        "tenant": lane.tenant,
        "invoice": invoice.id,
        "number": invoice.number,
        "client": invoice.client.id,
        "due_at": work.now,
        "created_at": work.now,
        "touched_at": work.now,
    }


@functools.cache
def _defaults() -> dict[str, Any]:
    """The columns that have defaults, at those: to make a model for each new row costs more than to insert it."""
    fields = Export.model_fields.items()
    return {name: field.default for name, field in fields if name != "id" and not field.is_required()}


@functools.cache
def in_lock_order(*, on_sqlite: bool) -> tuple[Any, ...]:
    """The order in which everybody locks exports: intake's, which is Python's, whatever the database collates."""
    columns = (col(Export.company), col(Export.tenant), col(Export.invoice))
    return columns if on_sqlite else tuple(column.collate("C") for column in columns)


def lock_again(work: Work, ids: Collection[int]) -> Mapping[int, Export]:
    """These rows as they are now, locked in the order in which intake locks them."""
    asked = select(Export).where(col(Export.id).in_(sorted(ids)))
    ordered = asked.order_by(*in_lock_order(on_sqlite=work.on_sqlite))
    return {_id(export): export for export in statements.rows(work, ordered.with_for_update())}


def change(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set columns of many exports; each row names its `id`."""
    statements.change(work, Export, "id", rows)


def pending(work: Work, lane: Lane, most: int) -> Sequence[Any]:
    """What batching asks of the next due exports of the lane, people's single sends first; `size` is of the content.

    They are locked; others' claims are passed over. Nothing while a pause holds the company.
    """
    company, tenant = lane
    return statements.rows(work, _pending(), company=company, tenant=tenant, now=work.now, most=most)


@functools.cache
def _pending() -> Any:
    due: Any = (
        Export.company == bindparam("company"),
        Export.tenant == bindparam("tenant"),
        Export.state == word("pending"),
        col(Export.due_at) <= bindparam("now"),
        ~pauses.is_held(bindparam("company")),
    )
    size = size_of(Export.wanted).label("size")
    asked = sqlalchemy.select(*(Export.__table__.c[name] for name in _OF_CANDIDATE), size)  # type: ignore[attr-defined]
    ordered = asked.where(*due).order_by(col(Export.priority), col(Export.due_at), col(Export.id))
    return ordered.limit(bindparam("most")).with_for_update(skip_locked=True)


def pending_ever(work: Work, lane: Lane) -> Sequence[Export]:
    """Everything pending in the lane, due or not, locked in intake's order."""
    asked = select(Export).where(
        Export.company == lane.company, Export.tenant == lane.tenant, Export.state == word("pending")
    )
    ordered = asked.order_by(col(Export.invoice)).with_for_update()
    return work.session.exec(ordered.execution_options(populate_existing=True)).all()


def take(work: Work, ids: Collection[int], batch_id: str) -> None:
    """Put these exports into a batch; a crash is counted before anything is tried with them, and so is an attempt.

    Their numbers belong to them from now on.
    """
    statements.run(work, _take(on_sqlite=work.on_sqlite), ids=sorted(ids), batch=batch_id)


@functools.cache
def _take(*, on_sqlite: bool) -> Any:
    mine = update(Export).where(statements.among(col(Export.id), "ids", on_sqlite=on_sqlite))
    counted = {"crashes": col(Export.crashes) + 1, "attempts": col(Export.attempts) + 1, "number_bound": True}
    return mine.values(state="exporting", batch_id=bindparam("batch"), **counted)


def uncount(work: Work, claimed: Collection[Export]) -> None:
    """Nothing was sent with these claimed exports: the attempt was none, and their numbers are as bound as before."""
    if not claimed:
        return
    unanswered = select(Attempt.export_id).where(
        Attempt.export_id == Export.id, col(Attempt.outcome).in_(("sent", "unknown"))
    )
    attempts = case((col(Export.attempts) > 0, col(Export.attempts) - 1), else_=0)  # the version before counted later
    mine = update(Export).where(col(Export.id).in_([export.id for export in claimed]))
    statements.run(work, mine.values(attempts=attempts, number_bound=unanswered.exists()))


def of_batches(work: Work, *batch_ids: str, people_only: bool = False) -> Sequence[Export]:
    """The exports still in these batches, locked in intake's order, each with its client's contact (`linked`).

    Without the moments that no turn asks for.
    `people_only`: people's own single sends.
    """
    asked = _of_batches(people_only=people_only, on_sqlite=work.on_sqlite)
    return statements.rows(work, asked, batches=list(batch_ids))


@functools.cache
def _of_batches(*, people_only: bool, on_sqlite: bool) -> Any:
    columns: list[Any] = [one for one in Export.__table__.c if one.name not in _MOMENTS]  # type: ignore[attr-defined]
    columns.append(func.coalesce(ContactLink.xero_contact_id, "").label("linked"))
    whose = (col(ContactLink.company) == col(Export.company)) & (col(ContactLink.client) == col(Export.client))
    mine = statements.among(col(Export.batch_id), "batches", on_sqlite=on_sqlite)
    asked = sqlalchemy.select(*columns).outerjoin_from(Export, ContactLink, whose).where(mine)
    if people_only:
        asked = asked.where(col(Export.priority) == 0)
    return asked.order_by(*in_lock_order(on_sqlite=on_sqlite)).with_for_update(of=Export)


def seen_in_batch(work: Work, batch_id: str) -> Mapping[int, Export]:
    """The exports in this batch by id, only to be looked at."""
    return {_id(export): export for export in work.session.exec(select(Export).where(Export.batch_id == batch_id))}


def numbers_sent(work: Work, ids: Collection[int]) -> Mapping[int, Sequence[Attempt]]:
    """Every attempt of these exports whose outcome is not known, oldest first."""
    asked = select(Attempt).where(
        col(Attempt.export_id).in_(sorted(ids)), col(Attempt.outcome).in_(("sent", "unknown"))
    )
    found: dict[int, list[Attempt]] = {}
    for attempt in work.session.exec(asked.order_by(col(Attempt.at))):
        found.setdefault(attempt.export_id, []).append(attempt)
    return found


def _id(export: Export) -> int:
    if export.id is None:
        raise ValueError("an export without an id was never stored")
    return export.id


def live_longer_than(work: Work, seconds: float, most: int = 200) -> Sequence[Export]:
    """Exports that wait in the queue, or for a settlement, since before then; locked."""
    old = select(Export).where(
        col(Export.state).in_((word("pending"), word("uncertain"))), col(Export.live_since) < work.after(-seconds)
    )
    return work.session.exec(old.limit(most).with_for_update(skip_locked=True)).all()


def last_reason(work: Work, export: Export) -> str | None:
    """The code of the newest refusal of this export, or None."""
    asked = select(Attempt.reason).where(Attempt.export_id == export.id, col(Attempt.reason).is_not(None))
    return work.session.exec(asked.order_by(col(Attempt.at).desc())).first()


def newest_wanted(work: Work, company: str, most: int) -> Sequence[Any]:
    """The newest invoices of the company that wait or failed, as plain rows: id, number, content."""
    asked = select(Export.id, Export.invoice, Export.number, Export.wanted)
    found = [
        row
        for state in ("pending", "failed")
        for row in statements.rows(
            work,
            asked.where(Export.company == company, Export.state == word(state), Export.wanted != "")
            .order_by(col(Export.id).desc())
            .limit(most),
        )
    ]
    return sorted(found, key=lambda row: -row.id)[:most]


def called(work: Work, lane: Lane, text: str) -> str:
    """The content of the lane's invoice with this number or id; empty where it has none, or it is not kept."""
    claims = select(NumberClaim.invoice).where(
        NumberClaim.tenant == number_claims.books_of(lane),
        NumberClaim.folded == folded(text),
        NumberClaim.company == lane.company,
    )
    named = [text, *work.session.exec(claims).all()]
    asked = select(Export.wanted).where(
        Export.company == lane.company, Export.tenant == lane.tenant, col(Export.invoice).in_(named)
    )
    return work.session.exec(asked.where(Export.wanted != "").order_by(col(Export.id).desc()).limit(1)).first() or ""
