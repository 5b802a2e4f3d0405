"""How each company's connection is: what `doctor` and `connections` say, and who can mend what is wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from sqlmodel import col, func, select

from events.accounting_target import Lane
from events.connection_problems import Problem
from store import apps, connections
from store.tables import Batch, Company, CompanyApp, Connection, LaneState, Token, XeroApp
from store.unit_of_work import Work
from worker.connections import tending
from worker.tools import Tools
from worker.waiting import parking

UNEASY_DAYS = 20


@dataclass(frozen=True)
class Health:
    """One company's connection. `wrong` is None while all is well; ages are seconds, `ends_at` the login's end."""

    company: str
    name: str
    state: str
    wrong: str | None
    who: str | None
    how: str | None
    notes: tuple[str, ...] = ()
    organisation: str | None = None
    tenant: str | None = None
    short_code: str | None = None
    base_currency: str | None = None
    client_id: str | None = None
    scopes: str | None = None
    last_good_call: datetime | None = None
    day_calls_left: int | None = None
    waiting: int = 0
    access_token_age: float | None = None
    login_ends_at: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether nobody has to do anything."""
        return self.wrong is None


def of_all(tools: Tools) -> list[Health]:
    """Every company's, by id; asks database and Redis, never Xero."""
    with tools.store.read() as work:
        return [_of(work, tools, *row) for row in apps.listed(work)]


def of(tools: Tools, company: str) -> Health | None:
    """One company's; None for a company that there is not."""
    with tools.store.read() as work:
        return next((_of(work, tools, *row) for row in apps.listed(work, company)), None)


def _of(
    work: Work, tools: Tools, company: Company, used: CompanyApp | None, app: XeroApp | None, at: Connection | None
) -> Health:
    token = work.session.get(Token, (at.client_id, at.xero_user)) if at else None
    readable = all(tools.vault.opens(sealed) for sealed in _sealed(app, token))
    problem = _problem(used, at, token) if readable else Problem.KEY_MISSING
    facts = parking.facts_of(work, at) if at else {"company": company.name}
    lane = work.session.get(LaneState, Lane(company.id, at.tenant)) if at else None
    paused = lane.message if lane and lane.state != "open" and problem is Problem.OTHER_ORGANISATION else ""
    asked = (at.scopes if at else "") or (used.scopes if used else "")
    return Health(
        company=company.id,
        name=company.name,
        state=at.state if at else "not connected",
        wrong=(paused or problem.message(facts)) if problem else None,
        who=problem.value.who if problem else None,
        how=problem.remedy({**facts, "company": company.id}) if problem else None,
        notes=tuple(_notes(work, company.id, app, token)),
        organisation=at.organisation if at else None,
        tenant=at.tenant if at else None,
        short_code=at.short_code if at else None,
        base_currency=at.base_currency if at else None,
        client_id=used.client_id if used else None,
        scopes=asked or None,
        last_good_call=_last_good_call(work, at) if at else None,
        day_calls_left=_day_left(tools, at) if at else None,
        waiting=connections.waiting(work, company.id),
        access_token_age=(work.now - token.refreshed_at).total_seconds() if token else None,
        login_ends_at=tending.ends_at(token) if token else None,
    )


def _sealed(app: XeroApp | None, token: Token | None) -> list[bytes]:
    """The secrets a company's calls need."""
    return ([app.secret] if app else []) + ([token.pair] if token else [])


def _problem(used: CompanyApp | None, at: Connection | None, token: Token | None) -> Problem | None:
    if used is None:
        return Problem.APP_MISSING
    if used.state != "enabled":
        return Problem.APP_DISABLED
    if at is None:
        return Problem.NEVER_CONNECTED
    if at.state != "connected":
        return Problem.of(at.problem, Problem.DISCONNECTED)
    if token is None:
        return Problem.LOGIN_ENDED
    return Problem.of(token.problem) if token.problem else None


def _notes(work: Work, company: str, app: XeroApp | None, token: Token | None) -> list[str]:
    """What is no fault yet."""
    notes = []
    if app and app.secret_refused_at:
        notes.append("Xero refuses the newest Client Secret; the former one still works. Enter the new one again.")
    elif app and app.former_secret is not None:
        end = f"crewcard-xero companies forget-secret {company}"
        notes.append(f"Two Client Secrets are kept; when Xero has only the new one: {end}")
    if token and tending.ends_at(token) < work.now + timedelta(days=UNEASY_DAYS):
        notes.append(f"The login ends on {tending.ends_at(token):%Y-%m-%d} unless it is renewed.")
    if token and token.resting_until and token.resting_until > work.now:
        notes.append("Xero's login service did not answer a moment ago.")
    return notes


def _last_good_call(work: Work, at: Connection) -> datetime | None:
    asked = select(func.max(Batch.closed_at)).where(
        Batch.company == at.company, Batch.tenant == at.tenant, col(Batch.http_status) == 200
    )
    return work.session.exec(asked).one()


def _day_left(tools: Tools, at: Connection) -> int | None:
    try:
        return tools.pace.day_left(at.tenant)
    except redis.RedisError:
        return None
