"""The status of companies, read and decided: what every face shows of whether a company's invoices go out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.accounting_target import Lane, Outlook
from store import pauses, processes, restores, status
from store.pauses import EVERYBODY
from store.status import CompanyRows, Workload
from store.tables import LaneState, Pause
from store.unit_of_work import Work
from worker.connections import health
from worker.connections.health import Health
from worker.decisions import estimating, precedence, turns
from worker.decisions.precedence import Block, Obstacle, Status, StatusFacts
from worker.delivery import progress
from worker.tools import Tools


@dataclass(frozen=True)
class CompanyStatus:
    """A company: its status, how its connection is, what it has before it.

    `outlook` is None while Redis is away or nobody is connected; `finish` None while nobody can say.
    """

    status: Status
    health: Health
    load: Workload
    outlook: Outlook | None
    finish: datetime | None
    pause: Pause | None


def of_companies(tools: Tools, work: Work, companies: Collection[str] | None = None) -> list[CompanyStatus]:
    """These companies, or all, by id, in a constant number of questions."""
    rows = status.of_companies(work, companies)
    loads = status.workloads(work, [row.company.id for row in rows])
    held = {one.scope: one for one in pauses.active(work)}
    outlooks = health.outlooks(tools, rows)
    there = [one for one in processes.everyone(work) if one.kind == "worker" and not processes.is_silent(work, one)]
    workers = any(processes.takes_work(work, one) for one in there)
    around = _Around(work.now, workers, bool(there), outlooks is not None, restores.held(work))
    known = outlooks or {}
    return [_of_company(tools, row, loads[row.company.id], known, held, around) for row in rows]


def of_company(tools: Tools, work: Work, company: str) -> CompanyStatus | None:
    """One company's; None where there is no such company."""
    return next(iter(of_companies(tools, work, [company])), None)


def pause_in_words(pause: Pause) -> str:
    """The sentence of a pause."""
    whom = "Everything is paused" if pause.scope == EVERYBODY else "Paused"
    why = f": {pause.why}" if pause.why else ""
    return f"{whom} by {pause.by} since {pause.at:%Y-%m-%d %H:%M} UTC{why}."


@dataclass(frozen=True)
class _Around:
    """What is the same for all companies."""

    now: datetime
    workers: bool
    quiet: bool  # where none takes work
    redis: bool
    unread: Mapping[Lane, datetime]  # not read since a restore, with when that was told


def _of_company(
    tools: Tools,
    row: CompanyRows,
    load: Workload,
    outlooks: Mapping[str, Outlook],
    held: Mapping[str, Pause],
    around: _Around,
) -> CompanyStatus:
    outlook = outlooks.get(row.connection.tenant) if row.connection else None
    known = health.health_of(tools, around.now, row, load, outlooks)
    pause = held.get(row.company.id) or held.get(EVERYBODY)
    decided = precedence.status(_facts(row, known, load, outlook, pause, around))
    finish = _finish(tools, around.now, row, decided, load, outlook)
    return CompanyStatus(decided, known, load, outlook, finish, pause)


def _facts(
    row: CompanyRows, known: Health, load: Workload, outlook: Outlook | None, pause: Pause | None, around: _Around
) -> StatusFacts:
    lane = row.lane
    block = _block(lane)
    key = Lane(row.company.id, row.connection.tenant if row.connection else "")
    unknown = lane.unknown_in_a_row if lane else 0
    return StatusFacts(
        now=around.now,
        pending=load.pending,
        in_flight=load.in_flight,
        uncertain=load.uncertain,
        watched=load.watched,
        next_look=load.next_look,
        login=_login(row, known),
        pause=Obstacle(pause_in_words(pause), "ops", pause.at) if pause else None,
        block=block,
        books=Block("limit", lane.limit_until, lane.limit_named) if lane and lane.limit_until else None,
        limit=outlook.limit if outlook else "",
        limit_seconds=outlook.paused if outlook else 0,
        minute_frees=outlook.minute_frees if outlook and outlook.minute_left == 0 else 0,
        day_ends=outlook.day_ends if outlook and outlook.day_left == 0 else 0,
        held_back=turns.holds_back(_TroubleOfOne(load.uncertain, unknown)),
        workers=around.workers,
        quiet=around.quiet,
        redis=around.redis,
        unread=around.unread.get(key),
    )


def _login(row: CompanyRows, known: Health) -> Obstacle | None:
    """What is wrong with app, login or organisation, or why the lane is stopped until a person acts."""
    lane = row.lane
    if known.wrong:
        at = row.connection.problem_at if row.connection else None
        return Obstacle(known.wrong, known.who or "ops", at or (lane.changed_at if lane else None))
    if lane and lane.state != "open":
        return Obstacle(lane.message, "ops", lane.changed_at)
    return None


def _block(lane: LaneState | None) -> Block | None:
    if lane is None or lane.blocked_until is None:
        return None
    limit = lane.limit_named if lane.cause == "limit" else ""
    said = lane.message if lane.cause == "trouble" else ""
    return Block(lane.cause or "trouble", lane.blocked_until, limit, lane.refused_since or lane.changed_at, said)


@dataclass(frozen=True)
class _TroubleOfOne:
    """What the breaker looks at, of one lane alone."""

    unsettled: int
    unknown_in_a_row: int
    broken_lanes: int = 0


def _finish(
    tools: Tools, now: datetime, row: CompanyRows, decided: Status, load: Workload, outlook: Outlook | None
) -> datetime | None:
    if outlook is None or not load.live or decided.state in ("needs_person", "paused"):
        return None
    blocked = row.lane.blocked_until if row.lane and not outlook.paused else None
    quota = progress.quota(tools.targets[row.company.target], outlook)
    seconds = estimating.seconds_until_done(load.live, quota)
    return max(now, blocked or now) + timedelta(seconds=seconds)
