"""Events we accepted, and what could not be read: the same event again is answered the same."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select, update

from store import statements
from store.tables import DeadLetter, InboxEvent
from store.unit_of_work import Work


class OtherBody(Exception):
    """An event id was used before with another body."""


def fingerprint(body: bytes) -> str:
    """SHA-256 of a body, by which the same event is recognised."""
    return hashlib.sha256(body).hexdigest()


def answered_before(work: Work, source: str, event_id: str, body_hash: str) -> dict[str, Any] | None:
    """The answer this event already had, or None. Raises OtherBody when the id came with another body."""
    seen = statements.look_up(work, InboxEvent, source=source, id=event_id)
    if seen is None:
        return None
    if seen.body_hash != body_hash:
        raise OtherBody(event_id)
    answer: dict[str, Any] = json.loads(seen.answer)
    return answer


def file(work: Work, source: str, event_id: str, body_hash: str, answer: dict[str, Any]) -> bool:
    """Remember the event and its answer; False if another transaction was first."""
    row = {
        "source": source,
        "id": event_id,
        "body_hash": body_hash,
        "answer": json.dumps(answer),
        "received_at": work.now,
    }
    return bool(statements.insert_new(work, InboxEvent, [row], returning="id"))


def set_aside(work: Work, door: str, body: bytes, problems: Sequence[str], place: str = "") -> None:
    """Keep what could not be read, once, with the reason; `place` is where it stood (file and line)."""
    row = {
        "door": door,
        "place": place,
        "body_hash": fingerprint(body),
        "body": body,
        "problems": json.dumps(list(problems)),
        "state": "open",
        "received_at": work.now,
    }
    statements.insert_new(work, DeadLetter, [row], returning="body_hash")


def dead_letters(
    work: Work, limit: int = 100, state: str = "open", before: int | None = None
) -> Sequence[DeadLetter]:
    """The newest entries of this state first, those with a smaller number than `before`."""
    newest = select(DeadLetter).where(DeadLetter.state == state).order_by(col(DeadLetter.id).desc()).limit(limit)
    return work.session.exec(newest.where(col(DeadLetter.id) < before) if before is not None else newest).all()


def dead_letter(work: Work, number: int) -> DeadLetter | None:
    """One entry by its number."""
    return work.session.get(DeadLetter, number)


def close(work: Work, number: int, **how: Any) -> bool:
    """Close an open entry: its new `state`, who closed it and why; False when somebody was first."""
    mine = update(DeadLetter).where(col(DeadLetter.id) == number, col(DeadLetter.state) == "open")
    return bool(statements.run(work, mine.values(closed_at=work.now, **how)).rowcount)
