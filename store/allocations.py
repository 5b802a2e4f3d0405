"""Allocations: what of each credit note is to be credited to the invoice that it names, and what became of that.

What is written about one passes a fence: its credit note, state and token.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlmodel import col, select, update

from events.accounting_target import Lane
from store import statements
from store.tables import Allocation, Export
from store.tables.columns import word
from store.unit_of_work import Work

OPEN = ("waiting", "sending")


def want(work: Work, lane: Lane, credited: Mapping[int, tuple[str, str]]) -> None:
    """Each of these credit notes (export id: its own id, the invoice it credits) is to be allocated, if it is not.

    One that could not be is tried once more, and what was asked for before counts no more than what is now.
    """
    rows = [
        {
            "export_id": id_,
            "company": lane.company,
            "tenant": lane.tenant,
            "invoice": invoice,
            "credits": credits_,
            "state": "waiting",
            "token": uuid.uuid4().hex,
            "due_at": work.now,
            "moved_at": work.now,
        }
        for id_, (invoice, credits_) in sorted(credited.items())
    ]
    new = statements.insert_new(work, Allocation, [{**_blank(), **row} for row in rows], returning="export_id")
    for row in rows:
        if row["export_id"] not in new:
            again = update(Allocation).where(
                col(Allocation.export_id) == row["export_id"], col(Allocation.state).in_(("waiting", "unallocated"))
            )
            work.session.exec(again.values({**row, "tries": 0, "why": ""}))


def _blank() -> dict[str, Any]:
    return {"amount": None, "key": "", "tries": 0, "why": ""}


def lanes_due(work: Work) -> list[Lane]:
    """The lanes with one that is to be gone on with now."""
    asked = select(Allocation.company, Allocation.tenant).where(*_is_due(work))
    return [Lane(company, tenant) for company, tenant in sorted(work.session.exec(asked.distinct()))]


def due(work: Work, lane: Lane, most: int) -> Sequence[Allocation]:
    """Those of a lane that are to be gone on with now, the longest due first."""
    mine = Allocation.company == lane.company, Allocation.tenant == lane.tenant
    asked = select(Allocation).where(*_is_due(work), *mine)
    return work.session.exec(asked.order_by(col(Allocation.due_at), col(Allocation.export_id)).limit(most)).all()


def _is_due(work: Work) -> tuple[Any, Any]:
    return col(Allocation.state).in_((word("waiting"), word("sending"))), col(Allocation.due_at) <= work.now


def move(work: Work, one: Allocation, state: str, **changes: Any) -> str:
    """The fence: to this state, if nobody moved it since it was read; gives the new token, or nothing."""
    token = uuid.uuid4().hex
    mine = update(Allocation).where(
        col(Allocation.export_id) == one.export_id,
        col(Allocation.state) == one.state,
        col(Allocation.token) == one.token,
    )
    moved = work.session.exec(mine.values(state=state, token=token, moved_at=work.now, **changes))
    return token if moved.rowcount else ""


def credited_export(work: Work, one: Allocation) -> Export | None:
    """The export of the invoice that it credits, in the same organisation."""
    asked = select(Export).where(
        Export.company == one.company, Export.tenant == one.tenant, Export.invoice == one.credits
    )
    return work.session.exec(asked).first()


def allocated(work: Work, export_ids: Collection[int | None]) -> Mapping[int, Decimal]:
    """How much of each of these credit notes we have allocated, or may have: the answer is not known yet."""
    asked = select(Allocation.export_id, Allocation.amount).where(
        col(Allocation.export_id).in_(sorted(id_ for id_ in export_ids if id_)),
        col(Allocation.state).in_(("allocated", "sending")),
    )
    return {id_: Decimal(amount) for id_, amount in (work.session.exec(asked) if export_ids else ()) if amount}


def of_invoice(work: Work, company: str, invoice: str) -> Sequence[Allocation]:
    """Allocations of this credit note, or to this invoice, the newest first."""
    asked = select(Allocation).where(
        Allocation.company == company, (col(Allocation.invoice) == invoice) | (col(Allocation.credits) == invoice)
    )
    return work.session.exec(asked.order_by(col(Allocation.moved_at).desc()).limit(50)).all()
