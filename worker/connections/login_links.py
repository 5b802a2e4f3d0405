"""A login's beginning: a signed link shows whose login it is; a person's click uses it up and leads to Xero."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from events.accounting_target import TargetLogin
from events.credentials import APP_WAYS, AppKeys
from store import companies, connections
from store.tables import Login
from store.unit_of_work import Work
from store.vault import Unopenable
from worker import logs
from worker.decisions import addresses
from worker.decisions.refusals import LoginRefusal, LoginRefused
from worker.tools import Tools
from worker.waiting import login_block
from worker.waiting.login_block import Link, Ticket

_log = logs.log("connections")


@dataclass(frozen=True)
class OpenedLink:
    """What a link is for: the company by name, the organisation it is or was connected to, the site afterwards."""

    login: str
    company: str
    organisation: str
    is_connected: bool
    back_to: str


@dataclass(frozen=True)
class Started:
    """A login under way: the browser's own secret, and Xero's address for it."""

    login: str
    browser: str = field(repr=False)
    address: str = field(repr=False)


def link(tools: Tools, company: str, return_to: str = "") -> Link:
    """A fresh login link. Raises LoginRefused for a return address that is neither on the list nor a setup page."""
    chosen = tools.settings
    ours = f"{chosen.public_url.rstrip('/')}/console/setup/"
    if return_to and not addresses.return_allowed(return_to, (*chosen.return_addresses, ours)):
        raise LoginRefused(LoginRefusal.RETURN_ADDRESS)
    with tools.store.read() as work:
        now = work.now
        _must_log_in(work, company)
    return login_block.link(tools.vault, chosen.public_url, company, return_to, now, chosen.login_link_seconds)


def opened(tools: Tools, company: str, text: str) -> OpenedLink:
    """What a link that is good is for; nothing changes, however often it is asked. Raises LoginRefused."""
    ticket = _ticket(tools, company, text)
    with tools.store.read() as work:
        _must_be_good(work, ticket)
        _must_log_in(work, company)
        way_in(work, tools, company)
        app_of(work, tools, company)
        connection = connections.of_company(work, company)
        return OpenedLink(
            login=ticket.id,
            company=companies.name_of(work, company),
            organisation=connection.organisation if connection else "",
            is_connected=connection is not None and connection.state in ("connected", "undecided"),
            back_to=urlsplit(ticket.return_to).hostname or "",
        )


def start(tools: Tools, company: str, text: str) -> Started:
    """Use a link: the address of Xero's login page. Raises LoginRefused."""
    ticket = _ticket(tools, company, text)
    state, browser, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with tools.store.write() as work:
        _must_be_good(work, ticket)
        _must_log_in(work, company)
        way = way_in(work, tools, company)
        app, scopes, callback = app_of(work, tools, company)
        scopes = wished_scopes(work, way, company, scopes)
        login = Login(
            id=ticket.id,
            company=company,
            client_id=app.client_id,
            state=connections.login_fingerprint(state),
            browser=connections.login_fingerprint(browser),
            verifier=tools.vault.seal(verifier),
            callback=callback,
            return_to=ticket.return_to,
            started_at=work.now,
            ends_at=work.now + timedelta(seconds=tools.settings.login_seconds),
        )
        if not connections.start_login(work, login):
            raise LoginRefused(LoginRefusal.LINK_USED, ticket.return_to)
    _log.info("connections.login_started", company=company)
    return Started(ticket.id, browser, way.address(app, callback, scopes, state, verifier))


def login_of(tools: Tools, company: str, text: str) -> str:
    """The id of the login that a link begins. Raises LoginRefused for a link that is none of this company's."""
    return _ticket(tools, company, text).id


def _ticket(tools: Tools, company: str, text: str) -> Ticket:
    if not text:
        raise LoginRefused(LoginRefusal.LINK_MISSING)
    try:
        ticket = login_block.open_ticket(tools.vault, text)
    except login_block.Forged:
        raise LoginRefused(LoginRefusal.LINK_FORGED) from None
    if ticket.company != company:
        raise LoginRefused(LoginRefusal.LINK_FORGED)
    return ticket


def _must_be_good(work: Work, ticket: Ticket) -> None:
    if ticket.ends_at < work.now:
        raise LoginRefused(LoginRefusal.LINK_STALE, ticket.return_to)
    if connections.find_login(work, ticket.id):
        raise LoginRefused(LoginRefusal.LINK_USED, ticket.return_to)


def _must_log_in(work: Work, company: str) -> None:
    """Raises LoginRefused where the company's app is one that nobody logs in to."""
    found = connections.app_of_company(work, company)
    if found and not APP_WAYS[found[1].kind].has_login:
        raise LoginRefused(LoginRefusal.NOBODY_LOGS_IN)


def way_in(work: Work, tools: Tools, company: str) -> TargetLogin:
    """How one logs in to the company's accounting system. Raises LoginRefused where nobody can."""
    target = tools.target_of(work, company)
    if target is None or target.login is None:
        raise LoginRefused(LoginRefusal.NO_LOGIN)
    return target.login


def app_of(work: Work, tools: Tools, company: str) -> tuple[AppKeys, str, str]:
    """The company's app, the scopes it asks for, and where Xero sends its answer."""
    found = connections.app_of_company(work, company)
    try:
        keys = connections.app_keys(work, tools.vault, found[0].client_id) if found else None
    except Unopenable:
        keys = None
    if found is None or keys is None or found[0].state != "enabled":
        raise LoginRefused(LoginRefusal.APP_MISSING)
    used, app = found
    return keys, used.scopes, app.callback or f"{tools.settings.public_url.rstrip('/')}/connect/xero/callback"


def wished_scopes(work: Work, way: TargetLogin, company: str, scopes: str) -> str:
    """The scopes with those of the capabilities that the company's settings have on, without which it exports too."""
    settings = companies.settings_of(work, company)
    if settings.new_contacts:
        scopes = " ".join(dict.fromkeys([*scopes.split(), way.contacts_scope]))
    return way.to_attach(scopes) if settings.attachments else scopes
