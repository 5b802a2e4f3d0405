"""The read model of a company's status: all rows that tell whether its invoices go out, and why not.

A constant number of questions, however many companies. What follows from the rows is `worker/status`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, false, func, literal, or_, true, union_all
from sqlmodel import col, select

from events.accounting_target import Lane
from store import pauses, restores, statements
from store.paging import PageFound, PageWanted, page_of
from store.pauses import EVERYBODY
from store.tables import Batch, Company, CompanyApp, CompanyConnection, Export, LaneState, Pause, Token, XeroApp
from store.unit_of_work import Work

STATES = ("needs_person", "paused", "waiting", "busy")
_LIVE = ("exporting", "uncertain")


class CompanyRows(NamedTuple):
    """A company, the app it uses, the organisation it is connected to, the login that opens it, and its lane."""

    company: Company
    used: CompanyApp | None
    app: XeroApp | None
    connection: CompanyConnection | None
    token: Token | None
    lane: LaneState | None


@dataclass(frozen=True)
class Workload:
    """What a company has before it: `pending` invoices, calls `in_flight`, batches whose outcome is `uncertain`.

    `live` are all its invoices without an answer. Uncertain batches of which Xero was asked and could not say are
    counted as `watched`: they hold nothing back, and Xero is asked of the first of them again at `next_look`.
    """

    live: int = 0
    pending: int = 0
    in_flight: int = 0
    uncertain: int = 0
    watched: int = 0
    next_look: datetime | None = None

    @property
    def unsettled(self) -> int:
        """All batches whose outcome is not known."""
        return self.uncertain + self.watched


def of_companies(work: Work, companies: Collection[str] | None = None) -> list[CompanyRows]:
    """These companies, or all, by id."""
    asked = _joined(select(Company, CompanyApp, XeroApp, CompanyConnection, Token, LaneState))  # type: ignore[call-overload]
    if companies is not None:
        asked = asked.where(col(Company.id).in_(sorted(companies)))
    return [CompanyRows(*row) for row in work.session.exec(asked.order_by(col(Company.id)))]


def page_of_companies(work: Work, state: str, named: str, wanted: PageWanted) -> PageFound:
    """A page by name of the companies in this state (any, if empty) whose id or name contains a text."""
    name = func.lower(Company.name)
    asked = _joined(select(Company.id, name.label("name"))).where(_is(work, state))
    if named:
        part = named.casefold()
        asked = asked.where(or_(_has(col(Company.id), part), _has(col(Company.name), part)))
    return page_of(work, asked, {"name": name, "id": col(Company.id)}, wanted)


def counts(work: Work) -> dict[str, int]:
    """How many companies are in each state; one may be in several."""
    each = [
        _joined(select(literal(state), func.count(col(Company.id)))).where(_is(work, state))
        for state in ("", *STATES)
    ]
    return {row[0]: row[1] for row in statements.rows(work, union_all(*each))}


def workloads(work: Work, companies: Collection[str]) -> Mapping[str, Workload]:
    """What each of these companies has before it."""
    some = sorted(companies)
    pending = _by_company(work, select(Export.company, func.count()), Export.state == "pending", some)
    hand = _by_company(work, select(Export.company, func.count()), col(Export.state).in_(_LIVE), some)
    claimed = col(Batch.state).in_(("claimed", "sent"))
    looked_up = (col(Batch.state) == "uncertain") & (col(Batch.lease_until) > work.now)
    flying = _by_company(work, select(Batch.company, func.count()), claimed | looked_up, some)
    fresh = (col(Batch.state) == "uncertain") & col(Batch.watched_since).is_(None)
    parked = _by_company(work, select(Batch.company, func.count()), fresh, some)
    # How many batches of each company are watched, and when Xero is asked of the first of them again
    asked = select(Batch.company, func.count(), func.min(Batch.settle_at)).where(
        Batch.state == "uncertain", col(Batch.watched_since).is_not(None), col(Batch.company).in_(some)
    )
    rows = statements.rows(work, asked.group_by(col(Batch.company)))
    watched = {company: (count, next_look) for company, count, next_look in rows}
    return {
        one: Workload(pending[one] + hand[one], pending[one], flying[one], parked[one], *watched.get(one, (0, None)))
        for one in some
    }


@dataclass(frozen=True)
class Wait:
    """What a lane waits for by itself or until a person acts (`until` None); `limit` is Xero's name of one.

    `bulk_only`: a person's own sends may still go.
    """

    cause: str
    message: str
    since: datetime | None = None
    until: datetime | None = None
    limit: str = ""
    bulk_only: bool = False


def wait_of(state: LaneState | None, now: datetime) -> Wait | None:
    """What the lane waits for now, as far as the database knows; None while it goes on."""
    if state is None:
        return None
    since = state.refused_since or state.changed_at
    if state.state != "open":
        return Wait(state.cause or state.state, state.message, since)
    if state.blocked_until and state.blocked_until > now:
        named = state.limit_named if state.cause == "limit" else ""
        return Wait(state.cause or "trouble", state.message, since, state.blocked_until, named)
    if state.limit_until and state.limit_until > now:
        return Wait("limit", "", None, state.limit_until, state.limit_named, bulk_only=True)
    return None


def held_tenants(work: Work, company: str) -> Callable[[str], bool]:
    """Tells whether nothing of the company is sent to an organisation now: no login yet, stopped, blocked or paused,
    or not read since a restore.

    What waits for a limit by our own count of calls does not: a person's own sends may still go.
    """
    is_held_lane = held_lanes(work, [company])
    return lambda tenant: is_held_lane(Lane(company, tenant))


def held_lanes(work: Work, companies: Collection[str]) -> Callable[[Lane], bool]:
    """The same for lanes of several companies, in a constant number of questions."""
    paused = pauses.holding(work, companies)
    lanes = statements.rows(work, select(LaneState).where(col(LaneState.company).in_(sorted(companies))))
    waits = {
        Lane(row.company, row.tenant) for row in lanes if (wait := wait_of(row, work.now)) and not wait.bulk_only
    }
    waits |= set(restores.held(work, next(iter(companies)) if len(companies) == 1 else None))
    return lambda lane: lane.company in paused or not lane.tenant or lane in waits


def is_held(work: Work, lane: Lane) -> bool:
    """Whether nothing of the lane is sent now."""
    return held_tenants(work, lane.company)(lane.tenant)


def _by_company(work: Work, counted: Any, condition: Any, companies: Sequence[str]) -> Counter[str]:
    company = counted.selected_columns[0]
    asked = counted.where(condition, company.in_(companies)).group_by(company)
    return Counter({row[0]: row[1] for row in statements.rows(work, asked)})


def _joined(asked: Any) -> Any:
    return (
        asked.select_from(Company)
        .join(CompanyApp, col(CompanyApp.company) == col(Company.id), isouter=True)
        .join(XeroApp, col(XeroApp.client_id) == col(CompanyApp.client_id), isouter=True)
        .join(CompanyConnection, col(CompanyConnection.company) == col(Company.id), isouter=True)
        .join(
            Token,
            (col(Token.client_id) == col(CompanyConnection.client_id))
            & (col(Token.xero_user) == col(CompanyConnection.xero_user)),
            isouter=True,
        )
        .join(
            LaneState,
            (col(LaneState.company) == col(Company.id)) & (col(LaneState.tenant) == col(CompanyConnection.tenant)),
            isouter=True,
        )
    )


def _is(work: Work, state: str) -> Any:
    """Whether a company is in the state, as far as the database knows."""
    if state == "":
        return true()
    if state == "needs_person":
        return _needs_person()
    if state == "waiting":
        blocked, limited = col(LaneState.blocked_until) > work.now, col(LaneState.limit_until) > work.now
        return ~_needs_person() & (func.coalesce(blocked, false()) | func.coalesce(limited, false()))
    if state == "paused":
        return exists().where(col(Pause.scope).in_((col(Company.id), EVERYBODY)))
    mine = col(Export.company) == col(Company.id)
    queued = exists().where(mine, col(Export.state) == "pending")
    return or_(queued, exists().where(mine, col(Export.state).in_(_LIVE)))


def _needs_person() -> Any:
    by_login = func.coalesce(col(CompanyConnection.client_id), "?") != ""  # an accounting system may ask for none
    return or_(
        by_login & (func.coalesce(col(CompanyApp.state), "") != "enabled"),
        func.coalesce(col(CompanyConnection.state), "") != "connected",
        by_login & (func.coalesce(col(Token.problem), "missing") != ""),
        func.coalesce(col(LaneState.state), "open") != "open",
    )


def _has(column: Any, text: str) -> Any:
    return func.lower(column).contains(text, autoescape=True)
