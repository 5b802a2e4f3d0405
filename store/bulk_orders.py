"""Orders about many invoices: written down whole, carried out piece by piece, and how far they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select, update

from events.export import MOST_INVOICES
from store import statements
from store.tables import BulkOrder, BulkPiece, Request
from store.unit_of_work import Work


@dataclass(frozen=True)
class Piece:
    """Some invoices of one company, and the order they belong to."""

    order: int
    number: int
    act: str
    by: str
    why: str
    company: str
    invoices: Sequence[str]


@dataclass(frozen=True)
class Reached:
    """How far an order is: pieces carried out, invoices they moved, and of those how many have which answer."""

    pieces: int
    pieces_done: int
    moved: int
    total: int
    exported: int
    failed: int


def make(
    work: Work, act: str, chosen: Mapping[str, Any], invoices: Sequence[tuple[str, str]], by: str, why: str
) -> int:
    """Write the order down with its pieces; `invoices` are sorted by company. Gives its number."""
    said = json.dumps(chosen, ensure_ascii=False)
    order = BulkOrder(act=act, chosen=said, by=by, why=why, total=len(invoices), at=work.now)
    order.done_at = None if invoices else work.now
    work.session.add(order)
    work.session.flush()
    if order.id is None:
        raise ValueError("an order without a number was never stored")
    known = {"order_id": order.id, "request": "", "moved": 0, "done_at": None}
    rows = [{**known, "number": number, **piece} for number, piece in enumerate(_pieces(invoices), start=1)]
    statements.insert(work, BulkPiece, rows)
    return order.id


def _pieces(invoices: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    found = []
    for company, named in groupby(invoices, key=lambda one: one[0]):
        ids = [invoice for _, invoice in named]
        for start in range(0, len(ids), MOST_INVOICES):
            some = ids[start : start + MOST_INVOICES]
            found.append({"company": company, "invoices": json.dumps(some), "size": len(some)})
    return found


def known(work: Work, number: int) -> BulkOrder | None:
    """The order with this number."""
    return work.session.get(BulkOrder, number)


def open_pieces(work: Work, most: int, order: int | None = None) -> list[Piece]:
    """What is still to be carried out, of one order or of all, oldest first."""
    asked: Any = select(BulkOrder, BulkPiece).join(BulkPiece, col(BulkPiece.order_id) == col(BulkOrder.id))
    asked = asked.where(col(BulkOrder.done_at).is_(None), col(BulkPiece.done_at).is_(None))
    if order is not None:
        asked = asked.where(BulkOrder.id == order)
    found = work.session.exec(asked.order_by(col(BulkPiece.order_id), col(BulkPiece.number)).limit(most))
    return [
        Piece(p.order_id, p.number, o.act, o.by, o.why, p.company, tuple(json.loads(p.invoices))) for o, p in found
    ]


def done(work: Work, piece: Piece, request: str, moved: int) -> None:
    """The piece is carried out; with the last one the order is."""
    mine = update(BulkPiece).where(col(BulkPiece.order_id) == piece.order, col(BulkPiece.number) == piece.number)
    fresh = mine.where(col(BulkPiece.done_at).is_(None))
    statements.run(work, fresh.values(request=request, moved=moved, done_at=work.now))
    left = select(BulkPiece.number).where(BulkPiece.order_id == piece.order, col(BulkPiece.done_at).is_(None))
    whole = update(BulkOrder).where(col(BulkOrder.id) == piece.order, ~left.exists())
    statements.run(work, whole.values(done_at=work.now))


def reached(work: Work, number: int) -> Reached:
    """How far the order is."""
    summed = (BulkPiece.moved, Request.total, Request.exported, Request.failed)
    counted: list[Any] = [func.count(), func.count(col(BulkPiece.done_at))]
    counted += [func.coalesce(func.sum(column), 0) for column in summed]
    asked: Any = select(*counted).select_from(BulkPiece).outerjoin(Request, _its_request())
    return Reached(*(int(value) for value in work.session.exec(asked.where(BulkPiece.order_id == number)).one()))


def pieces(work: Work, number: int, after: int, most: int) -> Sequence[tuple[BulkPiece, Request | None]]:
    """Pieces of the order with the requests they became, in order, behind the one with number `after`."""
    asked: Any = select(BulkPiece, Request).outerjoin(Request, _its_request())
    mine = asked.where(BulkPiece.order_id == number, col(BulkPiece.number) > after)
    return list(work.session.exec(mine.order_by(col(BulkPiece.number)).limit(most)).all())


def _its_request() -> Any:
    return (col(Request.company) == col(BulkPiece.company)) & (col(Request.id) == col(BulkPiece.request))
