"""How each company's connection is: what `doctor` and `connections` say, and who can mend what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis

from events.accounting_target import Outlook, TargetLogin
from events.connections import ConnectionProblem
from events.credentials import APP_WAYS
from events.lane import DEFAULT_TARGET
from events.settings import DailySummary
from store import companies, status
from store.status import CompanyRows, Workload
from store.tables import CompanyApp, CompanyConnection, Token, XeroApp
from worker.connections import tending
from worker.tools import Tools

UNEASY_DAYS = 20
QUIET_DAYS = 14  # without a webhook: nobody paid, or Xero has disabled it (facts §10)


@dataclass(frozen=True)
class Health:
    """One company's connection. `wrong` and its `title` are None while all is well; ages are seconds.
    `how` is for a page, `command` does the same in a terminal.

    `login_ends_at` is the login's end, None with a `custom` app, to which nobody logs in. `day_calls` are Xero's
    calls of a day, `day_calls_learned` where its headers told them, else the most that are set; `day_ends_at` is when
    the day of the calls used ends at the latest, None while none is used. Calls are None while Redis is away.
    `webhooks_seen_at` is when Xero last told of a change.
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
    app_kind: str | None = None
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
    webhooks_seen_at: datetime | None = None

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
        problem = _problem(row) if login else _problem_of_connection(at)
    facts = {"target": company.target}
    facts |= {"organisation": at.organisation, "before": "another organisation"} if at else {}
    paused = lane.message if lane and lane.state != "open" and problem is ConnectionProblem.OTHER_ORGANISATION else ""
    asked = (at.scopes if at else "") or (used.scopes if used else "")
    outlook = seen.get(at.tenant) if at else None
    kind = app.kind if app else "web"
    ends = tending.ends_at(token, login, APP_WAYS[kind]) if token and login else None
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
        notes=tuple(_notes(now, row, login, ends)),
        target=company.target,
        organisation=at.organisation if at else None,
        tenant=at.tenant if at else None,
        short_code=at.short_code if at else None,
        base_currency=at.base_currency if at else None,
        client_id=used.client_id if used else None,
        app_kind=app.kind if app else None,
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
        webhooks_seen_at=used.webhook_seen_at if used and app and app.webhook_key is not None else None,
    )


def _sealed(app: XeroApp | None, token: Token | None) -> list[bytes]:
    """The secrets a company's calls need."""
    return ([app.secret] if app else []) + ([token.pair] if token else [])


def _problem(row: CompanyRows) -> ConnectionProblem | None:
    """Where it takes an app and a login."""
    if row.used is None:
        return ConnectionProblem.APP_MISSING
    if row.used.state != "enabled":
        return ConnectionProblem.APP_DISABLED
    found = _problem_of_connection(row.connection)
    if found is None and (row.token is None or row.token.problem):
        found = ConnectionProblem.by_code(row.token.problem if row.token else "")
    return found.of_app(APP_WAYS[row.app.kind if row.app else "web"]) if found else None


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


def _notes_of_webhooks(now: datetime, used: CompanyApp | None, app: XeroApp | None) -> list[str]:
    """Whether what Xero is to tell at once comes; without it all is found by comparing, only later."""
    if used is None or app is None or app.webhook_key is None:
        return []
    if used.webhook_seen_at is None:
        return [
            "A webhook key is kept, and Xero has posted nothing yet: send its “Intent to receive” in Xero's portal."
        ]
    days = (now - used.webhook_seen_at).days
    quiet = f"Xero's webhooks were last seen {days} days ago ({used.webhook_seen_at:%Y-%m-%d})."
    return [quiet] if days >= QUIET_DAYS else []


def _notes_of_settings(row: CompanyRows, login: TargetLogin | None) -> list[str]:
    """What the company has chosen and cannot have as things are."""
    settings, at = companies.read_settings(row.company.settings), row.connection
    scopes, notes = at.scopes.split() if at else [], _notes_of_summary(settings.daily_summary)
    again = "log in again, because Xero gives that permission only at a login"
    if not APP_WAYS[row.app.kind if row.app else "web"].has_login:
        again = "connect it again, once that is authorised in Xero's developer portal"
    if at and login and settings.attachments and not login.may_attach(scopes):
        some = "Attachments are switched on, and the login to Xero may attach none"
        notes.append(f"{some}: {again}. Invoices go all the same.")
    if at and login and settings.new_contacts and scopes and login.contacts_scope not in scopes:
        none = "Contacts are to be created in Xero, and the login to Xero may create none"
        notes.append(f"{none}: {again}. Invoices go all the same.")
    return notes


def _notes_of_summary(chosen: DailySummary | None) -> list[str]:
    """That the daily summary does not come at the hour that somebody chose."""
    if chosen is None or chosen.is_zone_known:
        return []
    known = f"The time zone of the daily summary, “{chosen.time_zone}”, is not known here any more"
    return [f"{known}, so its hour is that of UTC. Choose another in the company's settings."]


def _notes(now: datetime, row: CompanyRows, login: TargetLogin | None, ends: datetime | None) -> list[str]:
    """What is no fault yet."""
    app, token, notes = row.app, row.token, []
    if app and app.secret_refused_at:
        notes.append("Xero refuses the newest Client Secret; the former one still works. Enter the new one again.")
    elif app and app.former_secret is not None:
        notes.append("Two Client Secrets are kept; once Xero has only the new one, forget the former one here.")
    if ends and ends < now + timedelta(days=UNEASY_DAYS):
        notes.append(f"The login ends on {ends:%Y-%m-%d} unless it is renewed.")
    if token and token.resting_until and token.resting_until > now:
        notes.append("Xero's login service did not answer a moment ago.")
    return [*notes, *_notes_of_settings(row, login), *_notes_of_webhooks(now, row.used, app)]
