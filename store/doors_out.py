"""How far each way out has come, and what it must try again."""

from collections.abc import Sequence

from sqlalchemy import case
from sqlmodel import col, select

from store import statements
from store.tables import DoorOut, OutboxEvent, Redelivery
from store.tables.columns import word
from store.unit_of_work import Work


def position(work: Work, door: str) -> int:
    """The last feed position this door has taken up; a new door begins at the feed's start."""
    known = statements.look_up(work, DoorOut, door=door)
    return int(known.position) if known else 0


def move_on(work: Work, door: str, to: int) -> None:
    """The door has taken up everything to this position; a relay that says so late never takes it back."""
    further = case((col(DoorOut.position) < to, to), else_=col(DoorOut.position))
    statements.upsert(work, DoorOut, [{"door": door, "position": to}], {"position": further}, ["door"])


def try_again(work: Work, door: str, event_id: str, wait: float | None, tries: int, trouble: str) -> None:
    """The event could not be delivered: again in `wait` seconds, or never when there is no wait."""
    row = {
        "door": door,
        "event_id": event_id,
        "state": "given_up" if wait is None else "waiting",
        "tries": tries,
        "due_at": work.after(wait or 0),
        "trouble": trouble[:500],
    }
    changes = dict.fromkeys(("state", "tries", "due_at", "trouble"), "excluded")
    statements.upsert(work, Redelivery, [row], changes, ["door"])


def delivered(work: Work, door: str, event_id: str) -> None:
    """The event got through."""
    known = work.session.get(Redelivery, (door, event_id))
    if known:
        work.session.delete(known)
        work.session.flush()


def due_again(work: Work, door: str, most: int = 50) -> Sequence[tuple[OutboxEvent, int]]:
    """Events to try again now, and how often each was tried."""
    asked = (
        select(OutboxEvent, Redelivery.tries)
        .join(Redelivery, col(Redelivery.event_id) == col(OutboxEvent.id))
        .where(Redelivery.door == door, Redelivery.state == word("waiting"), col(Redelivery.due_at) <= work.now)
        .order_by(col(Redelivery.due_at))
        .limit(most)
    )
    return [(event, tries) for event, tries in work.session.exec(asked)]
