"""How companies stand: all that tells whether their invoices go out, in a constant number of questions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import exists, false, func, literal, or_, true, union_all
from sqlmodel import col, select

from store import statements
from store.pauses import EVERYBODY
from store.tables import Batch, Company, CompanyApp, Connection, Export, LaneState, Pause, Token, XeroApp
from store.unit_of_work import Work

STATES = ("needs_person", "paused", "waiting", "busy")
_LIVE = ("exporting", "uncertain")


class Standing(NamedTuple):
    """A company, the app it uses, the organisation it is connected to, the login that opens it, and its lane."""

    company: Company
    used: CompanyApp | None
    app: XeroApp | None
    at: Connection | None
    token: Token | None
    lane: LaneState | None


@dataclass(frozen=True)
class Load:
    """What a company has before it: `pending` invoices, calls `in_flight`, batches whose outcome is `uncertain`.

    `live` are all its invoices without an answer.
    """

    live: int = 0
    pending: int = 0
    in_flight: int = 0
    uncertain: int = 0


def of(work: Work, companies: Collection[str] | None = None) -> list[Standing]:
    """How these companies stand, or all, by id."""
    asked = _joined(select(Company, CompanyApp, XeroApp, Connection, Token, LaneState))  # type: ignore[call-overload]
    if companies is not None:
        asked = asked.where(col(Company.id).in_(sorted(companies)))
    return [Standing(*row) for row in work.session.exec(asked.order_by(col(Company.id)))]


def listed(work: Work, state: str, named: str, after: str, most: int) -> list[str]:
    """The next companies by id that are in this state (any, if empty) and whose id or name contains a text."""
    asked = _joined(select(Company.id)).where(_is(work, state), col(Company.id) > after)
    if named:
        wanted = named.casefold()
        asked = asked.where(or_(_has(col(Company.id), wanted), _has(col(Company.name), wanted)))
    return list(work.session.exec(asked.order_by(col(Company.id)).limit(most)))


def counts(work: Work) -> dict[str, int]:
    """How many companies are in each state; one may be in several."""
    each = [
        _joined(select(literal(state), func.count(col(Company.id)))).where(_is(work, state))
        for state in ("", *STATES)
    ]
    return {row[0]: row[1] for row in statements.rows(work, union_all(*each))}


def loads(work: Work, companies: Collection[str]) -> Mapping[str, Load]:
    """What each of these companies has before it."""
    some = sorted(companies)
    pending = _by_company(work, select(Export.company, func.count()), Export.state == "pending", some)
    hand = _by_company(work, select(Export.company, func.count()), col(Export.state).in_(_LIVE), some)
    claimed = col(Batch.state).in_(("claimed", "sent"))
    looked_up = (col(Batch.state) == "uncertain") & (col(Batch.lease_until) > work.now)
    flying = _by_company(work, select(Batch.company, func.count()), claimed | looked_up, some)
    parked = _by_company(work, select(Batch.company, func.count()), col(Batch.state) == "uncertain", some)
    return {
        one: Load(pending.get(one, 0) + hand.get(one, 0), pending.get(one, 0), flying.get(one, 0), parked.get(one, 0))
        for one in some
    }


def _by_company(work: Work, counted: Any, condition: Any, companies: Sequence[str]) -> dict[str, int]:
    company = counted.selected_columns[0]
    asked = counted.where(condition, company.in_(companies)).group_by(company)
    return {row[0]: row[1] for row in statements.rows(work, asked)}


def _joined(asked: Any) -> Any:
    return (
        asked.select_from(Company)
        .join(CompanyApp, col(CompanyApp.company) == col(Company.id), isouter=True)
        .join(XeroApp, col(XeroApp.client_id) == col(CompanyApp.client_id), isouter=True)
        .join(Connection, col(Connection.company) == col(Company.id), isouter=True)
        .join(
            Token,
            (col(Token.client_id) == col(Connection.client_id)) & (col(Token.xero_user) == col(Connection.xero_user)),
            isouter=True,
        )
        .join(
            LaneState,
            (col(LaneState.company) == col(Company.id)) & (col(LaneState.tenant) == col(Connection.tenant)),
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
    return or_(
        func.coalesce(col(CompanyApp.state), "") != "enabled",
        func.coalesce(col(Connection.state), "") != "connected",
        func.coalesce(col(Token.problem), "missing") != "",
        func.coalesce(col(LaneState.state), "open") != "open",
    )


def _has(column: Any, text: str) -> Any:
    return func.lower(column).contains(text, autoescape=True)
