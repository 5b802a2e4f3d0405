"""What needs a person: the company's work is parked, the host is told once, and whether a login is due.

Login links: signed, short-lived, good for one login of one company.

A link is made for a person who asks for it and shown to nobody else: no event, table, stream or log has it. It is a
sealed word (Fernet: encrypted and signed, with any key still listed), so that making one writes nothing; that it
serves only once is kept where it is used (store.connections), by an id that makes no link.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode

from events import wording
from events.accounting_target import Lane, Organisation, Trouble
from events.connections import (
    ConnectedOrganisation,
    ConnectionProblem,
    XeroConnectionDisconnected,
    XeroConnectionNeedsLogin,
)
from events.credentials import APP_WAYS
from events.export import InvoiceExportDeferred
from events.snapshot import Event
from store import companies, connections, lanes, outbox, requests
from store.outbox import Outgoing
from store.tables import CompanyConnection, Request
from store.unit_of_work import Work
from store.vault import Unopenable, Vault
from worker import logs

# Whom a login helps; the others are mended by the people their help names.
_BY_LOGIN = frozenset({"clerk"})
Waits = Literal["needs_login", "needs_support", "decision"]
_log = logs.log("connections")


def after_refusal(work: Work, organisation: Organisation, trouble: Trouble) -> bool:
    """Park the company because Xero refused its login; False when somebody has logged in since the call began."""
    connection = connections.locked(work, organisation.lane.company)
    if connection is None or connection.connected_at != organisation.since:
        return False
    park(work, connection, ConnectionProblem.by_code(trouble.problem))
    return True


def park(work: Work, connection: CompanyConnection, problem: ConnectionProblem) -> None:
    """Stop the company's lane until a person acts, and say so once."""
    lane = Lane(connection.company, connection.tenant)
    facts = facts_of(work, connection)
    gone = problem is ConnectionProblem.DISCONNECTED
    kind = connections.kind_of_app(work, connection.client_id)
    problem = problem.of_app(APP_WAYS[kind])
    news = connections.set_state(work, connection, "needs_login", problem.code)
    if not lanes.stop(work, lane, "needs_login", problem.message(facts)) and not news:
        return
    _log.warning("connections.parked", company=lane.company, tenant=lane.tenant, reason=problem.code)
    if gone:
        _tell_disconnected(work, connection, facts)
    login_due = problem.value.who in _BY_LOGIN
    event = XeroConnectionNeedsLogin(
        company=lane.company,
        reason=problem.code,
        message=problem.message(facts),
        who=problem.value.who,
        how=problem.remedy(facts),
        organisation=organisation_of(connection),
        login_due=login_due,
        app_kind=kind,
    )
    publish(work, lane.company, event)
    for request in requests.unfinished(work, lane):
        defer(work, request, problem.message(facts), login_due=login_due)


def defer(
    work: Work, request: Request, message: str, cause: str = "needs_login", *, login_due: bool = False, once: str = ""
) -> None:
    """Tell one request that it waits for a person; `once` names an occasion that is told a single time."""
    event = InvoiceExportDeferred.model_validate(
        {
            "company": request.company,
            "request": request.id,
            "cause": cause,
            "message": message[:255],
            "until": None,
            "login_due": login_due,
        }
    )
    key = f"deferred/{request.company}/{request.id}/{cause}/{once or work.now.isoformat()}"
    outbox.publish_once(work, Outgoing(event, request.company, request.id, key, request.source_event, request.trace))


def at_intake(work: Work, connection: CompanyConnection | None, company: str, request_id: str) -> Waits | None:
    """What a request waits for that came while its company's exports are parked; its host is told."""
    if connection is not None and connection.state == "connected":
        return None
    facts = facts_of(work, connection) if connection else {"company": companies.name_of(work, company)}
    way = APP_WAYS[connections.kind_of_app(work, connection.client_id) if connection else "web"]
    problem = _problem_of(connection).of_app(way)
    by_login = problem.value.who in _BY_LOGIN
    request = requests.known(work, company, request_id)
    if request and request.completed_at is None:
        cause = "paused" if problem is ConnectionProblem.OTHER_ORGANISATION else "needs_login"
        defer(work, request, problem.message(facts), cause, login_due=by_login, once="intake")
    if problem is ConnectionProblem.OTHER_ORGANISATION:
        return "decision"
    return "needs_login" if by_login else "needs_support"


def _problem_of(connection: CompanyConnection | None) -> ConnectionProblem:
    if connection is None:
        return ConnectionProblem.NEVER_CONNECTED
    return ConnectionProblem.by_code(connection.problem, ConnectionProblem.DISCONNECTED)


def publish(work: Work, company: str, event: Event) -> str:
    """An event about the connection, into the outbox; gives its id."""
    going = Outgoing(event, company, company, f"{event.TYPE}/{company}/{work.now.isoformat()}")
    outbox.publish_once(work, going)
    return going.id


def organisation_of(connection: CompanyConnection) -> ConnectedOrganisation:
    """The organisation as events name it."""
    return ConnectedOrganisation(
        tenant=connection.tenant,
        name=connection.organisation,
        short_code=connection.short_code,
        base_currency=connection.base_currency,
    )


def facts_of(work: Work, connection: CompanyConnection) -> Mapping[str, str]:
    """The names in a problem's sentence."""
    return {
        "company": companies.name_of(work, connection.company),
        "organisation": connection.organisation,
        "before": "another organisation",
    }


def _tell_disconnected(work: Work, connection: CompanyConnection, facts: Mapping[str, str]) -> None:
    short = {name: wording.shortened(value, 100) for name, value in facts.items()}
    message = ConnectionProblem.DISCONNECTED.message(short)
    organisation = organisation_of(connection)
    event = XeroConnectionDisconnected(
        company=connection.company, organisation=organisation, by="xero", message=message
    )
    publish(work, connection.company, event)


_PURPOSE = "login-link"


class Forged(Exception):
    """It is no link of ours."""


@dataclass(frozen=True)
class Ticket:
    """Whose login a link begins, where the person goes afterwards, and until when it is good."""

    id: str
    company: str
    return_to: str
    ends_at: datetime


@dataclass(frozen=True)
class Link:
    """A link for a person, and until when it is good."""

    url: str
    ends_at: datetime


def link(vault: Vault, public_url: str, company: str, return_to: str, now: datetime, seconds: float) -> Link:
    """A fresh link that begins the company's login."""
    ends_at = now + timedelta(seconds=seconds)
    said = [_PURPOSE, secrets.token_urlsafe(12), company, return_to, int(ends_at.timestamp())]
    sealed = vault.seal(json.dumps(said)).decode()
    return Link(f"{page(public_url, company)}?{urlencode({'link': sealed})}", ends_at)


def page(public_url: str, company: str) -> str:
    """The address of the company's login page, where a link leads; without a link it says how to get one."""
    return f"{public_url.rstrip('/')}/connect/{quote(company, safe='')}"


def open_ticket(vault: Vault, text: str) -> Ticket:
    """The ticket in a link. Raises Forged; whether its time is over is for the caller to see."""
    try:
        purpose, id_, company, return_to, ends_at = json.loads(vault.open(text.encode()))
    except (Unopenable, ValueError, TypeError):
        raise Forged from None
    if purpose != _PURPOSE:
        raise Forged
    return Ticket(id_, company, return_to, datetime.fromtimestamp(ends_at, UTC))
