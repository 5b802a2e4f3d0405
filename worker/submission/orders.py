"""What people order or change, handed in as any host's event: filed, kept and answered in the same way."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from events.codec import Unreadable
from events.orders import Order
from events.snapshot import Incoming
from events.unreadable import sentences
from worker.commands.registry import Command
from worker.decisions import rights
from worker.decisions.receipts import Receipt
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
    return Receipt("", named.company, "", len(done.changed), left_out={"in_xero": len(done.in_xero)})
