"""The canary: a test that goes the way of an invoice, through every part, and leaves nothing behind.

door → inbox → wake-up → worker → relay → feed

At each step it is written down where an invoice's step is written down, and taken away again in the same transaction:
what would hold back an invoice holds back a canary. No event, no invoice and no call to Xero comes of it.
"""

import uuid
from collections.abc import Mapping

from events.accounting_target import Lane
from store import canaries
from store.vault import Unopenable
from worker.tools import Tools

LANE = Lane("*canary", "")  # of nobody: a company's id has no asterisk
_PURPOSE = "canary"


class NotOurs(Exception):
    """The ticket was not made with any key of this installation."""


def new_id() -> str:
    """Another one for each canary."""
    return uuid.uuid4().hex


def ticket(tools: Tools, canary_id: str) -> str:
    """What lets a canary in at the door: only who has the keys of the installation can make it."""
    return tools.vault.seal_document(_PURPOSE, {"id": canary_id})


def id_of(tools: Tools, sealed: str) -> str:
    """The canary with this ticket. Raises NotOurs."""
    try:
        return str(tools.vault.open_document(_PURPOSE, sealed)["id"])
    except (Unopenable, KeyError) as broken:
        raise NotOurs from broken


def accept(tools: Tools, canary_id: str) -> None:
    """The door and the inbox: it is committed, then a worker is woken. Raises what the database raises."""
    with tools.store.write() as work:
        canaries.accept(work, canary_id)
    tools.bells.ring(LANE.key)


def answer_doorbell(tools: Tools, token: str) -> None:
    """The worker's turn: those that wait are answered, and the relay is woken."""
    if not tools.bells.begin(LANE.key, token):
        return
    try:
        with tools.store.write() as work:
            canaries.answer(work)
    finally:
        tools.bells.end(LANE.key, token, None)
    tools.bells.wake_relay()


def steps(tools: Tools, canary_id: str) -> Mapping[str, float]:
    """The steps behind it, each with the seconds since it was accepted."""
    with tools.store.read() as work:
        return canaries.steps(work, canary_id)


def forget(tools: Tools, canary_id: str) -> None:
    """Nothing of it stays; where the database does not answer the pruner takes it away."""
    with tools.store.write() as work:
        canaries.forget(work, canary_id)
