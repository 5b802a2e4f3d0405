"""Events on their way out, and the projections that are written in the same transaction.

The feed: committed events in their order, in pages, for a host that asks for them.

A position is given after the commit, by one relay at a time whose row lock lasts until its own commit
(`store/outbox.stamp`, `store/processes.take_duty`): whatever is at or below the highest position can be seen, so a
reader that goes on from there passes nothing that is committed later.
"""

import functools
import itertools
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import bindparam, func, update
from sqlmodel import col, select

from events import codec
from events.export import InvoiceExportFailed, InvoiceExportSucceeded, asked_by
from events.snapshot import Event
from store import export_log, restores, statements
from store.tables import OutboxEvent, Request
from store.tables.columns import size_of
from store.unit_of_work import Work

SOURCE = "crewcard-xero"
AT_ONCE = 1000
_NAMESPACE = uuid.UUID("6f1d0ac4-52c5-4d2e-9a3a-6c1b0f2f9d11")
InvoiceAnswer = InvoiceExportSucceeded | InvoiceExportFailed


@dataclass(frozen=True)
class Outgoing:
    """An event and what it is about; `key` makes its id, so that the same news has the same id.

    `trace` is the one it belongs to (`codec.trace_of`), `at` when it came about, if not now.
    """

    event: Event
    company: str
    subject: str
    key: str
    cause: str | None = None
    trace: str | None = None
    at: datetime | None = None

    @property
    def id(self) -> str:
        """A stable event id."""
        return event_id(self.key)


@functools.lru_cache(maxsize=1024)  # asked for by the log as well as by the event
def event_id(key: str) -> str:
    """The event id that belongs to this key, always the same."""
    return str(uuid.uuid5(_NAMESPACE, key))


def log_answers(work: Work, answers: Sequence[InvoiceAnswer], waiting: Sequence[Any] = ()) -> Sequence[Outgoing]:
    """Log each answer and show it beside its invoice; at most one per invoice and request, ever.

    Gives them as they go out. `waiting` is what is known of their items (`requests.waiting`).
    """
    ordered = sorted(answers, key=lambda answer: (answer.company, answer.invoice))
    numbered = export_log.project(work, ordered, [event_id(_answer_key(answer)) for answer in ordered])
    requests = {(item.company, item.request): item for item in waiting if item.cause is not None}
    requests |= _requests(work, {(answer.company, answer.request) for answer in numbered} - requests.keys())
    return [_outgoing(one, requests.get((one.company, one.request))) for one in numbered]


def _outgoing(answer: InvoiceAnswer, request: Any) -> Outgoing:
    """An answer with what its request knows: who asked, the event behind it (of a replay that which it repeats)."""
    key = _answer_key(answer)
    if request is None:
        return Outgoing(answer, answer.company, answer.invoice, key)
    told = answer.model_copy(update={"requested_by": asked_by(request.requested_by, request.requested_by_name)})
    return Outgoing(told, answer.company, answer.invoice, key, request.cause, request.trace)


def _requests(work: Work, asked: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Any]:
    """Of each request (company, id): `cause`, `trace` and who asked."""
    found: dict[tuple[str, str], Any] = {}
    for company in sorted({company for company, _ in asked}):
        mine = sorted(request for one, request in asked if one == company)
        rows = statements.rows(work, _cause(on_sqlite=work.on_sqlite), company=company, requests=mine)
        found |= {(company, row.id): row for row in rows}
    return found


@functools.cache
def _cause(*, on_sqlite: bool) -> Any:
    mine = statements.among(col(Request.id), "requests", on_sqlite=on_sqlite)
    return select(Request.id, *of_request()).where(Request.company == bindparam("company"), mine)


def of_request() -> Sequence[Any]:
    """What an answer says of its request: `cause`, `trace` and who asked."""
    cause: Any = func.coalesce(Request.caused_by, Request.source_event).label("cause")
    return cause, Request.trace, Request.requested_by, Request.requested_by_name


def _answer_key(answer: InvoiceAnswer) -> str:
    request, invoice = (quote(one, safe=":") for one in (answer.request, answer.invoice))  # ids may have slashes
    return f"answer/{answer.company}/{request}/{invoice}"


def publish(work: Work, events: Sequence[Outgoing]) -> None:
    """Put events into the outbox, to be sent after the commit."""
    statements.insert(work, OutboxEvent, _rows(work, events))


def _rows(work: Work, events: Sequence[Outgoing]) -> list[dict[str, Any]]:
    work.told = work.told or bool(events)
    return [
        {
            "id": outgoing.id,
            "company": outgoing.company,
            "type": outgoing.event.TYPE,
            "subject": outgoing.subject,
            "body": codec.write(
                outgoing.event,
                id=outgoing.id,
                source=SOURCE,
                subject=outgoing.subject,
                time=outgoing.at or work.now,
                causation=outgoing.cause,
                trace=_trace(work, outgoing),
            ),
            "created_at": outgoing.at or work.now,
        }
        for outgoing in events
    ]


def _trace(work: Work, outgoing: Outgoing) -> str | None:
    """The event's trace; of the same one what is done here is nearer than the request."""
    here, wanted = work.trace, outgoing.trace
    return here if here and wanted and codec.trace_id(here) == codec.trace_id(wanted) else wanted


def trace_of(body: str) -> str | None:
    """The trace that an event was written in, by its text: its attributes stand before its data."""
    if '"traceparent"' not in body.partition(',"data":')[0]:
        return None
    written = json.loads(body)
    return codec.trace_of(written.get("traceparent"), written.get("tracestate"))


def publish_once(work: Work, event: Outgoing) -> bool:
    """Put an event into the outbox unless the same news went out before."""
    return bool(publish_each_once(work, [event]))


def publish_each_once(work: Work, events: Sequence[Outgoing]) -> set[str]:
    """Put those of these events into the outbox whose news did not go out before; gives their ids."""
    return statements.insert_new(work, OutboxEvent, _rows(work, events), returning="id")


def said(work: Work, key: str) -> dict[str, Any]:
    """The data of the event that was made under this key; empty when there is none."""
    row = work.session.get(OutboxEvent, event_id(key))
    data: dict[str, Any] = json.loads(row.body)["data"] if row else {}
    return data


def publish_new(work: Work, events: Sequence[Outgoing]) -> None:
    """Put those events into the outbox that did not go out before, nor are being put there at this moment."""
    asked = select(OutboxEvent.id).where(col(OutboxEvent.id).in_([event.id for event in events]))
    before = set(work.session.exec(asked))
    new = _rows(work, [event for event in events if event.id not in before])
    statements.insert_new(work, OutboxEvent, new, returning="id")


def stamp(work: Work, most: int = AT_ONCE) -> Sequence[Any]:
    """Give committed events their place in the feed; gives each `position`, `id`, `company` and `body`, in order.

    Only ever called under the relay's lease.
    """
    return sorted(statements.rows(work, _stamp(), most=most), key=lambda event: int(event.position))


@functools.cache
def _stamp() -> Any:
    ordered = (col(OutboxEvent.created_at), col(OutboxEvent.id))
    last = func.coalesce(select(func.max(OutboxEvent.position)).scalar_subquery(), 0)
    place = (last + func.row_number().over(order_by=ordered)).label("place")
    asked = select(OutboxEvent.id, place).where(col(OutboxEvent.position).is_(None))
    waiting = asked.order_by(*ordered).limit(bindparam("most")).subquery("waiting")
    mine = update(OutboxEvent).where(col(OutboxEvent.id) == waiting.c.id).values(position=waiting.c.place)
    return mine.returning(*(col(getattr(OutboxEvent, name)) for name in ("position", "id", "company", "body")))


def after(work: Work, position: int, most: int = AT_ONCE) -> Sequence[Any]:
    """The feed behind a position: each `position` and `body`, in order."""
    behind = select(OutboxEvent.position, OutboxEvent.body).where(col(OutboxEvent.position) > position)
    return statements.rows(work, behind.order_by(col(OutboxEvent.position)).limit(most))


FEED_MOST_BYTES = 8_000_000
LOOKED_AT = 10_000  # positions per page, so that a page of rare events costs no more than another


class Beyond(Exception):
    """A reader's cursor is of another feed: behind the `end` of this one, or of before a restore.

    With the cursor `on` it misses nothing and gets some events again; None where that cannot be said.
    """

    def __init__(self, end: int, on: int | None = None) -> None:
        super().__init__(f"the feed ends at {end}")
        self.end, self.on = end, on


@dataclass(frozen=True)
class FeedPage:
    """CloudEvents as JSON text, the cursor to go on from, and whether there is more to look at right now."""

    events: Sequence[str]
    next: int
    more: bool


def feed_page(
    work: Work, after: int, most: int, companies: Collection[str] | None = None, types: Collection[str] | None = None
) -> FeedPage:
    """The events behind a cursor, of these companies and types where they are named. Raises Beyond."""
    end = statements.run(work, select(func.max(OutboxEvent.position))).scalar_one() or 0
    epoch = restores.feed_epoch(work)
    after, on = epoch.position(after)
    if on is not None or after > end:
        raise Beyond(epoch.cursor(end), on)
    until = min(end, after + LOOKED_AT)
    where = [col(OutboxEvent.position) > after, col(OutboxEvent.position) <= until]
    if companies is not None:
        where.append(col(OutboxEvent.company).in_(sorted(companies)))
    if types is not None:
        where.append(col(OutboxEvent.type).in_(sorted(types)))
    last = _last(work, where, most)
    at = until if last is None else last
    asked = select(OutboxEvent.body).where(*where, col(OutboxEvent.position) <= at)
    found = statements.rows(work, asked.order_by(col(OutboxEvent.position)))
    return FeedPage([row.body for row in found], epoch.cursor(at), at < end)


def _last(work: Work, where: Sequence[Any], most: int) -> int | None:
    """The position at which a page is full; None while all there is to look at fits."""
    size = size_of(OutboxEvent.body, func.length if work.on_sqlite else func.octet_length)
    asked = select(OutboxEvent.position, size.label("size")).where(*where).order_by(col(OutboxEvent.position))
    left, found = FEED_MOST_BYTES, statements.rows(work, asked.limit(most))
    for row, following in itertools.pairwise(found):
        left -= row.size
        if following.size > left:
            return int(row.position)
    return int(found[-1].position) if len(found) == most else None
