"""A login in order, from Xero's answer on: code exchanged → organisation chosen → connected.

Nothing is connected before the last step, and no transaction is open while Xero is asked. Three things have to
fit: the state (ours, once, in time), the company, and the browser that opened the link; a host that hands over
code and state itself stands in for the browser, because it signs what it says.

A custom connection needs nobody's login: its app opens its one organisation by itself (facts §7.3).
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from events.accounting_target import Lane, TargetLogin, Trouble
from events.connections import ConnectionProblem
from events.credentials import AppKeys, TokenPair
from store import audit, connections
from store.tables import Login
from store.tokens import keep_first_pair
from store.unit_of_work import Work
from store.vault import Unopenable
from worker import logs
from worker.connections import connecting
from worker.connections.connecting import ChosenOrganisation
from worker.connections.login_links import app_of, way_in, wished_scopes
from worker.decisions import refusals
from worker.decisions.refusals import LoginRefusal, LoginRefused, OfferedOrganisation
from worker.tools import Tools

HOST = None  # in place of a browser's secret: a signed hand-over
_log = logs.log("connections")


@dataclass(frozen=True)
class Outcome:
    """Where a login stands: `connected` names the organisation, or there are organisations to choose from."""

    login: str
    company: str
    return_to: str
    connected: str | None = None
    waiting_for_decision: int = 0
    organisations: Sequence[OfferedOrganisation] = ()


def find(tools: Tools, state: str) -> Login:
    """The login Xero's answer belongs to. Raises LoginRefused."""
    with tools.store.read() as work:
        login = connections.login_of_state(work, state)
    if login is None:
        raise LoginRefused(LoginRefusal.STATE_UNKNOWN)
    return login


def finish(tools: Tools, login: Login, browser: str | None, code: str, error: str = "") -> Outcome:
    """Xero's answer: exchange its code, once, and connect where there is nothing to choose. Raises LoginRefused."""
    if login.stage in ("done", "refused"):  # a page that is loaded again has no cookie any more
        raise LoginRefused(LoginRefusal.ALREADY_ANSWERED, login.return_to)
    _same_browser(login, browser)
    with tools.store.write() as work:
        if not connections.move_login(work, login.id, "started", "refused" if error or not code else "choosing"):
            raise LoginRefused(LoginRefusal.ALREADY_ANSWERED, login.return_to)
        app, scopes = _same_app(work, tools, login)
    if error or not code:
        _log.info("connections.login_refused", company=login.company, reason="denied")
        denied = error in ("", "access_denied")
        raise LoginRefused(LoginRefusal.DENIED if denied else LoginRefusal.APP_NOT_ALLOWED, login.return_to)
    offered = _open(tools, login, app, scopes, code)
    alone = refusals.without_asking(offered)
    if alone:
        return choose(tools, login.id, browser, alone.tenant)
    if all(one.taken for one in offered):
        raise _over(tools, login, LoginRefusal.ALL_TAKEN)
    return Outcome(login.id, login.company, login.return_to, organisations=offered)


def _open(tools: Tools, login: Login, app: AppKeys, scopes: str, code: str) -> Sequence[OfferedOrganisation]:
    """Exchange the code, keep the pair before it is used, and see which organisations it opens."""
    with tools.store.read() as work:
        way = way_in(work, tools, login.company)
    try:
        pair = way.exchange(app, code, login.callback, tools.vault.open(login.verifier))
        user = way.user(pair) or f"of {login.company}"  # where it names nobody
        with tools.store.write() as work:  # whatever becomes of this login: a new consent may end the older tokens
            keep_first_pair(work, tools.vault, login.client_id, user, pair)
        if refusals.missing_scopes(scopes, pair.scopes):
            raise _over(tools, login, LoginRefusal.SCOPE_MISSING)
        opened = way.organisations(pair.access_token)
    except Trouble as trouble:
        raise _over(tools, login, _refusal(trouble)) from None
    except Unopenable:  # the verifier's key was dropped while the person was at Xero
        raise _over(tools, login, LoginRefusal.CODE_REFUSED) from None
    if not opened:
        raise _over(tools, login, LoginRefusal.NO_ORGANISATIONS)
    with tools.store.write() as work:
        taken = connections.taken(work, [one.tenant for one in opened], login.company)
        current = connections.of_company(work, login.company)
        consent = way.consent(pair)
        consented = {one.tenant for one in opened if consent and one.consent == consent}
        found = [OfferedOrganisation(one.tenant, one.name, one.connection_id) for one in opened]
        offered = refusals.offer(found, consented, taken, current.tenant if current else None)
        document = json.dumps([asdict(one) for one in offered])
        connections.note_login(work, login.id, xero_user=user, scopes=pair.scopes, organisations=document)
    return offered


def choose(tools: Tools, login_id: str, browser: str | None, tenant: str) -> Outcome:
    """The organisation was chosen: connect it, and let what waited go on. Raises LoginRefused."""
    login = at_choice(tools, login_id, browser)
    offered = {one.tenant: one for one in offered_by(login)}
    if tenant not in offered:
        raise LoginRefused(LoginRefusal.NOT_OFFERED, login.return_to)
    try:
        with tools.store.read() as work:
            way = way_in(work, tools, login.company)
        about = way.about(way.access(login.client_id, login.xero_user), tenant)
    except Trouble as trouble:
        raise LoginRefused(_refusal(trouble), login.return_to) from None
    name = about.name or offered[tenant].name
    choice = ChosenOrganisation(
        tenant, name, about.short_code, about.base_currency, login.xero_user, offered[tenant].xero_id
    )
    try:
        waiting = _settle(tools, login, choice)
    except connections.Taken:
        raise LoginRefused(LoginRefusal.ALL_TAKEN, login.return_to) from None
    tools.bells.ring(Lane(login.company, tenant).key)
    tools.bells.wake_relay()
    return Outcome(login.id, login.company, login.return_to, connected=name, waiting_for_decision=waiting)


def _settle(tools: Tools, login: Login, choice: ChosenOrganisation) -> int:
    with tools.store.write() as work:
        if not connections.move_login(work, login.id, "choosing", "done"):
            raise LoginRefused(LoginRefusal.ALREADY_ANSWERED, login.return_to)
        _, scopes = _same_app(work, tools, login)
        if refusals.missing_scopes(scopes, login.scopes.split()):
            raise LoginRefused(LoginRefusal.SCOPE_MISSING, login.return_to)
        return connecting.settle_on(work, tools, login.company, login.client_id, choice, tuple(login.scopes.split()))


def connect_by_app(tools: Tools, company: str, by: str) -> Outcome:
    """Connect a company whose app is a custom connection, at the first time or anew. Raises LoginRefused."""
    with tools.store.read() as work:
        way, (app, scopes, _) = way_in(work, tools, company), app_of(work, tools, company)
        wished = wished_scopes(work, way, company, scopes)
    try:
        pair = _own_pair(way, app, wished, scopes)
        opened = way.organisations(pair.access_token)
        if len(opened) != 1:
            raise LoginRefused(LoginRefusal.NOT_ONE_ORGANISATION)
        about = way.about(pair.access_token, opened[0].tenant)
    except Trouble as trouble:
        raise LoginRefused(_refusal(trouble)) from None
    tenant, name, user = opened[0].tenant, about.name or opened[0].name, f"of {company}"
    choice = ChosenOrganisation(tenant, name, about.short_code, about.base_currency, user, opened[0].connection_id)
    try:
        with tools.store.write() as work:
            if app_of(work, tools, company)[0].client_id != app.client_id:
                raise LoginRefused(LoginRefusal.APP_CHANGED)
            keep_first_pair(work, tools.vault, app.client_id, user, pair)
            waiting = connecting.settle_on(work, tools, company, app.client_id, choice, pair.scopes)
            audit.note(work, by, "custom connection connected", company, {"organisation": name}, 0, "")
    except connections.Taken:
        raise LoginRefused(LoginRefusal.ALL_TAKEN) from None
    tools.bells.ring(Lane(company, tenant).key)
    tools.bells.wake_relay()
    return Outcome("", company, "", connected=name, waiting_for_decision=waiting)


def _own_pair(way: TargetLogin, app: AppKeys, wished: str, needed: str) -> TokenPair:
    """The app's own token with all that is wished; where Xero does not allow that, with what exports need."""
    try:
        return way.own_pair(app, wished)
    except Trouble as refused:
        if refused.problem != ConnectionProblem.APP_NOT_ALLOWED.code:
            raise
    return way.own_pair(app, needed)


def at_choice(tools: Tools, login_id: str, browser: str | None) -> Login:
    """A login whose organisation is to be chosen, by this browser. Raises LoginRefused."""
    with tools.store.read() as work:
        login = connections.find_login(work, login_id)
        now = work.now
    if login is None:
        raise LoginRefused(LoginRefusal.STATE_UNKNOWN)
    _same_browser(login, browser)
    if login.stage != "choosing" or login.ends_at < now:
        raise LoginRefused(LoginRefusal.ALREADY_ANSWERED, login.return_to)
    return login


def offered_by(login: Login) -> list[OfferedOrganisation]:
    """The organisations this login may choose from."""
    return [OfferedOrganisation(**one) for one in json.loads(login.organisations)]


def same_company(login: Login, company: str) -> None:
    """A host may only finish the logins of the company it speaks for. Raises LoginRefused."""
    if login.company != company:
        raise LoginRefused(LoginRefusal.WRONG_COMPANY)


def _same_browser(login: Login, browser: str | None) -> None:
    if browser is not HOST and not hmac.compare_digest(connections.login_fingerprint(browser), login.browser):
        raise LoginRefused(LoginRefusal.OTHER_BROWSER)


def _same_app(work: Work, tools: Tools, login: Login) -> tuple[AppKeys, str]:
    """The company's app and scopes of now, which support may have changed since the login began."""
    app, scopes, _ = app_of(work, tools, login.company)
    if app.client_id != login.client_id:
        raise LoginRefused(LoginRefusal.APP_CHANGED, login.return_to)
    return app, scopes


def _over(tools: Tools, login: Login, refusal: LoginRefusal) -> LoginRefused:
    """The login has come to nothing; its link, state and code are used up."""
    with tools.store.write() as work:
        connections.move_login(work, login.id, "choosing", "refused")
    _log.info("connections.login_refused", company=login.company, reason=refusal.code)
    return LoginRefused(refusal, login.return_to)


def _refusal(trouble: Trouble) -> LoginRefusal:
    if trouble.effect != "needs_login":
        return LoginRefusal.XERO_AWAY
    by_problem = {
        ConnectionProblem.APP_REFUSED.code: LoginRefusal.APP_REFUSED,
        ConnectionProblem.APP_MISSING.code: LoginRefusal.APP_MISSING,
        ConnectionProblem.APP_NOT_ALLOWED.code: LoginRefusal.APP_NOT_ALLOWED,
        ConnectionProblem.DISCONNECTED.code: LoginRefusal.NO_ORGANISATIONS,
    }
    return by_problem.get(trouble.problem or "", LoginRefusal.CODE_REFUSED)
