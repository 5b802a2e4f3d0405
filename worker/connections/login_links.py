"""A login's beginning: a signed link, used once, becomes Xero's login page."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from events.credentials import AppKeys
from store import apps, logins
from store.tables import Login
from store.unit_of_work import Work
from store.vault import Unopenable
from worker import logs
from worker.decisions import return_addresses
from worker.decisions.refusals import LoginRefused, Refusal
from worker.tools import Tools
from worker.waiting import parking, tickets
from worker.waiting.tickets import Link

_log = logs.log("connections")


@dataclass(frozen=True)
class Started:
    """A login under way: the browser's own secret, and Xero's address for it."""

    login: str
    browser: str = field(repr=False)
    address: str = field(repr=False)


def link(tools: Tools, company: str, return_to: str = "") -> Link:
    """A fresh login link. Raises LoginRefused for a return address that is not on the list."""
    if return_to and not return_addresses.allowed(return_to, tools.settings.return_addresses):
        raise LoginRefused(Refusal.RETURN_ADDRESS)
    with tools.store.read() as work:
        return parking.login_link(work, tools, company, return_to)


def start(tools: Tools, company: str, text: str) -> Started:
    """Use a link: the address of Xero's login page. Raises LoginRefused."""
    ticket = _ticket(tools, company, text)
    state, browser, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with tools.store.write() as work:
        if ticket.ends_at < work.now:
            raise LoginRefused(Refusal.LINK_STALE, ticket.return_to)
        app, scopes, callback = app_of(work, tools, company)
        login = Login(
            id=ticket.id,
            company=company,
            client_id=app.client_id,
            state=logins.fingerprint(state),
            browser=logins.fingerprint(browser),
            verifier=tools.vault.seal(verifier),
            callback=callback,
            return_to=ticket.return_to,
            started_at=work.now,
            ends_at=work.now + timedelta(seconds=tools.settings.login_seconds),
        )
        if not logins.start(work, login):
            raise LoginRefused(Refusal.LINK_USED, ticket.return_to)
    _log.info("connections.login_started", company=company)
    return Started(ticket.id, browser, tools.login.address(app, callback, scopes, state, verifier))


def _ticket(tools: Tools, company: str, text: str) -> tickets.Ticket:
    try:
        ticket = tickets.read(tools.vault, text)
    except tickets.Forged:
        raise LoginRefused(Refusal.LINK_FORGED) from None
    if ticket.company != company:
        raise LoginRefused(Refusal.LINK_FORGED)
    return ticket


def app_of(work: Work, tools: Tools, company: str) -> tuple[AppKeys, str, str]:
    """The company's app, the scopes it asks for, and where Xero sends its answer."""
    found = apps.of_company(work, company)
    try:
        keys = apps.keys(work, tools.vault, found[0].client_id) if found else None
    except Unopenable:
        keys = None
    if found is None or keys is None or found[0].state != "enabled":
        raise LoginRefused(Refusal.APP_MISSING)
    used, app = found
    return keys, used.scopes, app.callback or f"{tools.settings.public_url.rstrip('/')}/connect/xero/callback"
