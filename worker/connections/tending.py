"""Logins looked after: renewed long before they end, and a warning while there is time (facts §7.2).

A refresh whose worker died is done again within Xero's 30 minutes, whether or not there is work that needs it.
"""

from datetime import datetime, timedelta

import redis

from events.accounting_target import TargetLogin, TargetPace, Trouble
from events.connections import ConnectionProblem, XeroConnectionLoginExpiring
from events.credentials import APP_WAYS, AppWay
from store import companies, connections, outbox, processes, tokens
from store.outbox import Outgoing
from store.tables import CompanyConnection, Token
from store.unit_of_work import Work
from worker import logs
from worker.tools import Tools
from worker.waiting import login_block

DUTY = "tending"
_IN_DOUBT_SECONDS = 61.0
_FORGET_LOGINS_SECONDS = 7 * 86_400
_log = logs.log("connections")


def tend(tools: Tools, holder: str) -> int:
    """Renew the logins that nobody used for weeks, whose refresh was cut off, or that are in doubt.

    Gives how many were renewed, if on duty.
    """
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, tools.settings.login_care_seconds * 2):
            return 0
        connections.forget_ended_logins(work, _FORGET_LOGINS_SECONDS)
        idle = tokens.unrefreshed_since(work, work.after(-_days(tools.settings.keep_alive_days)))
        doubted = tokens.in_doubt(work)
        due = {(token.client_id, token.xero_user): token for token in [*tokens.cut_off(work), *idle, *doubted]}
    renewed = sum(_renew(tools, token) for token in tools.while_running(due.values()))
    for name, target in tools.targets.items():
        if target.login:
            with tools.store.write() as work:
                quiet = target.login.unused_days - tools.settings.expiry_warning_days
                for token in tokens.unrefreshed_since(work, work.after(-_days(quiet))):
                    way = APP_WAYS[connections.kind_of_app(work, token.client_id)]
                    if ends := ends_at(token, target.login, way):
                        _warn(work, tools, name, token, ends)
        _keep_day_calls(tools, name, target.pace)
    tools.bells.wake_relay()
    return renewed


def seconds_until_next(tools: Tools) -> float:
    """How long until logins are looked after again: soon while one is in doubt, so that it is told in time."""
    with tools.store.read() as work:
        doubted = bool(tokens.in_doubt(work))
    return min(tools.settings.login_care_seconds, _IN_DOUBT_SECONDS) if doubted else tools.settings.login_care_seconds


def _keep_day_calls(tools: Tools, name: str, pace: TargetPace) -> None:
    """The calls of a day that answers told of each organisation are kept, and given back to a new Redis."""
    with tools.store.read() as work:
        there = connections.all_connections(work, name)
        known = {one.tenant: one.day_calls for one in there if one.state == "connected"}
    try:
        seen = pace.outlooks(known)
        for tenant, calls in known.items():
            if calls and not seen[tenant].learned:
                pace.remember(tenant, calls)
    except redis.RedisError:
        return
    news = {tenant: one.per_day for tenant, one in seen.items() if one.learned and one.per_day != known[tenant]}
    if news:
        with tools.store.write() as work:
            connections.keep_day_calls(work, news)


def ends_at(token: Token, login: TargetLogin, way: AppWay) -> datetime | None:
    """When the accounting system lets an unused login end; None with an app that nobody logs in to."""
    return token.refreshed_at + timedelta(days=login.unused_days) if way.has_login else None


def _renew(tools: Tools, token: Token) -> bool:
    with tools.store.read() as work:
        login = _login(work, tools, token)
    if login is None:
        return False
    try:
        login.renew(token.client_id, token.xero_user)
    except Trouble as trouble:
        _log.warning("connections.not_renewed", effect=trouble.effect, reason=trouble.problem)
        if trouble.effect == "needs_login":
            with tools.store.write() as work:
                for connection in connections.using(work, token.client_id, token.xero_user):
                    if connection.state != "disconnected":
                        login_block.park(work, connection, ConnectionProblem.by_code(trouble.problem))
        return False
    return True


def _login(work: Work, tools: Tools, token: Token) -> TargetLogin | None:
    """The login of the accounting system that the pair opens."""
    used = connections.using(work, token.client_id, token.xero_user)
    targets = (tools.target_of(work, one.company) for one in used)
    return next((target.login for target in targets if target and target.login), None)


def _warn(work: Work, tools: Tools, target: str, token: Token, ends: datetime) -> None:
    """One warning per company and pair of tokens."""
    for connection in connections.using(work, token.client_id, token.xero_user):
        if connection.state == "disconnected" or companies.target_of(work, connection.company) != target:
            continue
        key = f"expiring/{connection.company}/{token.client_id}/{token.xero_user}/{token.version}"
        event = _warning(tools, connection, ends)
        if outbox.publish_once(work, Outgoing(event, connection.company, connection.company, key)):
            _log.warning("connections.login_expiring", company=connection.company, tenant=connection.tenant)


def _warning(tools: Tools, connection: CompanyConnection, ends: datetime) -> XeroConnectionLoginExpiring:
    message = f"The Xero login for {connection.organisation} ends on {ends:%Y-%m-%d} unless somebody logs in again."
    return XeroConnectionLoginExpiring(
        company=connection.company,
        organisation=login_block.organisation_of(connection),
        ends_at=ends,
        message=message[:255],
        login_url=login_block.page(tools.settings.public_url, connection.company),
        login_url_ends_at=ends,
    )


def _days(days: float) -> float:
    return days * 86_400
