"""Companies as ops watch them: why each waits, until when, what it may still ask of Xero, when it should be done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from store import pauses, standing
from store.pauses import EVERYBODY
from store.standing import Load, Standing
from store.tables import Pause
from store.unit_of_work import Work
from worker.connections import health
from worker.connections.health import Health
from worker.decisions import breaker, estimating, standing_still
from worker.decisions.standing_still import Lane, Why
from worker.outgoing import progress
from worker.tools import Tools
from xero_adapter.pace import Outlook


@dataclass(frozen=True)
class Watched:
    """A company: how its connection is, why it waits, what it has before it.

    `outlook` is None while Redis is away or nobody is connected; `finish` None while nobody can say.
    """

    health: Health
    why: Why
    load: Load
    outlook: Outlook | None
    finish: datetime | None
    pause: Pause | None


def look(tools: Tools, work: Work, companies: Collection[str]) -> list[Watched]:
    """These companies, by id, in a constant number of questions."""
    rows = standing.of(work, companies)
    loads = standing.loads(work, companies)
    held = {one.scope: one for one in pauses.active(work)}
    seen = health.outlooks(tools, rows)
    return [
        _watched(tools, work.now, row, loads[row.company.id], seen.get(row.at.tenant) if row.at else None, held)
        for row in rows
    ]


def in_words(pause: Pause) -> str:
    """The sentence of a pause."""
    whom = "Everything is paused" if pause.scope == EVERYBODY else "Paused"
    why = f": {pause.why}" if pause.why else ""
    return f"{whom} by {pause.by} since {pause.at:%Y-%m-%d %H:%M} UTC{why}."


def _watched(
    tools: Tools, now: datetime, row: Standing, load: Load, outlook: Outlook | None, held: dict[str, Pause]
) -> Watched:
    seen = {row.at.tenant: outlook} if row.at and outlook else {}
    known = health.of(tools, now, row, load, seen)
    pause = held.get(row.company.id) or held.get(EVERYBODY)
    why = standing_still.why(_lane(row, known, load, outlook, pause), now)
    return Watched(known, why, load, outlook, _finish(tools, now, row, why, load, outlook), pause)


def _lane(row: Standing, known: Health, load: Load, outlook: Outlook | None, pause: Pause | None) -> Lane:
    lane = row.lane
    spent = outlook is not None and outlook.minute_left == 0
    over = outlook is not None and outlook.day_left == 0
    unknown = lane.unknown_in_a_row if lane else 0
    return Lane(
        pending=load.pending,
        in_flight=load.in_flight,
        uncertain=load.uncertain,
        wrong=known.wrong or "",
        stopped=lane.message if lane and lane.state != "open" else "",
        paused=in_words(pause) if pause else "",
        blocked_until=lane.blocked_until if lane else None,
        cause=(lane.cause or "") if lane else "",
        limit=outlook.limit if outlook else "",
        limit_seconds=outlook.paused if outlook else 0,
        minute_frees=outlook.minute_frees if outlook and spent else 0,
        day_ends=outlook.day_ends if outlook and over else 0,
        holds_back=breaker.holds_back(_Trouble(load.uncertain, unknown)),
    )


@dataclass(frozen=True)
class _Trouble:
    """What the breaker looks at, of one lane alone."""

    unsettled: int
    unknown_in_a_row: int
    broken_lanes: int = 0


def _finish(
    tools: Tools, now: datetime, row: Standing, why: Why, load: Load, outlook: Outlook | None
) -> datetime | None:
    if outlook is None or not load.live or why.state in ("needs_person", "paused"):
        return None
    blocked = row.lane.blocked_until if row.lane and not outlook.paused else None
    quota = progress.quota(tools.settings, outlook)
    seconds = estimating.seconds_until_done(load.live, quota)
    return max(now, blocked or now) + timedelta(seconds=seconds)
