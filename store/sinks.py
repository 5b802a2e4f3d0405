"""How far each way out has come, how it is doing, and what it must try again."""

import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, func, literal_column, update
from sqlalchemy import select as pick
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from events.export import InvoiceExportCompleted, InvoiceExportFailed, InvoiceExportSucceeded
from store import canaries, statements
from store.tables import DeliveryTry, DoorOut, Duty, Item, LogEntry, OutboxEvent, Redelivery, Request
from store.tables.columns import word
from store.tables.doors import ABOUT_REQUESTS
from store.unit_of_work import Work

_RESENT_AT_ONCE = 1000
_WAITING = word("waiting")
_SINCE_THE_FIRST: Any = literal_column("coalesce(doors_out.failing_since, excluded.failing_since)")
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
    """What the door has before it: its `position`, the feed's `newest`, and whether something waits `unstamped`.

    And whether a `canary` waits to be told of the relay.
    """
    return statements.rows(work, _lag(), door=door)[0]


@functools.cache
def _lag() -> Any:
    come = pick(col(DoorOut.position)).where(col(DoorOut.door) == bindparam("door")).scalar_subquery()
    last = pick(func.max(OutboxEvent.position)).scalar_subquery()
    asked: list[Any] = [
        func.coalesce(come, 0).label("position"),
        func.coalesce(last, 0).label("newest"),
        exists().where(col(OutboxEvent.position).is_(None)).label("unstamped"),
        canaries.waits_for_the_relay().label("canary"),
    ]
    return pick(*asked)


def standing(work: Work, door: str) -> Any:
    """How the door is doing, as a plain row; None for a door nothing went through yet."""
    return statements.look_up(work, DoorOut, door=door)


def standings(work: Work, within: Collection[str] | None = None) -> Mapping[str, Any]:
    """How each door is doing, by name; those of `within`, or all."""
    asked = pick(*DoorOut.__table__.c)  # type: ignore[attr-defined]
    asked = asked if within is None else asked.where(col(DoorOut.door).in_(within))
    return {row.door: row for row in statements.rows(work, asked)}


def newest(work: Work) -> int:
    """The feed's last position."""
    return statements.run(work, pick(func.max(OutboxEvent.position))).scalar_one() or 0


def behind(work: Work, after: int, company: str | None, within: int | None = None) -> int:
    """How many events, of one company or of all, are behind this position (among the next `within` of the feed)."""
    asked = pick(func.count()).select_from(OutboxEvent).where(col(OutboxEvent.position) > after)
    if within is not None:
        asked = asked.where(col(OutboxEvent.position) <= after + within)
    if company is not None:
        asked = asked.where(col(OutboxEvent.company) == company)
    return int(statements.run(work, asked).scalar_one())


def move_on(work: Work, door: str, to: int) -> None:
    """The door has taken up everything to this position; a relay that says so late never takes it back."""
    further = case((col(DoorOut.position) < to, to), else_=col(DoorOut.position))
    statements.upsert(work, DoorOut, [{"door": door, "position": to}], {"position": further}, ["door"])


def window(work: Work, start: int, company: str | None, most: int) -> Window:
    """The next events behind a door's position, of one company where it is that company's; how far that takes it."""
    end = newest(work)
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
        "failing_since": work.now if failures else None,
    }
    changes: dict[str, Any] = dict.fromkeys(("failures", "rests_until", "trouble"), "excluded")
    changes["failing_since"] = _SINCE_THE_FIRST if failures else "excluded"
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
        **_redelivery(door, event, tries, trouble),
        "state": "given_up" if wait is None else "waiting",
        "due_at": work.after(wait or 0),
    }
    changes = dict.fromkeys(("state", "tries", "due_at", "trouble"), "excluded")
    statements.upsert(work, Redelivery, [row], changes, ["door"])


def _redelivery(door: str, event: Any, tries: int, trouble: str) -> dict[str, Any]:
    named = {"door": door, "event_id": event.id, "tries": tries, "trouble": trouble[:500]}
    return {"answers": None, "completes": None, **request_key(event), **named}


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


def waiting(work: Work, door: str, most: int) -> int:
    """How many deliveries wait at the door to be tried again, counted up to so many."""
    mine = pick(col(Redelivery.event_id)).where(col(Redelivery.door) == door, col(Redelivery.state) == _WAITING)
    return int(statements.run(work, pick(func.count()).select_from(mine.limit(most).subquery())).scalar_one())


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


@dataclass(frozen=True)
class FeedSelection:
    """Which events of the feed are meant: all that is named has to fit; `event` is one by its id."""

    since: datetime | None = None
    company: str | None = None
    request: str | None = None
    invoice: str | None = None
    event: str | None = None

    def conditions(self, reader: str | None) -> list[Any]:
        """What a row of the outbox fulfils; `reader` is the company whose events are meant anyway (None: all)."""
        named = {"company": self.company, "id": self.event, "subject": self.invoice}
        wanted = [getattr(OutboxEvent, name) == value for name, value in named.items() if value is not None]
        if self.since:
            wanted.append(col(OutboxEvent.created_at) >= self.since)
        if self.invoice is not None:
            wanted.append(literal_column(f"NOT ({ABOUT_REQUESTS})"))
        if self.request is not None:
            wanted.append(col(OutboxEvent.id).in_(_of_request(reader or self.company, self.request)))
        return wanted


def sent_count(work: Work, door: str, company: str | None, which: FeedSelection) -> int:
    """How many of these events the door has taken up; `company` is the one whose events it gets (None: all)."""
    return int(statements.run(work, pick(func.count()).select_from(_sent(work, door, company, which))).scalar_one())


def resend(
    work: Work, door: str, company: str | None, which: FeedSelection, due: datetime, after: int = 0
) -> int | None:
    """Let these events go to the door again, from the first try on, in the order of the feed: a thousand of them.

    Gives the position to go on `after`; None at the end. `due` is the same for all pieces of an order: it keeps them
    in their order. What the door has not taken up yet comes anyway.
    """
    held = select(Duty.name).where(Duty.name == door)  # a round that writes down its outcomes has this row first
    statements.rows(work, held if work.on_sqlite else held.with_for_update())
    sent = _sent(work, door, company, which)
    piece = pick(sent).where(sent.c.position > after).order_by(sent.c.position).limit(_RESENT_AT_ONCE)
    events = statements.rows(work, piece)
    rows = [{**_redelivery(door, event, 0, ""), "state": "waiting", "due_at": due} for event in events]
    if rows:
        changes = dict.fromkeys(("state", "tries", "due_at", "trouble"), "excluded")
        statements.upsert(work, Redelivery, rows, changes, ["door", "event_id"])
    return int(events[-1].position) if len(events) == _RESENT_AT_ONCE else None


def _sent(work: Work, door: str, company: str | None, which: FeedSelection) -> Any:
    columns = [getattr(OutboxEvent, name) for name in ("id", "company", "type", "body", "position")]
    conditions = [col(OutboxEvent.position) <= position(work, door), *which.conditions(company)]
    if company is not None:
        conditions.append(col(OutboxEvent.company) == company)
    return pick(*columns).where(*conditions).subquery("sent")


def _of_request(company: str | None, request: str) -> Any:
    """The ids of the events about a request of this company (None: of any) and its invoices.

    By an index, however long the feed is.
    """
    asking: Any = pick(col(Request.company)).where(
        func.lower(Request.id) == request.lower(), col(Request.id) == request
    )
    whose: Any = asking if company is None else [company]
    of_same = (col(LogEntry.company) == col(Item.company)) & (col(LogEntry.invoice) == col(Item.invoice))
    answers = pick(col(LogEntry.event_id)).join(Item, of_same & (col(LogEntry.request) == col(Item.request)))
    mine = answers.where(col(Item.company).in_(whose), col(Item.request) == request)
    about: Any = pick(col(OutboxEvent.id)).where(literal_column(f"({ABOUT_REQUESTS})"))
    return mine.union_all(about.where(col(OutboxEvent.company).in_(whose), OutboxEvent.subject == request))


def forget(work: Work, door: str) -> None:
    """The door is gone, with what waits at it."""
    statements.run(work, delete(Redelivery).where(col(Redelivery.door) == door))
    statements.run(work, delete(DoorOut).where(col(DoorOut.door) == door))
    statements.run(work, delete(DeliveryTry).where(col(DeliveryTry.door) == door))
