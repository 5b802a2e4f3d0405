"""How each company's connection is: what `doctor` and `connections` say, and who can mend what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis

from events.accounting_target import Outlook
from events.connections import ConnectionProblem
from events.lane import DEFAULT_TARGET
from store import status
from store.status import CompanyRows, Workload
from store.tables import CompanyApp, CompanyConnection, Token, XeroApp
from worker.connections import tending
from worker.tools import Tools

UNEASY_DAYS = 20


@dataclass(frozen=True)
class Health:
    """One company's connection. `wrong` and its `title` are None while all is well; ages are seconds.
    `how` is for a page, `command` does the same in a terminal.

    `login_ends_at` is the login's end, `day_calls` are Xero's calls of a day, `day_calls_learned` where its headers
    told them, else the most that are set; `day_ends_at` is when the day of the calls used ends at the latest, None
    while none is used. Calls are None while Redis is away.
    """

    company: str
    name: str
    state: str
    wrong: str | None
    who: str | None
    how: str | None
    command: str | None = None
    notes: tuple[str, ...] = ()
    target: str = DEFAULT_TARGET
    organisation: str | None = None
    tenant: str | None = None
    short_code: str | None = None
    base_currency: str | None = None
    client_id: str | None = None
    scopes: str | None = None
    last_good_call: datetime | None = None
    title: str | None = None
    day_calls: int | None = None
    day_calls_learned: bool = False
    day_calls_used: int | None = None
    day_calls_left: int | None = None
    day_calls_left_for_bulk: int | None = None
    day_ends_at: datetime | None = None
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
        rows = status.of_companies(work)
        loads = status.workloads(work, [row.company.id for row in rows])
        now = work.now
    seen = outlooks(tools, rows) or {}
    return [health_of(tools, now, row, loads[row.company.id], seen) for row in rows]


def of_company(tools: Tools, company: str) -> Health | None:
    """One company's; None where there is no such company."""
    with tools.store.read() as work:
        rows, loads, now = status.of_companies(work, [company]), status.workloads(work, [company]), work.now
    return health_of(tools, now, rows[0], loads[company], outlooks(tools, rows) or {}) if rows else None


def outlooks(tools: Tools, rows: Sequence[CompanyRows]) -> Mapping[str, Outlook] | None:
    """What is known of these companies' limits, by organisation; None while Redis is away."""
    found: dict[str, Outlook] = {}
    try:
        for name, target in tools.targets.items():
            mine = [row.connection.tenant for row in rows if row.connection and row.company.target == name]
            found |= target.pace.outlooks(mine)
    except redis.RedisError:
        return None
    return found


def health_of(tools: Tools, now: datetime, row: CompanyRows, load: Workload, seen: Mapping[str, Outlook]) -> Health:
    """One company's, from what was read before."""
    company, used, app, at, token, lane = row
    readable = all(tools.vault.opens(sealed) for sealed in _sealed(app, token))
    target = tools.targets.get(company.target)
    login = target.login if target else None
    problem: ConnectionProblem | None = ConnectionProblem.KEY_MISSING
    if target is None:
        problem = ConnectionProblem.TARGET_UNKNOWN
    elif readable:
        problem = _problem(used, token, at) if login else _problem_of_connection(at)
    facts = {"target": company.target}
    facts |= {"organisation": at.organisation, "before": "another organisation"} if at else {}
    paused = lane.message if lane and lane.state != "open" and problem is ConnectionProblem.OTHER_ORGANISATION else ""
    asked = (at.scopes if at else "") or (used.scopes if used else "")
    outlook = seen.get(at.tenant) if at else None
    ends = tending.ends_at(token, login) if token and login else None
    used_today = max(0, outlook.per_day - outlook.day_calls) if outlook else None
    return Health(
        company=company.id,
        name=company.name,
        state=at.state if at else "not connected",
        wrong=(paused or problem.message({**facts, "company": company.name})) if problem else None,
        who=problem.value.who if problem else None,
        title=problem.value.title if problem else None,
        how=problem.remedy({**facts, "company": company.id}) if problem else None,
        command=(problem.command({**facts, "company": company.id}) if problem else _tidying(company.id, app)) or None,
        notes=tuple(_notes(now, app, token, ends)),
        target=company.target,
        organisation=at.organisation if at else None,
        tenant=at.tenant if at else None,
        short_code=at.short_code if at else None,
        base_currency=at.base_currency if at else None,
        client_id=used.client_id if used else None,
        scopes=asked or None,
        last_good_call=lane.answered_at if lane else None,
        day_calls=outlook.per_day if outlook else None,
        day_calls_learned=bool(outlook and at and (outlook.learned or outlook.per_day == at.day_calls)),
        day_calls_used=used_today,
        day_calls_left=outlook.day_calls if outlook else None,
        day_calls_left_for_bulk=outlook.day_left if outlook else None,
        day_ends_at=now + timedelta(seconds=outlook.day_ends) if outlook and used_today else None,
        waiting=load.live,
        access_token_age=(now - token.refreshed_at).total_seconds() if token else None,
        login_ends_at=ends,
    )


def _sealed(app: XeroApp | None, token: Token | None) -> list[bytes]:
    """The secrets a company's calls need."""
    return ([app.secret] if app else []) + ([token.pair] if token else [])


def _problem(used: CompanyApp | None, token: Token | None, at: CompanyConnection | None) -> ConnectionProblem | None:
    """Where it takes an app and a login."""
    if used is None:
        return ConnectionProblem.APP_MISSING
    if used.state != "enabled":
        return ConnectionProblem.APP_DISABLED
    if found := _problem_of_connection(at):
        return found
    if token is None:
        return ConnectionProblem.LOGIN_ENDED
    return ConnectionProblem.by_code(token.problem) if token.problem else None


def _problem_of_connection(at: CompanyConnection | None) -> ConnectionProblem | None:
    if at is None:
        return ConnectionProblem.NEVER_CONNECTED
    if at.state != "connected":
        return ConnectionProblem.by_code(at.problem, ConnectionProblem.DISCONNECTED)
    return None


def _tidying(company: str, app: XeroApp | None) -> str:
    """The command that ends what a rotation of the Client Secret left behind; empty where it left nothing."""
    over = app is not None and app.former_secret is not None and not app.secret_refused_at
    return f"crewcard-xero companies forget-secret {company}" if over else ""


def _notes(now: datetime, app: XeroApp | None, token: Token | None, ends: datetime | None) -> list[str]:
    """What is no fault yet."""
    notes = []
    if app and app.secret_refused_at:
        notes.append("Xero refuses the newest Client Secret; the former one still works. Enter the new one again.")
    elif app and app.former_secret is not None:
        notes.append("Two Client Secrets are kept; once Xero has only the new one, forget the former one here.")
    if ends and ends < now + timedelta(days=UNEASY_DAYS):
        notes.append(f"The login ends on {ends:%Y-%m-%d} unless it is renewed.")
    if token and token.resting_until and token.resting_until > now:
        notes.append("Xero's login service did not answer a moment ago.")
    return notes
