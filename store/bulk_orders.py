"""Orders about many invoices: written down whole, carried out piece by piece, and how far they are.

Which invoices an order means, and the locks it needs before anything else.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeVar

from sqlmodel import col, func, select, update

from events.export import MOST_INVOICES
from events.invoice import folded
from events.orders import InvoiceExportCancelRequested, InvoiceExportRaiseAnewRequested, InvoiceExportReplayRequested
from store import exports, failing, statements
from store.exports import in_lock_order
from store.tables import BulkOrder, BulkPiece, Export, InvoiceStatus, Item, NumberClaim, Request
from store.tables.columns import word
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


_AT_ONCE = 1000  # ids in one statement; SQLite takes at most 32,766
T = TypeVar("T")


def to_cancel(work: Work, order: InvoiceExportCancelRequested) -> list[int]:
    """The exports of the items that still wait and that the order names, in the order of locks."""
    chosen = _items(order.company, order.request, order.invoices, "waiting")
    return _ids(work, [col(Export.id).in_(chosen)])


def to_replay(work: Work, order: InvoiceExportReplayRequested) -> list[int]:
    """The failed exports with a kept content that the order names, in the order of locks."""
    wanted: list[Any] = [Export.company == order.company, Export.state == word("failed"), Export.wanted != ""]
    if order.request:
        wanted.append(col(Export.id).in_(_items(order.company, order.request, (), "failed")))
    if order.invoices:
        wanted.append(col(Export.invoice).in_(order.invoices))
    if order.reason:
        failed_so = select(InvoiceStatus.invoice).where(
            InvoiceStatus.company == order.company, InvoiceStatus.reason == order.reason
        )
        wanted.append(col(Export.invoice).in_(failed_so))
    if order.causes:
        held_back = select(InvoiceStatus.invoice).where(*failing.failed(order.company), failing.is_of(order.causes))
        wanted.append(col(Export.invoice).in_(held_back))
    return _ids(work, wanted)


def to_raise(work: Work, order: InvoiceExportRaiseAnewRequested) -> list[int]:
    """The exports with a kept content that the order names and that were sent to Xero, in the order of locks."""
    sent = col(Export.xero_invoice_id).is_not(None) | col(Export.number_bound)
    wanted: list[Any] = [Export.company == order.company, Export.wanted != "", sent]
    if order.request:
        asked = select(Item.export_id).where(Item.company == order.company, Item.request == order.request)
        wanted.append(col(Export.id).in_(asked))
    if order.invoices:
        wanted.append(col(Export.invoice).in_(order.invoices))
    return _ids(work, wanted)


def named_items(work: Work, company: str, request: str | None, invoices: Sequence[str]) -> Sequence[Item]:
    """Every item of the request, or of these invoices in any request, answered or not."""
    asked = select(Item).where(Item.company == company)
    if request:
        asked = asked.where(Item.request == request)
    if invoices:
        asked = asked.where(col(Item.invoice).in_(invoices))
    return work.session.exec(asked).all()


def by_name(work: Work, company: str, names: Sequence[str], *, numbers: bool = True) -> tuple[set[str], list[str]]:
    """The ids of the invoices with these ids or `numbers`, and the names that are nobody's.

    One that could not be read has no export, and its answer alone.
    """
    found: dict[str, set[str]] = {name: set() for name in names}
    sought = sorted({*names, *(_numbered(work, company, names) if numbers else ())})
    for table in (Export, InvoiceStatus):
        asked: Any = select(table.invoice, table.number).where(table.company == company)
        for row in statements.rows(work, asked.where(col(table.invoice).in_(sought))):
            for name in (row.invoice, row.number) if numbers else (row.invoice,):
                found.setdefault(name, set()).add(row.invoice)
    ids = {id_ for name in names for id_ in found[name]}
    return ids, sorted(name for name in names if not found[name])


def _numbered(work: Work, company: str, numbers: Sequence[str]) -> set[str]:
    """Invoices that have claimed one of these numbers, or are shown with one that is another's."""
    claimed = select(NumberClaim.invoice).where(
        NumberClaim.company == company, col(NumberClaim.folded).in_({folded(number) for number in numbers})
    )
    shown = select(InvoiceStatus.invoice).where(
        InvoiceStatus.company == company, func.lower(InvoiceStatus.number).in_({name.lower() for name in numbers})
    )
    return {row.invoice for asked in (claimed, shown) for row in statements.rows(work, asked)}


def rows_of(work: Work, company: str, invoices: Collection[str]) -> list[int]:
    """The exports of these invoices, in the order of locks."""
    return _ids(work, [Export.company == company, col(Export.invoice).in_(sorted(invoices))])


def locked(work: Work, ids: Sequence[int]) -> Mapping[int, Export]:
    """All these exports, locked before anything else is: whoever records a result locks in the same order."""
    found: dict[int, Export] = {}
    for some in in_chunks(ids, _AT_ONCE):
        found.update(exports.lock_again(work, some))
    return found


def in_chunks(things: Sequence[T], most: int) -> Iterator[list[T]]:
    """The things in order, `most` at a time."""
    left = iter(things)
    while some := list(islice(left, most)):
        yield some


def _items(company: str, request: str | None, invoices: Sequence[str], state: str) -> Any:
    asked = select(Item.export_id).where(
        Item.company == company, Item.state == state, col(Item.export_id).is_not(None)
    )
    if request:
        asked = asked.where(Item.request == request)
    return asked.where(col(Item.invoice).in_(invoices)) if invoices else asked


def _ids(work: Work, wanted: Sequence[Any]) -> list[int]:
    asked = select(Export.id).where(*wanted)
    ordered = asked.order_by(*in_lock_order(on_sqlite=work.on_sqlite))
    return [id_ for id_ in work.session.exec(ordered) if id_ is not None]
