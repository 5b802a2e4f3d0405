"""What people order or change, handed in as any host's event: filed, kept and answered in the same way.

Orders about many invoices, carried out in bounded pieces: safe to be killed on any line, and to be given twice.

A piece is one order of at most 500 invoices, under an event id of its own: carried out again, it changes nothing.
A replay takes only exports that stand failed, under their locks: of two people at once each invoice goes once.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from events import wording
from events.codec import Unreadable
from events.orders import Order
from events.snapshot import Incoming
from events.unreadable import sentences
from store import audit, bulk_orders, searching
from store.bulk_orders import Piece
from store.searching import Act, Selection
from worker import logs
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import rights
from worker.decisions.merge_rules import Receipt
from worker.decisions.rights import OURSELVES, Actor, ConsoleUser, NotAllowed, Operator, Ourselves
from worker.intake import intake
from worker.tools import Tools

CONSOLE, COMMAND = "crewcard-xero/console", "crewcard-xero/command"
LONGEST_WHY = 255
OrderGiver = ConsoleUser | Operator | Ourselves


class OrderRefused(Exception):
    """An order that cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Named:
    """Which invoices an order is about: some ids, or those of a request; both narrow each other."""

    company: str
    invoices: Sequence[str] = ()
    request: str | None = None


def order(
    tools: Tools, command: Command, named: Named, by: OrderGiver, why: str, event: str = "", **more: Any
) -> Receipt:
    """Carry a command out about these invoices. The same `event` given twice is one order.

    Raises OrderRefused, NotAllowed.
    """
    reason = reason_given(why)
    if command.event is None:
        return _mark(tools, command, named, by, reason)
    said = {"request": named.request, "invoices": list(named.invoices), "why": reason, **more}
    asked = model_of(command, by, company=named.company, **said)
    try:
        return hand_in(tools, type(asked), dumped(asked), (by,), CONSOLE, event)
    except Unreadable as broken:
        raise OrderRefused("; ".join(broken.problems)) from None


def model_of(command: Command, by: OrderGiver, **said: Any) -> Order:
    """The order as its event has it. Raises OrderRefused for what is wrong with it."""
    try:
        return command.order.model_validate({"requested_by": requested_by(by), **said})
    except ValidationError as broken:
        raise OrderRefused("; ".join(sentences(broken))) from None


def dumped(asked: Order) -> dict[str, Any]:
    """The order as the data of its event."""
    return asked.model_dump(mode="json", exclude_none=True)


def hand_in(
    tools: Tools,
    model: type[Incoming],
    data: Mapping[str, Any],
    actors: Sequence[Actor] = (OURSELVES,),
    source: str = COMMAND,
    event: str = "",
    caused_by: str | None = None,
) -> Receipt:
    """File an event of our own, for which these answer. Raises Unreadable, NotAllowed."""
    document = {
        "specversion": "1.0",
        "id": event or uuid.uuid4().hex,
        "source": source,
        "type": model.TYPE,
        "data": data,
        **({"causationid": caused_by} if caused_by else {}),
    }
    return intake.accept(tools, document, actors)


def requested_by(person: OrderGiver) -> dict[str, Any]:
    """The person, in the words of an event."""
    roles = {Operator: "command", Ourselves: None}
    role = person.role if isinstance(person, ConsoleUser) else roles[type(person)]
    return {"id": person.id, "role": role}


def reason_given(why: str) -> str:
    """The reason, in a length that is kept. Raises OrderRefused where there is none."""
    if not why.strip():
        raise OrderRefused("Say why: the reason is kept in the audit.")
    return why.strip()[:LONGEST_WHY]


def _mark(tools: Tools, command: Command, named: Named, by: OrderGiver, why: str) -> Receipt:
    """Put a mark on invoices, or take it off; no event says so. Raises NotAllowed."""
    wrong = rights.objection((by,), command.effect, named.company)
    if wrong:
        raise NotAllowed(wrong)
    done = command.run(tools, named.company, named.invoices, by.id, why, ids=True)
    return Receipt(
        "",
        named.company,
        "",
        len(done.changed),
        left_out={"in_xero": len(done.in_xero), "unknown": len(done.unknown)},
    )


AT_ONCE = 2  # pieces, while the person waits; the clock goes on with the rest
_IN_A_ROW = 10
_ACTS: Mapping[str, Command] = {command.name: command for command in registry.COMMANDS if command.bulk}
_log = logs.log("bulk")


def order_many(tools: Tools, act: Act, chosen: Selection, person: ConsoleUser, why: str) -> int:
    """Write the order down, with its line of the audit, and begin with it; gives its number.

    Raises OrderRefused, NotAllowed.
    """
    wrong = rights.objection((person,), _ACTS[act].effect)
    if wrong:
        raise NotAllowed(wrong)
    by, reason = person.id, reason_given(why)
    if not chosen.says():
        raise OrderRefused("Say which invoices: nothing was chosen.")
    with tools.store.write() as work:
        found = searching.invoices_selected(work, act, chosen)
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
        receipt = order(tools, command, named, by, piece.why, event)
        if command.event and not receipt.invoices:
            # Perhaps somebody carried the piece out beside us: then the inbox has their answer.
            receipt = order(tools, command, named, by, piece.why, event)
    except OrderRefused as refused:
        _log.warning("bulk.refused", company=piece.company, error=wording.shortened(str(refused), 200))
        return Receipt("", piece.company, "", 0)
    return receipt
