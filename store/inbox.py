"""Events we accepted, and what could not be read: the same event again is answered the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, order=True)
class Seen:
    """An event as the inbox knows it: who sent it, under which id, and the fingerprint of its body."""

    source: str
    id: str
    body_hash: str


def answered_before(work: Work, events: Sequence[Seen]) -> Mapping[Seen, dict[str, Any] | OtherBody]:
    """The answers these events already had; OtherBody for an id that came with another body."""
    rows = statements.find(work, InboxEvent, [{"source": one.source, "id": one.id} for one in events])
    kept = {(row.source, row.id): row for row in rows}
    known = {one: kept[one.source, one.id] for one in events if (one.source, one.id) in kept}
    return {
        one: json.loads(row.answer) if row.body_hash == one.body_hash else OtherBody(one.id)
        for one, row in known.items()
    }


def file(work: Work, answers: Mapping[Seen, Mapping[str, Any]]) -> None:
    """Remember these events and their answers; another transaction may have been first."""
    rows = [
        {**asdict(seen), "answer": json.dumps(answers[seen]), "received_at": work.now} for seen in sorted(answers)
    ]
    statements.insert_new(work, InboxEvent, rows, returning="id")


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
