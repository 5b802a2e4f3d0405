"""Orders about many invoices, carried out in bounded pieces: safe to be killed on any line, and to be given twice.

A piece is one order of at most 500 invoices, under an event id of its own: carried out again, it changes nothing.
A replay takes only exports that stand failed, under their locks: of two people at once each invoice goes once.
"""

from collections.abc import Mapping

from events import wording
from store import audit, bulk_orders, selections
from store.bulk_orders import Piece
from store.selections import Act, Selection
from worker import logs
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import rights
from worker.decisions.receipts import Receipt
from worker.decisions.rights import ConsoleUser, NotAllowed, Ourselves
from worker.submission import orders
from worker.submission.orders import Named, OrderRefused
from worker.tools import Tools

AT_ONCE = 2  # pieces, while the person waits; the clock goes on with the rest
_IN_A_ROW = 10
_ACTS: Mapping[str, Command] = {command.name: command for command in registry.COMMANDS if command.bulk}
_log = logs.log("bulk")


def order(tools: Tools, act: Act, chosen: Selection, person: ConsoleUser, why: str) -> int:
    """Write the order down, with its line of the audit, and begin with it; gives its number.

    Raises OrderRefused, NotAllowed.
    """
    wrong = rights.objection((person,), _ACTS[act].effect)
    if wrong:
        raise NotAllowed(wrong)
    by, reason = person.id, orders.reason_given(why)
    if not chosen.says():
        raise OrderRefused("Say which invoices: nothing was chosen.")
    with tools.store.write() as work:
        found = selections.invoices(work, act, chosen)
        number = bulk_orders.make(work, act, chosen.says(), found, by, reason)
        companies = {company for company, _ in found}
        whose = companies.pop() if len(companies) == 1 else chosen.company
        audit.note(work, by, _ACTS[act].bulk, whose, {"order": number, **chosen.says()}, len(found), reason)
    go_on(tools, AT_ONCE, number)
    return number


def go_on(tools: Tools, most: int = _IN_A_ROW, number: int | None = None) -> int:
    """Carry out what is open, of one order or of all; gives how many pieces."""
    with tools.store.read() as work:
        pieces = bulk_orders.open_pieces(work, most, number)
    for piece in pieces:
        moved = _moved(tools, piece)
        with tools.store.write() as work:
            bulk_orders.done(work, piece, moved.request, moved.invoices)
        _log.info("bulk.moved", company=piece.company, count=moved.invoices)
    return len(pieces)


def _moved(tools: Tools, piece: Piece) -> Receipt:
    """What the piece moved, and the request that a replay became."""
    command, named, by = _ACTS[piece.act], Named(piece.company, piece.invoices), Ourselves(piece.by)
    event = f"bulk-{piece.order}-{piece.number}"
    try:
        receipt = orders.order(tools, command, named, by, piece.why, event)
        if command.event and not receipt.invoices:
            # Perhaps somebody carried the piece out beside us: then the inbox has their answer.
            receipt = orders.order(tools, command, named, by, piece.why, event)
    except OrderRefused as refused:
        _log.warning("bulk.refused", company=piece.company, error=wording.shortened(str(refused), 200))
        return Receipt("", piece.company, "", 0)
    return receipt
