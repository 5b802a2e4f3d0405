"""How far each way out has come, how it is doing, and what it must try again.

Companies' own endpoints for webhooks: an address that may be seen, a signing secret that is sealed.
"""

import base64
import functools
import json
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, func, update
from sqlalchemy import select as pick
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from events.export import InvoiceExportCompleted, InvoiceExportFailed, InvoiceExportSucceeded
from store import statements
from store.tables import DoorOut, Endpoint, OutboxEvent, Redelivery
from store.tables.columns import word
from store.unit_of_work import Work
from store.vault import Vault

_WINDOW = 1000
_WAITING = word("waiting")
_OF_REQUESTS = {
    InvoiceExportSucceeded.TYPE: "answers",
    InvoiceExportFailed.TYPE: "answers",
    InvoiceExportCompleted.TYPE: "completes",
}


@dataclass(frozen=True)
class Window:
    """Some of the feed behind a door's position, and how far the door has come with them."""

    events: Sequence[Any]
    to: int


def position(work: Work, door: str) -> int:
    """The last feed position this door has taken up; a new door begins at the feed's start."""
    known = standing(work, door)
    return int(known.position) if known else 0


def lag(work: Work, door: str) -> Any:
    """What the door has before it: its `position`, the feed's `newest`, and whether something waits `unstamped`."""
    return statements.rows(work, _lag(), door=door)[0]


@functools.cache
def _lag() -> Any:
    come = pick(col(DoorOut.position)).where(col(DoorOut.door) == bindparam("door")).scalar_subquery()
    last = pick(func.max(OutboxEvent.position)).scalar_subquery()
    asked: list[Any] = [
        func.coalesce(come, 0).label("position"),
        func.coalesce(last, 0).label("newest"),
        exists().where(col(OutboxEvent.position).is_(None)).label("unstamped"),
    ]
    return pick(*asked)


def standing(work: Work, door: str) -> Any:
    """How the door is doing, as a plain row; None for a door nothing went through yet."""
    return statements.look_up(work, DoorOut, door=door)


def standings(work: Work) -> Mapping[str, Any]:
    """How each door is doing, by name."""
    return {row.door: row for row in statements.rows(work, pick(*DoorOut.__table__.c))}  # type: ignore[attr-defined]


def newest(work: Work) -> int:
    """The feed's last position."""
    return statements.run(work, pick(func.max(OutboxEvent.position))).scalar_one() or 0


def newest_by_company(work: Work, after: int) -> Mapping[str, int]:
    """The last position of each company with events behind this one."""
    asked = pick(col(OutboxEvent.company), func.max(OutboxEvent.position)).where(col(OutboxEvent.position) > after)
    return {row[0]: row[1] for row in statements.rows(work, asked.group_by(col(OutboxEvent.company)))}


def behind(work: Work, after: int, company: str | None) -> int:
    """How many events, of one company or of all, are behind this position."""
    asked = pick(func.count()).select_from(OutboxEvent).where(col(OutboxEvent.position) > after)
    if company is not None:
        asked = asked.where(col(OutboxEvent.company) == company)
    return int(statements.run(work, asked).scalar_one())


def move_on(work: Work, door: str, to: int) -> None:
    """The door has taken up everything to this position; a relay that says so late never takes it back."""
    further = case((col(DoorOut.position) < to, to), else_=col(DoorOut.position))
    statements.upsert(work, DoorOut, [{"door": door, "position": to}], {"position": further}, ["door"])


def window(work: Work, door: str, company: str | None, most: int) -> Window:
    """The next events for this door, of one company where it is that company's; and how far that takes it."""
    start = position(work, door)
    end = min(start + _WINDOW, newest(work))
    feed = pick(*OutboxEvent.__table__.c).where(  # type: ignore[attr-defined]
        col(OutboxEvent.position) > start, col(OutboxEvent.position) <= end
    )
    if company is not None:
        feed = feed.where(col(OutboxEvent.company) == company)
    events = statements.rows(work, feed.order_by(col(OutboxEvent.position)).limit(most))
    return Window(events, events[-1].position if len(events) == most else max(start, end))


def doing(work: Work, door: str, failures: int, wait: float, trouble: str) -> None:
    """Keep how the door is doing: failures in a row, and the seconds until it is worth trying again."""
    row = {
        "door": door,
        "position": 0,
        "failures": failures,
        "rests_until": work.after(wait) if wait else None,
        "trouble": trouble[:500],
    }
    changes = dict.fromkeys(("failures", "rests_until", "trouble"), "excluded")
    statements.upsert(work, DoorOut, [row], changes, ["door"])


def request_key(event: Any) -> dict[str, str]:
    """The request (column and name) that this event of the outbox `answers` or `completes`; empty for others."""
    column = _OF_REQUESTS.get(event.type)
    return {column: json.dumps([event.company, json.loads(event.body)["data"]["request"]])} if column else {}


def unanswered(work: Work, door: str, requests: Sequence[str]) -> set[str]:
    """Those of these requests (as `request_key` names them) with an answer that this door still waits to deliver."""
    if not requests:
        return set()
    waiting = (col(Redelivery.door) == door, col(Redelivery.state) == _WAITING)
    asked = pick(col(Redelivery.answers)).where(*waiting, col(Redelivery.answers).in_(requests))
    return {row.answers for row in statements.rows(work, asked.distinct())}


def _is_due(work: Work) -> Any:
    """To be tried now: its time has come, and it is not the end of a request with answers that still wait."""
    answer = aliased(Redelivery)
    of_the_same = col(answer.answers) == col(Redelivery.completes)
    waits = exists().where(col(answer.door) == col(Redelivery.door), col(answer.state) == _WAITING, of_the_same)
    return and_(col(Redelivery.state) == _WAITING, col(Redelivery.due_at) <= work.now, ~waits)


def try_again(work: Work, door: str, event: Any, wait: float | None, tries: int, trouble: str) -> None:
    """The event could not be delivered: again in `wait` seconds, or never when there is no wait."""
    row = {
        "answers": None,
        "completes": None,
        **request_key(event),
        "door": door,
        "event_id": event.id,
        "state": "given_up" if wait is None else "waiting",
        "tries": tries,
        "due_at": work.after(wait or 0),
        "trouble": trouble[:500],
    }
    changes = dict.fromkeys(("state", "tries", "due_at", "trouble"), "excluded")
    statements.upsert(work, Redelivery, [row], changes, ["door"])


def delivered(work: Work, door: str, event_id: str) -> None:
    """The event got through."""
    statements.run(work, delete(Redelivery).where(col(Redelivery.door) == door, col(Redelivery.event_id) == event_id))


def due_again(work: Work, door: str, most: int = 50) -> Sequence[Any]:
    """Events to try again now, those that wait longest first: rows (of OutboxEvent, and its `tries`)."""
    asked = (
        pick(*OutboxEvent.__table__.c, col(Redelivery.tries))  # type: ignore[attr-defined]
        .join(Redelivery, col(Redelivery.event_id) == col(OutboxEvent.id))
        .where(col(Redelivery.door) == door, _is_due(work))
        .order_by(col(Redelivery.due_at), col(OutboxEvent.position))
        .limit(most)
    )
    return statements.rows(work, asked)


def hasten(work: Work, door: str, is_hastened: Callable[[int], bool]) -> None:
    """Of what waits to be tried again there, what `is_hastened` by its number of tries is due now."""
    waiting = (col(Redelivery.door) == door, col(Redelivery.state) == _WAITING, col(Redelivery.due_at) > work.now)
    known = statements.rows(work, pick(col(Redelivery.tries)).where(*waiting).distinct())
    if chosen := [row.tries for row in known if is_hastened(row.tries)]:
        statements.run(
            work, update(Redelivery).where(*waiting, col(Redelivery.tries).in_(chosen)).values(due_at=work.now)
        )


def due_doors(work: Work) -> set[str]:
    """Doors with something to try again now."""
    asked = pick(col(Redelivery.door)).where(_is_due(work))
    return {row.door for row in statements.rows(work, asked.distinct())}


def counts(work: Work) -> Mapping[tuple[str, str], int]:
    """How many deliveries wait or are given up, by (door, state)."""
    asked = pick(col(Redelivery.door), col(Redelivery.state), func.count())
    found = statements.rows(work, asked.group_by(col(Redelivery.door), col(Redelivery.state)))
    return {(row[0], row[1]): row[2] for row in found}


def given_up(work: Work, most: int = 100) -> Sequence[Any]:
    """Deliveries that were given up, newest first: door, event, its company and type, tries, trouble, since when."""
    shown = (col(OutboxEvent.company), col(OutboxEvent.type))
    asked = (
        pick(*Redelivery.__table__.c, *shown)  # type: ignore[attr-defined]
        .join(OutboxEvent, col(OutboxEvent.id) == col(Redelivery.event_id))
        .where(col(Redelivery.state) == word("given_up"))
        .order_by(col(Redelivery.due_at).desc(), col(Redelivery.event_id))
        .limit(most)
    )
    return statements.rows(work, asked)


def retry(work: Work, events: Sequence[str] | None, door: str | None = None) -> int:
    """Try given-up deliveries again, from the first try on: these events', or all; gives how many."""
    again = update(Redelivery).where(col(Redelivery.state) == word("given_up"))
    if events is not None:
        again = again.where(col(Redelivery.event_id).in_(events))
    if door is not None:
        again = again.where(col(Redelivery.door) == door)
    return statements.run(work, again.values(state="waiting", tries=0, due_at=work.now)).rowcount


def forget(work: Work, door: str) -> None:
    """The door is gone, with what waits at it."""
    statements.run(work, delete(Redelivery).where(col(Redelivery.door) == door))
    statements.run(work, delete(DoorOut).where(col(DoorOut.door) == door))


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint as it was made; its secret is shown this once."""

    id: str
    company: str
    url: str
    secret: str = field(repr=False)


def door_of(endpoint_id: str) -> str:
    """The name of the way out that leads to this endpoint."""
    return f"webhook/{endpoint_id}"


def add_endpoint(work: Work, vault: Vault, company: str, url: str) -> NewEndpoint:
    """A new endpoint of the company, or the one it has at this address; it gets what comes from now on."""
    known = work.session.exec(select(Endpoint).where(Endpoint.company == company, Endpoint.url == url)).first()
    if known:
        return NewEndpoint(known.id, company, url, vault.open(known.secret))
    made = NewEndpoint(uuid.uuid4().hex[:12], company, url, _new_secret())
    row = Endpoint(id=made.id, company=company, url=url, secret=vault.seal(made.secret), created_at=work.now)
    work.session.add(row)
    work.session.flush()
    move_on(work, door_of(made.id), newest(work))
    return made


def rotate_endpoint(work: Work, vault: Vault, endpoint_id: str) -> NewEndpoint | None:
    """The endpoint with a new secret; the one before signs beside it until the next time. None: no such endpoint."""
    asked = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()
    known = work.session.exec(asked).first()
    if known is None:
        return None
    made = NewEndpoint(endpoint_id, known.company, known.url, _new_secret())
    known.former_secret, known.secret = known.secret, vault.seal(made.secret)
    work.session.flush()
    return made


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def all_endpoints(work: Work) -> Sequence[Endpoint]:
    """All endpoints, by company."""
    return work.session.exec(select(Endpoint).order_by(col(Endpoint.company), col(Endpoint.created_at))).all()


def remove_endpoint(work: Work, endpoint_id: str) -> Endpoint | None:
    """Drop the endpoint and what waits for it; None where there is none."""
    known = work.session.get(Endpoint, endpoint_id)
    if known is None:
        return None
    work.session.delete(known)
    forget(work, door_of(endpoint_id))
    return known
