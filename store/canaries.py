"""Canaries under way. Each step also writes to the table of an invoice's step, and takes it back at once.

A row that is written and taken away in one transaction was never there for anybody else; but a table that is locked,
or a database that takes nothing, holds it up as it holds up an invoice.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Exists, delete, exists
from sqlmodel import col, select, update

from store import statements
from store.tables import Canary, Export, InboxEvent, OutboxEvent
from store.unit_of_work import Work

_NOBODY = "*canary"  # no company's id


def accept(work: Work, canary_id: str) -> None:
    """It came in at the door; the same one again is one."""
    row = {"company": _NOBODY, "source": _NOBODY, "id": canary_id, "body_hash": "", "answer": "{}"}
    statements.insert_new(work, InboxEvent, [{**row, "received_at": work.now}], returning="id")
    statements.run(work, delete(InboxEvent).where(col(InboxEvent.company) == _NOBODY))
    fresh = {"id": canary_id, "accepted_at": work.now, "answered_at": None, "relayed_at": None}
    statements.insert_new(work, Canary, [fresh], returning="id")


def answer(work: Work) -> None:
    """A worker has its turn with all that wait."""
    statements.rows(work, select(Export.id).where(Export.company == _NOBODY).limit(1))
    event = {"id": _NOBODY, "company": _NOBODY, "type": _NOBODY, "subject": "", "body": "{}", "created_at": work.now}
    statements.insert_new(work, OutboxEvent, [{**event, "position": None}], returning="id")
    statements.run(work, delete(OutboxEvent).where(col(OutboxEvent.id) == _NOBODY))
    statements.run(work, update(Canary).where(col(Canary.answered_at).is_(None)).values(answered_at=work.now))


def waits_for_the_relay() -> Exists:
    """Whether one does, as a condition of a statement."""
    return exists().where(col(Canary.answered_at).is_not(None), col(Canary.relayed_at).is_(None))


def relay(work: Work) -> None:
    """The relay has stamped what was before it: those that wait for it are through."""
    waits = (col(Canary.answered_at).is_not(None), col(Canary.relayed_at).is_(None))
    statements.run(work, update(Canary).where(*waits).values(relayed_at=work.now))


def steps(work: Work, canary_id: str) -> Mapping[str, float]:
    """The steps behind it (door, worker, relay), each with the seconds since it was accepted; none of one unknown."""
    for row in statements.rows(work, select(Canary).where(Canary.id == canary_id)):
        at: dict[str, datetime | None] = {"door": row.accepted_at, "worker": row.answered_at, "relay": row.relayed_at}
        return {step: (moment - row.accepted_at).total_seconds() for step, moment in at.items() if moment}
    return {}


def forget(work: Work, canary_id: str) -> None:
    """It is over."""
    statements.run(work, delete(Canary).where(col(Canary.id) == canary_id))
