"""Events we accepted, and what could not be read: the same event again is answered the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, func, select, update

from events.codec import MOST_BYTES
from store import api_keys, statements
from store.api_keys import Key
from store.paging import PageFound, PageWanted, page_of
from store.tables import DeadLetter, InboxEvent
from store.tables.columns import word
from store.unit_of_work import Work

_UNANSWERED = ""  # within the transaction that claims an event; nobody else sees it
LONGEST_BEGINNING = 100_000  # bytes kept of what is too long to be an event


class OtherBody(Exception):
    """An event id of this company was used before with another body."""


def fingerprint(body: bytes) -> str:
    """SHA-256 of a body, by which the same event is recognised."""
    return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, order=True)
class FiledEvent:
    """An event as the inbox knows it: whose, who sent it, under which id, and the fingerprint of its body."""

    company: str
    source: str
    id: str
    body_hash: str


def answered_before(work: Work, events: Sequence[FiledEvent]) -> Mapping[FiledEvent, dict[str, Any] | OtherBody]:
    """The answers these events already had; OtherBody for an id that came with another body."""
    rows = statements.find(
        work, InboxEvent, [{"company": one.company, "source": one.source, "id": one.id} for one in events]
    )
    kept = {(row.company, row.source, row.id): row for row in rows}
    known = {one: row for one in events if (row := kept.get((one.company, one.source, one.id)))}
    return {
        one: json.loads(row.answer) if row.body_hash == one.body_hash else OtherBody(one.id)
        for one, row in known.items()
    }


def claim(work: Work, event: FiledEvent) -> bool:
    """Whether this transaction is to file the event: of several that bring it at once one is, others wait for it."""
    row = {**asdict(event), "answer": _UNANSWERED, "received_at": work.now}
    return bool(statements.insert_new(work, InboxEvent, [row], returning="id"))


def file(work: Work, answers: Mapping[FiledEvent, Mapping[str, Any]]) -> None:
    """Remember these events and their answers; another transaction may have been first with a request."""
    rows = [
        {**asdict(seen), "answer": json.dumps(answers[seen]), "received_at": work.now} for seen in sorted(answers)
    ]
    new = statements.insert_new_keys(work, InboxEvent, rows, "company", "source", "id")
    for row in rows:
        if (row["company"], row["source"], row["id"]) not in new:
            mine = [getattr(InboxEvent, name) == row[name] for name in ("company", "source", "id")]
            claimed = update(InboxEvent).where(*mine, col(InboxEvent.answer) == _UNANSWERED)
            statements.run(work, claimed.values(answer=row["answer"]))


def set_aside(
    work: Work, door: str, body: bytes, problems: Sequence[str], place: str = "", key: Key | None = None
) -> None:
    """Keep what could not be read, once for each key that brings it, with the reason and what the key may do now.

    `place` is where it stood (file and line). Of what is too long to be an event the beginning is kept.
    """
    row = {
        "door": door,
        "place": place,
        "key": key.id if key else "",
        "companies": api_keys.said(key.companies if key else None),
        "scopes": api_keys.said(key.scopes if key else None),
        "body_hash": fingerprint(body),
        "body": body if len(body) <= MOST_BYTES else body[:LONGEST_BEGINNING],
        "size": len(body),
        "problems": json.dumps(list(problems)),
        "state": "open",
        "received_at": work.now,
    }
    statements.insert_new(work, DeadLetter, [row], returning="body_hash")


def is_set_aside(work: Work, body: bytes, key: Key) -> bool:
    """Whether this very body of the key is among what could not be read, open or closed."""
    mine = select(DeadLetter.id).where(DeadLetter.key == key.id, DeadLetter.body_hash == fingerprint(body))
    return work.session.exec(mine).first() is not None


def open_of_key(work: Work, door: str, key: str = "") -> tuple[int, int]:
    """How many open entries the key has brought by this door, and their bytes; the stream has no keys."""
    kept = func.coalesce(func.sum(func.length(DeadLetter.body)), 0)
    mine = select(func.count(), kept).where(
        DeadLetter.door == door, DeadLetter.key == key, DeadLetter.state == word("open")
    )
    count, size = work.session.exec(mine).one()
    return int(count), int(size)


def dead_letters(work: Work, limit: int = 100, state: str = "open") -> Sequence[DeadLetter]:
    """The newest entries of this state first."""
    newest = select(DeadLetter).where(DeadLetter.state == state).order_by(col(DeadLetter.id).desc()).limit(limit)
    return work.session.exec(newest).all()


def page_of_dead_letters(work: Work, state: str, wanted: PageWanted) -> PageFound:
    """A page of the entries of this state, the newest first, as plain rows."""
    asked = select(DeadLetter).where(DeadLetter.state == state)
    return page_of(work, asked, {"id": col(DeadLetter.id)}, wanted, newest_first=True)


def dead_letter(work: Work, number: int) -> DeadLetter | None:
    """One entry by its number."""
    return work.session.get(DeadLetter, number)


def close(work: Work, number: int, **how: Any) -> bool:
    """Close an open entry: its new `state`, who closed it and why; False when somebody was first."""
    mine = update(DeadLetter).where(col(DeadLetter.id) == number, col(DeadLetter.state) == "open")
    return bool(statements.run(work, mine.values(closed_at=work.now, **how)).rowcount)
