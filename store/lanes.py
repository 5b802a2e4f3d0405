"""Lanes: what is due in each, why it waits and until when.

Which lanes have work.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, case, exists, literal, or_, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select

from events.accounting_target import Lane, Organisation
from store import connections, pauses, restores, statements
from store.paging import rows_counted
from store.tables import Batch, Company, CompanyConnection, Export, LaneState
from store.tables.columns import word
from store.unit_of_work import Work

UNKNOWN_IN_A_ROW = 3
_FRESH_SECONDS = 60.0
_TOGETHER_SECONDS = 600.0
_NEWS_SECONDS = 5.0


@dataclass(frozen=True)
class Due:
    """What a turn of a lane would find, and in which `organisation`, if the company is connected to it still.

    Moments are database time, read at `now`.
    `unsettled` counts uncertain batches; `broken_lanes` counts lanes, of anybody, that Xero has just stopped
    answering properly, and is 0 while it answers anyone.
    """

    now: datetime
    organisation: Organisation | None
    settled_batch: str | None
    unsettled: int
    unknown_in_a_row: int
    refused_in_a_row: int
    broken_lanes: int
    waiting: int
    single: bool
    next_at: datetime | None
    blocked_until: datetime | None
    stopped: str | None

    @property
    def anything(self) -> bool:
        """Whether there is a call to make now."""
        return bool(self.settled_batch or self.waiting)

    @functools.cached_property
    def troubled(self) -> bool:
        """Whether the outcome of a call is unknown, or Xero refused the last one: then one call goes at a time."""
        return bool(self.unsettled or self.unknown_in_a_row or self.refused_in_a_row)


@dataclass(frozen=True)
class Refusals:
    """Calls of a lane that Xero answered with 401 or 403, one after another.

    `since` is when the first of them came, so many `seconds` ago; `others` are open lanes that meet the same now.
    """

    in_a_row: int
    since: datetime
    seconds: float
    others: int


def due_work(work: Work, lane: Lane, enough: int = 51) -> Due:
    """What is due in the lane; `waiting` counts no further than `enough`, `next_at` is known where it is less."""
    asked = {"company": lane.company, "tenant": lane.tenant, "now": work.now, "enough": enough}
    (seen,) = statements.rows(work, _all(), **asked, fresh=work.after(-_FRESH_SECONDS))
    return Due(
        now=work.now,
        organisation=connections.organisation_in(seen, lane),
        settled_batch=seen.settled_batch,
        unsettled=seen.unsettled,
        unknown_in_a_row=seen.unknown_in_a_row or 0,
        refused_in_a_row=seen.refused_in_a_row or 0,
        broken_lanes=_broken_lanes(work, seen.broken_lanes),
        waiting=seen.waiting,
        single=seen.priority == 0,
        next_at=min((moment for moment in (seen.later, seen.settles_at) if moment), default=None),
        blocked_until=seen.blocked_until,
        stopped="paused" if seen.paused else "restore" if seen.unread else _stopped(seen),
    )


@functools.cache
def _all() -> Any:
    """All that `due_work` asks, in one row: to ask costs more than what is asked."""
    company, tenant, now = (bindparam(name) for name in ("company", "tenant", "now"))  # type: ignore[var-annotated]
    pending = (Export.company == company, Export.tenant == tenant, Export.state == word("pending"))
    ready = select(Export.priority).where(*pending, col(Export.due_at) <= now).order_by(col(Export.priority))
    some = ready.limit(bindparam("enough")).subquery()
    waiting = select(func.count().label("waiting"), func.min(some.c.priority).label("priority")).subquery()
    uncertain = (Batch.company == company, Batch.tenant == tenant, Batch.state == word("uncertain"))
    fresh = func.count(case((col(Batch.watched_since).is_(None), 1)))  # what is watched for hours holds nobody back
    counted = select(fresh.label("unsettled"), func.min(Batch.settle_at).label("settles_at"))
    parked = counted.where(*uncertain).subquery()
    settled = select(Batch.id).where(*uncertain, col(Batch.settle_at) <= now, col(Batch.lease_until) <= now)
    broken = select(func.count()).where(
        col(LaneState.unknown_in_a_row) >= UNKNOWN_IN_A_ROW, col(LaneState.changed_at) > bindparam("fresh")
    )
    later = select(func.min(Export.due_at)).where(*pending, col(Export.due_at) > now).scalar_subquery()
    mine: Any = aliased(LaneState)
    is_mine = (mine.company == company) & (mine.tenant == tenant)
    joined = waiting.join(parked, true()).outerjoin(mine, is_mine)
    joined = joined.outerjoin(CompanyConnection, col(CompanyConnection.company) == company)
    asked = select(mine.state, mine.cause, mine.blocked_until, mine.unknown_in_a_row)
    return asked.select_from(joined.outerjoin(Company, connections.of_connection())).add_columns(
        mine.refused_in_a_row,
        *connections.organisation_columns(),
        case((waiting.c.waiting < bindparam("enough"), later)).label("later"),
        *waiting.c,
        *parked.c,
        settled.order_by(col(Batch.settle_at)).limit(1).scalar_subquery().label("settled_batch"),
        broken.scalar_subquery().label("broken_lanes"),
        pauses.is_held(company).label("paused"),
        restores.is_held(company, tenant).label("unread"),
    )


def block(work: Work, lane: Lane, cause: str, message: str, until: datetime) -> bool:
    """Let the lane wait until a moment; True when this is news."""
    state = _state(work, lane)
    news = state.cause != cause or state.blocked_until is None or state.blocked_until < work.now
    state.cause, state.message, state.blocked_until, state.changed_at = cause, message, until, work.now
    work.session.flush()
    return news


def stop(work: Work, lane: Lane, cause: str, message: str) -> bool:
    """Stop the lane until a person or an event opens it again; True when this is news."""
    state = _state(work, lane)
    news = state.state == "open"
    state.state, state.cause, state.message, state.changed_at = "stopped", cause, message, work.now
    work.session.flush()
    return news


def is_troubled(work: Work, lane: Lane) -> bool:
    """Whether several calls of the lane in a row had no outcome: then it is not for what they carried."""
    state = _seen(work, lane)
    return state is not None and state.unknown_in_a_row >= UNKNOWN_IN_A_ROW


def why_stopped(work: Work, lane: Lane) -> str | None:
    """Why the lane is stopped until a person acts; None while it is open."""
    return _stopped(work.session.get(LaneState, lane))


def reopen(work: Work, lane: Lane) -> None:
    """Let the lane go on."""
    state = _state(work, lane)
    state.state, state.cause, state.message, state.blocked_until = "open", None, "", None
    state.unknown_in_a_row, state.refused_in_a_row, state.changed_at = 0, 0, work.now
    state.refused_since, state.limit_named, state.limit_until = None, "", None
    work.session.flush()


def name_limit(work: Work, lane: Lane, limit: str, until: datetime) -> None:
    """Note which limit of Xero's bulk sends wait for, and until when; a person's own may still go."""
    state = _state(work, lane)
    state.limit_named, state.limit_until = limit, until
    work.session.flush()


def count_refused(work: Work, lane: Lane) -> Refusals:
    """One more call of this lane was answered with 401 or 403."""
    state = _state(work, lane)
    state.refused_in_a_row += 1
    state.refused_since = state.refused_since or work.now
    state.changed_at = work.now
    work.session.flush()
    since = state.refused_since
    others = select(func.count()).where(
        LaneState.state == "open",
        col(LaneState.refused_in_a_row) > 0,
        col(LaneState.changed_at) > work.after(-_TOGETHER_SECONDS),
        (LaneState.company != lane.company) | (LaneState.tenant != lane.tenant),
    )
    seconds = (work.now - since).total_seconds()
    return Refusals(state.refused_in_a_row, since, seconds, work.session.exec(others).one())


def count_unknown(work: Work, lane: Lane) -> int:
    """One more outcome is unknown in this lane; give how many in a row."""
    state = _state(work, lane)
    state.unknown_in_a_row += 1
    state.changed_at = work.now
    work.session.flush()
    return state.unknown_in_a_row


def note_answer(work: Work, lane: Lane) -> None:
    """Xero answered: the row of unknown outcomes and of refusals is over.

    What is known already is not written again, or the turns of a lane would queue up for one row.
    """
    asked = {"company": lane.company, "tenant": lane.tenant, "now": work.now}
    statements.run(work, _answered(on_sqlite=work.on_sqlite), **asked, fresh=work.after(-_NEWS_SECONDS))


@functools.cache
def _answered(*, on_sqlite: bool) -> Any:
    """An upsert of nothing, which locks nothing, where the answer is no news."""
    now = bindparam("now", type_=LaneState.__table__.c.changed_at.type)  # type: ignore[attr-defined]
    row: dict[str, Any] = {
        "company": bindparam("company", type_=String),
        "tenant": bindparam("tenant", type_=String),
        "state": literal("open"),
        "message": literal(""),
        "unknown_in_a_row": literal(0),
        "refused_in_a_row": literal(0),
        "answered_at": now,
        "changed_at": now,
    }
    known = exists().where(
        LaneState.company == row["company"],
        LaneState.tenant == row["tenant"],
        col(LaneState.unknown_in_a_row) == 0,
        col(LaneState.refused_in_a_row) == 0,
        col(LaneState.answered_at) > bindparam("fresh"),
    )
    insert = sqlite.insert if on_sqlite else postgresql.insert
    news = insert(LaneState).from_select(list(row), select(*row.values()).where(~known))
    changed = {name: news.excluded[name] for name in ("unknown_in_a_row", "refused_in_a_row", "answered_at")}
    return news.on_conflict_do_update(index_elements=["company", "tenant"], set_=changed | {"refused_since": None})


def _seen(work: Work, lane: Lane) -> LaneState | None:
    """The lane's row, only to be looked at."""
    seen: LaneState | None = statements.look_up(work, LaneState, company=lane.company, tenant=lane.tenant)
    return seen


def _stopped(state: Any) -> str | None:
    return state.cause if state and state.state not in (None, "open") else None


def _broken_lanes(work: Work, count: int) -> int:
    """So many lanes in fresh trouble, unless somebody else got an answer since."""
    if not count:
        return 0
    last = work.session.exec(select(func.max(LaneState.answered_at))).one()
    return 0 if last and last > work.after(-_FRESH_SECONDS) else count


def _state(work: Work, lane: Lane) -> LaneState:
    """The lane's row, locked, made where there was none: several turns may be the first to meet trouble."""
    blank = {"company": lane.company, "tenant": lane.tenant, "state": "open", "message": "", "unknown_in_a_row": 0}
    asked = select(LaneState).where(LaneState.company == lane.company, LaneState.tenant == lane.tenant)
    locked = asked.with_for_update().execution_options(populate_existing=True)
    state = work.session.exec(locked).first()
    if state is None:
        statements.insert_new(work, LaneState, [{**blank, "changed_at": work.now}], returning="company")
        state = work.session.exec(locked).one()
    return state


@dataclass(frozen=True)
class WaitingInvoices:
    """Invoices in queues: how many, since when the oldest, how many of them wait to be tried again and when the next.

    Counted so far as pages count.
    """

    count: int
    since: datetime | None
    retries: int
    next_at: datetime | None


def waiting(work: Work, company: str) -> WaitingInvoices:
    """What waits in a company's queue, or in all."""
    mine = select(Export.id).where(Export.state == word("pending"))
    some = col(Export.state).in_((word("pending"), word("uncertain")))
    oldest: Any = select(func.min(Export.live_since)).where(some)
    if company:
        mine, oldest = mine.where(Export.company == company), oldest.where(Export.company == company)
    later = mine.where(col(Export.due_at) > work.now, Export.attempts > 0)
    soonest: Any = select(func.min(Export.due_at)).where(col(Export.id).in_(later))
    return WaitingInvoices(
        rows_counted(work, mine),
        work.session.exec(oldest).one(),
        rows_counted(work, later),
        work.session.exec(soonest).one(),
    )


def lanes_due(work: Work) -> Sequence[Lane]:
    """The lanes that a turn would help now; the rescuer's question."""
    held = select(LaneState.company, LaneState.tenant).where(
        or_(col(LaneState.state) != "open", col(LaneState.blocked_until) > work.now)
    )
    idle = {Lane(*row) for row in work.session.exec(held)}
    pending = select(Export.company, Export.tenant).where(
        Export.state == word("pending"), col(Export.due_at) <= work.now, Export.tenant != ""
    )
    settled = select(Batch.company, Batch.tenant).where(
        Batch.state == word("uncertain"), col(Batch.settle_at) <= work.now
    )
    found = {Lane(*row) for rows in (pending, settled) for row in work.session.exec(rows.distinct())}
    paused = {pause.scope for pause in pauses.active(work)}
    if pauses.EVERYBODY in paused:
        return []
    return sorted(lane for lane in found - idle - restores.held(work).keys() if lane.company not in paused)


def is_anything_due(work: Work, company: str | None = None) -> Sequence[Lane]:
    """The lanes of a company, or of all, that have anything pending or uncertain, due or not."""
    pending: Any = select(Export.company, Export.tenant).where(Export.state == word("pending"), Export.tenant != "")
    parked: Any = select(Batch.company, Batch.tenant).where(Batch.state == word("uncertain"))
    if company:
        pending, parked = pending.where(Export.company == company), parked.where(Batch.company == company)
    found = {Lane(*row) for rows in (pending, parked) for row in work.session.exec(rows.distinct())}
    return sorted(found)
