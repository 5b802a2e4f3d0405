"""Companies' Xero apps: set, rotated, switched off and on; what then becomes of connections."""

from dataclasses import dataclass, field

from events.accounting_target import Lane, Trouble
from events.connections import ConnectionProblem
from events.credentials import APP_WAYS, AppKeys
from store import audit, companies, connections, erasures, tokens
from store.tables import CompanyApp, CompanyConnection
from store.unit_of_work import Work
from worker import logs
from worker.connections import connecting
from worker.connections.login_links import way_in
from worker.decisions import refusals
from worker.tools import Tools
from worker.waiting import login_block

_MENDED_BY_SECRET = (
    ConnectionProblem.APP_REFUSED.code,
    ConnectionProblem.APP_NOT_ALLOWED.code,
    ConnectionProblem.APP_MISSING.code,
    ConnectionProblem.CUSTOM_TAKEN_BACK.code,
)
REFUSED = (
    "Xero does not know this Client ID together with this Client Secret, so nothing was saved. Copy both anew from "
    "the app's page in Xero's developer portal, under Configuration; where its secret is gone, make another one."
)
NOT_ASKED = "The new Client Secret is saved, and not checked: Xero's login service cannot be asked just now."
PKCE = "pkce"  # in the place of a secret: an app that has none
_log = logs.log("connections")


class NoApp(Exception):
    """The company has no Xero app here."""


class UnknownTarget(Exception):
    """There is no accounting system of this name here; the text says which there are."""


class StillConnected(Exception):
    """The company is connected to an organisation of another accounting system; the text names it."""


class SetupRefused(Exception):
    """A company is not set up as it was written down; the text says why, and what can be done."""


class BeingRemoved(SetupRefused):
    """The company is being removed, and cannot be set up anew before that is done."""


def add_company(tools: Tools, company: str, name: str, by: str, target: str | None = None) -> None:
    """Set a company up, or give it another name; its accounting system is the default one until another is named.

    Raises UnknownTarget, StillConnected, BeingRemoved.
    """
    if target is not None and target not in tools.targets:
        raise UnknownTarget(", ".join(sorted(tools.targets)))
    with tools.store.write() as work:
        if companies.is_closed(work, company) or erasures.open_one(work, company, ""):
            raise BeingRemoved(f"{company} is being removed. It can be set up anew once that is done.")
        if target is not None and target != companies.target_of(work, company):
            connection = connections.locked(work, company)
            if connection and connection.state != "disconnected":
                raise StillConnected(connection.organisation)
        companies.set_up(work, company, name, companies.settings_of(work, company), target)
        _note(work, by, "company named", company, name=name, **({"target": target} if target else {}))


@dataclass(frozen=True)
class CompanySetup:
    """A company as somebody wrote it down: what is empty is left as it is. `PKCE` is the secret of an app without."""

    company: str
    name: str = ""
    target: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scopes: str = ""


def setup_steps(tools: Tools, wanted: CompanySetup) -> tuple[str, ...]:
    """What is left to do: set up, named, app. Raises SetupRefused for what would change more than that.

    Another app or accounting system than a company has may end its login: that is nothing to do by the way.
    """
    company = wanted.company
    if wanted.target and wanted.target not in tools.targets:
        there = ", ".join(sorted(tools.targets))
        raise SetupRefused(f"There is no accounting system “{wanted.target}” here. There is: {there}.")
    if bool(wanted.client_id) != bool(wanted.client_secret):
        raise SetupRefused("client_id and client_secret belong together; `pkce` for an app without a secret.")
    with tools.store.read() as work:
        known, target = companies.exists(work, company), companies.target_of(work, company)
        is_named = known and wanted.name in ("", companies.name_of(work, company))
        used = connections.app_of_company(work, company)
        keys = connections.app_keys(work, tools.vault, wanted.client_id)
    if known and wanted.target not in ("", target):
        raise SetupRefused(f"It exports to {target}: crewcard-xero companies add {company} --target {wanted.target}")
    if wanted.client_id and used and used[1].client_id != wanted.client_id:
        raise SetupRefused(f"It uses the app {used[1].client_id}: crewcard-xero companies app {company} …")
    if keys and wanted.client_secret not in (keys.secrets or (PKCE,)):
        raise SetupRefused(f"The app has another secret here: crewcard-xero companies secret {company}")
    steps = {"set up": not known, "named": known and not is_named, "app": bool(wanted.client_id) and not used}
    return tuple(step for step, is_left in steps.items() if is_left)


def set_up(tools: Tools, wanted: CompanySetup, by: str) -> tuple[str, ...]:
    """Do what is left to do; gives what was. Done twice, or broken off and done again, it comes to the same.

    Raises SetupRefused, LoginRefused.
    """
    steps = setup_steps(tools, wanted)
    if "set up" in steps or "named" in steps:
        add_company(tools, wanted.company, wanted.name or wanted.company, by, wanted.target or None)
    if "app" in steps:
        is_pkce = wanted.client_secret == PKCE
        secrets = () if is_pkce else (wanted.client_secret,)
        keys = AppKeys(wanted.client_id, secrets, "pkce" if is_pkce else "web")
        set_app(tools, wanted.company, keys, wanted.scopes or "granular", "", by)
    return steps


def set_app(tools: Tools, company: str, keys: AppKeys, scopes: str, callback: str, by: str) -> None:
    """Let the company use this app. Another app than before needs a new login. Raises AnotherSecret, AnotherKind."""
    with tools.store.write() as work:
        wanted = way_in(work, tools, company).wanted_scopes(scopes, keys.way)
        connections.save_app(work, tools.vault, company, keys, wanted, callback=callback)
        connection = connections.locked(work, company)
        if connection and connection.client_id != keys.client_id:
            login_block.park(work, connection, ConnectionProblem.SCOPES_CHANGED)
        _mended(work, keys.client_id)
        _note(work, by, "Xero app set", company, client_id=keys.client_id, scopes=wanted, callback=callback)
    _wake(tools, keys.client_id)


def objection_of_xero(tools: Tools, company: str, keys: AppKeys) -> str | None:
    """What the accounting system has against the app with its newest secret, empty where it knows it; None where it
    cannot be asked just now. Asking ends no login: no refresh token is used.
    """
    try:
        return "" if is_accepted(tools, company, keys) else REFUSED
    except refusals.LoginRefused as refused:
        return str(refused)
    except Trouble:
        return None


def objection_to_secret(tools: Tools, company: str, secret: str) -> str | None:
    """The same of another secret for the app that the company has. Raises NoApp."""
    with tools.store.read() as work:
        client_id = _used(work, company).client_id
        kind = connections.kind_of_app(work, client_id)
    return objection_of_xero(tools, company, AppKeys(client_id, (secret,), kind))


def is_accepted(tools: Tools, company: str, keys: AppKeys) -> bool:
    """Whether the accounting system knows the app with its newest secret. Raises LoginRefused, Trouble."""
    with tools.store.read() as work:
        way = way_in(work, tools, company)
    return way.accepts(keys)


def rotate_secret(tools: Tools, company: str, secret: str, by: str) -> None:
    """A new secret for the company's app; the former stays good until it is forgotten. Raises NoApp."""
    with tools.store.write() as work:
        client_id = _used(work, company).client_id
        connections.replace_secret(work, tools.vault, client_id, secret)
        _mended(work, client_id)
        _note(work, by, "Client Secret replaced", company, client_id=client_id)
    _log.info("connections.secret_replaced", company=company)
    _wake(tools, client_id)


def forget_former_secret(tools: Tools, company: str, by: str) -> bool:
    """End a rotation; False when there was only one secret. Raises NoApp."""
    with tools.store.write() as work:
        client_id = _used(work, company).client_id
        had = connections.forget_former_secret(work, client_id)
        if had:
            _note(work, by, "former Client Secret forgotten", company, client_id=client_id)
    return had


def set_webhook_key(tools: Tools, company: str, key: str, by: str) -> None:
    """The key with which Xero signs what it posts; the former stays good until it is forgotten. Raises NoApp."""
    with tools.store.write() as work:
        client_id = _used(work, company).client_id
        connections.replace_webhook_key(work, tools.vault, client_id, key)
        _note(work, by, "webhook key set", company, client_id=client_id)


def forget_webhook_key(tools: Tools, company: str, by: str, *, former_only: bool) -> bool:
    """The former key is good no more, or none at all; False when there was no such key. Raises NoApp."""
    with tools.store.write() as work:
        client_id = _used(work, company).client_id
        had = connections.forget_webhook_key(work, client_id, former_only=former_only)
        if had:
            what = "former webhook key forgotten" if former_only else "webhook key forgotten"
            _note(work, by, what, company, client_id=client_id)
    return had


def change_scopes(tools: Tools, company: str, scopes: str, by: str) -> bool:
    """Ask Xero for other permissions from now on; that takes a new login. False when none change. Raises NoApp."""
    with tools.store.write() as work:
        used = _used(work, company)
        way = APP_WAYS[connections.kind_of_app(work, used.client_id)]
        wanted = way_in(work, tools, company).wanted_scopes(scopes, way)
        if set(used.scopes.split()) == set(wanted.split()):
            return False
        used.scopes, used.changed_at = wanted, work.now
        connection = connections.locked(work, company)
        if connection and connection.state != "disconnected":
            login_block.park(work, connection, ConnectionProblem.SCOPES_CHANGED)
        _note(work, by, "permissions changed", company, scopes=used.scopes)
    tools.bells.wake_relay()
    return True


def disable(tools: Tools, company: str, by: str, why: str = "") -> None:
    """Switch the company's exports off; everything waits, nothing is lost. Raises NoApp."""
    with tools.store.write() as work:
        used = _used(work, company)
        used.state, used.changed_at = "disabled", work.now
        audit.note(work, by, "exports switched off", company, {}, 0, why)
        connection = connections.locked(work, company)
        if connection and connection.state != "disconnected":
            login_block.park(work, connection, ConnectionProblem.APP_DISABLED)
    tools.bells.wake_relay()


def enable(tools: Tools, company: str, by: str, why: str = "") -> None:
    """Switch the company's exports on again; a login made before is good still. Raises NoApp."""
    with tools.store.write() as work:
        used = _used(work, company)
        used.state, used.changed_at = "enabled", work.now
        audit.note(work, by, "exports switched on", company, {}, 0, why)
        connection = connections.locked(work, company)
        if connection and connection.problem == ConnectionProblem.APP_DISABLED.code:
            _go_on(work, connection)
    _wake(tools, used.client_id)


def _note(work: Work, by: str, what: str, company: str, **said: str) -> None:
    """A line of the audit; secrets are no part of it."""
    audit.note(work, by, what, company, said, 0, "")


def _used(work: Work, company: str) -> CompanyApp:
    found = connections.app_of_company(work, company)
    if found is None:
        raise NoApp(company)
    return found[0]


def _mended(work: Work, client_id: str) -> None:
    """The app was mended: what waited for that may try again, with the login it has."""
    tokens.forgive(work, client_id, _MENDED_BY_SECRET)
    for connection in connections.using(work, client_id):
        if connection.problem in _MENDED_BY_SECRET:
            _go_on(work, connection)


def _go_on(work: Work, connection: CompanyConnection) -> None:
    """On with the login there is, if the company's app and scopes are still those it was made with."""
    used = work.session.get(CompanyApp, connection.company)
    same_app = used is not None and used.client_id == connection.client_id
    if used and same_app and not refusals.missing_scopes(used.scopes, connection.scopes.split()):
        connecting.go_on(work, connection)
    else:
        login_block.park(work, connection, ConnectionProblem.SCOPES_CHANGED)


def _wake(tools: Tools, client_id: str) -> None:
    with tools.store.read() as work:
        found = connections.using(work, client_id)
    for connection in found:
        tools.bells.ring(Lane(connection.company, connection.tenant).key)
    tools.bells.wake_relay()
