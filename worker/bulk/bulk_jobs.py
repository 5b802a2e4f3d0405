"""Orders about many invoices, carried out in bounded pieces: safe to be killed on any line, and to be given twice.

A piece is one order of at most 500 invoices, under an event id of its own: carried out again, it changes nothing.
A replay takes only exports that stand failed, under their locks: of two people at once each invoice goes once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from events import wording
from store import audit, bulk_orders, selections
from store.bulk_orders import Piece
from store.selections import Act, Selection
from worker import logs
from worker.bulk import order_submission
from worker.bulk.order_submission import Named, OrderRefused
from worker.commands import excluding
from worker.decisions import rights
from worker.decisions.rights import ConsoleUser, Effect, NotAllowed, Ourselves
from worker.tools import Tools

AT_ONCE = 2  # pieces, while the person waits; the clock goes on with the rest
_IN_A_ROW = 10
_WORDS: Mapping[Act, str] = {"replay": "replay many", "exclude": "exclude many", "include": "include many"}
_EFFECTS: Mapping[Act, Effect] = {"replay": Effect.REPLAY, "exclude": Effect.EXCLUDE, "include": Effect.EXCLUDE}
_log = logs.log("bulk")


@dataclass(frozen=True)
class Moved:
    """What a piece moved, and the request that a replay became."""

    count: int
    request: str = ""


def order(tools: Tools, act: Act, chosen: Selection, person: ConsoleUser, why: str) -> int:
    """Write the order down, with its line of the audit, and begin with it; gives its number.

    Raises OrderRefused, NotAllowed.
    """
    wrong = rights.objection((person,), _EFFECTS[act])
    if wrong:
        raise NotAllowed(wrong)
    by, reason = person.id, order_submission.reason_given(why)
    if not chosen.says():
        raise OrderRefused("Say which invoices: nothing was chosen.")
    with tools.store.write() as work:
        found = selections.invoices(work, act, chosen)
        number = bulk_orders.make(work, act, chosen.says(), found, by, reason)
        companies = {company for company, _ in found}
        whose = companies.pop() if len(companies) == 1 else chosen.company
        audit.note(work, by, _WORDS[act], whose, {"order": number, **chosen.says()}, len(found), reason)
    go_on(tools, AT_ONCE, number)
    return number


def go_on(tools: Tools, most: int = _IN_A_ROW, number: int | None = None) -> int:
    """Carry out what is open, of one order or of all; gives how many pieces."""
    with tools.store.read() as work:
        pieces = bulk_orders.open_pieces(work, most, number)
    for piece in pieces:
        moved = _moved(tools, piece)
        with tools.store.write() as work:
            bulk_orders.done(work, piece, moved.request, moved.count)
        _log.info("bulk.moved", company=piece.company, count=moved.count)
    return len(pieces)


def _moved(tools: Tools, piece: Piece) -> Moved:
    try:
        return _ACTS[piece.act](tools, piece)
    except OrderRefused as refused:
        _log.warning("bulk.refused", company=piece.company, error=wording.shortened(str(refused), 200))
        return Moved(0)


def _replay(tools: Tools, piece: Piece) -> Moved:
    named, event = Named(piece.company, piece.invoices), f"bulk-{piece.order}-{piece.number}"
    by = Ourselves(piece.by)
    receipt = order_submission.replay(tools, named, by, piece.why, event)
    if not receipt.invoices:  # perhaps somebody carried the piece out beside us: then the inbox has their answer
        receipt = order_submission.replay(tools, named, by, piece.why, event)
    return Moved(receipt.invoices, receipt.request)


def _exclude(tools: Tools, piece: Piece) -> Moved:
    return Moved(len(excluding.exclude(tools, piece.company, piece.invoices, piece.by, piece.why, ids=True).changed))


def _include(tools: Tools, piece: Piece) -> Moved:
    return Moved(len(excluding.include(tools, piece.company, piece.invoices, piece.by, piece.why, ids=True).changed))


_ACTS: Mapping[str, Callable[[Tools, Piece], Moved]] = {"replay": _replay, "exclude": _exclude, "include": _include}
