"""The organisation each company exports to, and the app and login that open it.

Xero apps and which company uses which: each company brings its own, and its secrets are encrypted.
Logins under way: one row per used link, so that a link, a state and a code each serve once.
"""

import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import bindparam, exists, func, or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update

from events.credentials import APP_WAYS, AppKeys, AppKind
from events.lane import DEFAULT_TARGET, Lane, Organisation
from store import statements
from store.tables import Company, CompanyApp, CompanyConnection, Export, Login, RefusedTax, XeroApp
from store.tables.columns import word
from store.unit_of_work import Work
from store.vault import Vault

_SEEN_SECONDS = 60.0
_OF_ORGANISATION = (
    "tenant",
    "organisation",
    "short_code",
    "base_currency",
    "client_id",
    "xero_user",
    "connected_at",
)
NOT_YET = ""  # the tenant of work that was accepted before its company's first login


class Taken(Exception):
    """Another company holds the organisation."""


def connect(work: Work, connection: CompanyConnection) -> None:
    """Choose the organisation a company exports to. Raises Taken when another company holds it."""
    _make_free(work, connection)
    try:
        with work.session.begin_nested():
            work.session.merge(connection)
            work.session.flush()
    except IntegrityError:  # another login ended at this very moment: the other company's, or an own one
        _make_free(work, connection)
        work.session.merge(connection)
        work.session.flush()


def _make_free(work: Work, connection: CompanyConnection) -> None:
    """What a company that parted leaves of the organisation goes. Raises Taken."""
    asked = select(CompanyConnection).where(
        CompanyConnection.tenant == connection.tenant, CompanyConnection.company != connection.company
    )
    holder = work.session.exec(asked.with_for_update()).first()
    if holder and holder.state != "disconnected":
        raise Taken(connection.tenant)
    if holder:
        work.session.delete(holder)
        work.session.flush()


def of_company(work: Work, company: str) -> CompanyConnection | None:
    """The company's connection, or None before its first login."""
    return work.session.get(CompanyConnection, company)


def organisation(work: Work, lane: Lane) -> Organisation | None:
    """The lane's organisation, or None when the company is connected to none or to another."""
    found = work.connection.execute(_organisation(), {"company": lane.company}).first()
    return organisation_in(found, lane) if found else None


def organisation_in(found: Any, lane: Lane) -> Organisation | None:
    """The same, from a row with `organisation_columns`."""
    if found.tenant != lane.tenant or found.connection == "disconnected":
        return None
    return Organisation(
        lane=lane,
        name=found.organisation,
        short_code=found.short_code,
        base_currency=found.base_currency,
        client_id=found.client_id,
        xero_user=found.xero_user,
        since=found.connected_at,
        refused_taxes=found.refused_taxes,
        target=found.target or DEFAULT_TARGET,
    )


@functools.cache
def _organisation() -> Any:
    asked = select(*organisation_columns()).select_from(CompanyConnection)
    return asked.outerjoin(Company, of_connection()).where(CompanyConnection.company == bindparam("company"))


def of_connection() -> Any:
    """That a company is the connection's."""
    return col(Company.id) == col(CompanyConnection.company)


def organisation_columns() -> Sequence[Any]:
    """A connection with its company: also whether a tax rate was refused there; a turn hardly ever needs which."""
    of_company = col(RefusedTax.company) == col(CompanyConnection.company)
    refused = exists().where(of_company, col(RefusedTax.tenant) == col(CompanyConnection.tenant))
    named = [col(getattr(CompanyConnection, name)) for name in _OF_ORGANISATION]
    state: Any = col(CompanyConnection.state).label("connection")
    return *named, state, col(Company.target), refused.label("refused_taxes")


def set_state(work: Work, connection: CompanyConnection, state: str, problem: str = "") -> bool:
    """Note how the connection is; True when this is news."""
    news = (connection.state, connection.problem) != (state, problem)
    if news:
        connection.state, connection.problem = state, problem
        connection.problem_at = work.now if problem else None
        work.session.flush()
    return news


def locked(work: Work, company: str) -> CompanyConnection | None:
    """The company's connection, locked until the transaction ends."""
    asked = select(CompanyConnection).where(CompanyConnection.company == company)
    return work.session.exec(asked.with_for_update().execution_options(populate_existing=True)).first()


def taken(work: Work, tenants: Collection[str], company: str) -> set[str]:
    """Which of these organisations other companies hold."""
    asked = select(CompanyConnection.tenant).where(
        col(CompanyConnection.tenant).in_(sorted(tenants)),
        CompanyConnection.company != company,
        CompanyConnection.state != "disconnected",
    )
    return set(work.session.exec(asked))


def using(work: Work, client_id: str, xero_user: str | None = None) -> Sequence[CompanyConnection]:
    """The connections that one app, or one login, opens."""
    asked = select(CompanyConnection).where(CompanyConnection.client_id == client_id)
    if xero_user is not None:
        asked = asked.where(CompanyConnection.xero_user == xero_user)
    return work.session.exec(asked.order_by(col(CompanyConnection.company))).all()


def keep_day_calls(work: Work, calls: Mapping[str, int]) -> None:
    """Keep how many calls of a day Xero allows these organisations (tenants)."""
    for tenant, most in sorted(calls.items()):
        work.session.exec(
            update(CompanyConnection).where(col(CompanyConnection.tenant) == tenant).values(day_calls=most)
        )


def work_elsewhere(work: Work, company: str, tenant: str) -> Mapping[str, int]:
    """Invoices that wait for other organisations than this one, by tenant; those of no organisation yet included."""
    asked = (
        select(Export.tenant, func.count())
        .where(Export.company == company, Export.tenant != tenant, Export.state == word("pending"))
        .group_by(col(Export.tenant))
    )
    return dict(work.session.exec(asked).all())


def waiting(work: Work, company: str) -> int:
    """Invoices of the company that have no answer yet."""
    live = ("pending", "exporting", "uncertain")
    asked = select(func.count()).select_from(Export)
    return work.session.exec(asked.where(Export.company == company, col(Export.state).in_(live))).one()


def enabled(work: Work, company: str) -> bool:
    """Whether the company's app is set up and not switched off."""
    used = work.session.get(CompanyApp, company)
    return used is not None and used.state == "enabled"


def all_connections(work: Work, target: str | None = None) -> Sequence[CompanyConnection]:
    """All connections by company; or those to this accounting system."""
    asked = select(CompanyConnection).order_by(col(CompanyConnection.company))
    if target is not None:
        asked = asked.join(Company, col(Company.id) == col(CompanyConnection.company)).where(Company.target == target)
    return work.session.exec(asked).all()


class AnotherSecret(Exception):
    """The app is known from another company, with another secret."""


class AnotherKind(Exception):
    """The app is of another kind here, and other companies have their logins by it; the text names them."""


def save_app(
    work: Work, vault: Vault, company: str, keys: AppKeys, scopes: str, *, callback: str | None = None
) -> CompanyApp:
    """Let the company use this app, and keep its secret; an app that others use is joined only by who knows it.

    Raises AnotherSecret; AnotherKind where others would lose the way in that their logins were made by.
    """
    secret = keys.secrets[0] if keys.secrets else ""
    app = work.session.get(XeroApp, keys.client_id)
    if app is None:
        sealed = vault.seal(secret)
        app = XeroApp(client_id=keys.client_id, company=company, secret=sealed, secret_changed_at=work.now)
        work.session.add(app)
    elif secret not in _secrets(vault, app):
        if _others(work, keys.client_id, company):
            raise AnotherSecret(keys.client_id)
        app.secret, app.former_secret, app.secret_changed_at = vault.seal(secret), None, work.now
    if app.kind not in (None, keys.kind):  # none yet where it is new
        _must_be_nobody_elses(work, app, company)
    app.kind = keys.kind
    if callback is not None:
        app.callback = callback
    used = work.session.get(CompanyApp, company)
    if used is None:
        used = CompanyApp(company=company, client_id=keys.client_id, scopes=scopes, changed_at=work.now)
        work.session.add(used)
    used.client_id, used.scopes, used.state, used.changed_at = keys.client_id, scopes, "enabled", work.now
    work.session.flush()
    return used


def _must_be_nobody_elses(work: Work, app: XeroApp, company: str) -> None:
    """Raises AnotherKind while another company has a login by this app."""
    logins = [one for one in using(work, app.client_id) if one.state != "disconnected"]
    others = [one.company for one in logins if one.company != company]
    if others:
        kind, named = APP_WAYS[cast("AppKind", app.kind)].words, ", ".join(others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise AnotherKind(
            f"This app is kept as “{kind}”, and other companies log in by it: {named}{more}. With another kind they "
            f"would lose their logins, so nothing was changed. Choose “{kind}”, or give this company its own app."
        )


def app_of_company(work: Work, company: str) -> tuple[CompanyApp, XeroApp] | None:
    """The app a company uses, and how; None when it has none."""
    used = work.session.get(CompanyApp, company)
    app = work.session.get(XeroApp, used.client_id) if used else None
    return (used, app) if used and app else None


def app_keys(work: Work, vault: Vault, client_id: str) -> AppKeys | None:
    """The app's secrets in the clear, newest first; None when the app is not known. Raises Unopenable."""
    app = work.session.get(XeroApp, client_id)
    if app is None:
        return None
    kind = cast("AppKind", app.kind)
    secrets = tuple(_secrets(vault, app)) or (vault.open(app.secret),)
    return AppKeys(client_id, secrets if APP_WAYS[kind].has_secret else (), kind)


def kind_of_app(work: Work, client_id: str) -> AppKind:
    """The kind of an app; `web` for one that is not known."""
    app = work.session.get(XeroApp, client_id)
    return cast("AppKind", app.kind) if app else "web"


def replace_secret(work: Work, vault: Vault, client_id: str, secret: str) -> None:
    """A new secret; the one before stays good until it is forgotten, so that nothing stops during a rotation."""
    app = work.session.get_one(XeroApp, client_id)
    readable = vault.opens(app.secret)
    if not readable or vault.open(app.secret) != secret:
        app.former_secret, app.secret = app.secret if readable else None, vault.seal(secret)
    app.secret_changed_at, app.secret_refused_at = work.now, None
    work.session.flush()


def forget_former_secret(work: Work, client_id: str) -> bool:
    """The rotation is over: only the newest secret is used; False when there was no other."""
    app = work.session.get_one(XeroApp, client_id)
    had, app.former_secret = app.former_secret is not None, None
    work.session.flush()
    return had


def webhook_keys(work: Work, vault: Vault, company: str) -> list[str]:
    """The keys with which Xero signs what it posts to the company, newest first. Raises Unopenable."""
    found = app_of_company(work, company)
    kept = (found[1].webhook_key, found[1].former_webhook_key) if found else ()
    return [vault.open(sealed) for sealed in kept if sealed is not None]


def replace_webhook_key(work: Work, vault: Vault, client_id: str, key: str) -> None:
    """A new webhook key of the app; the one before stays good until it is forgotten."""
    app = work.session.get_one(XeroApp, client_id)
    kept = app.webhook_key if app.webhook_key is not None and vault.opens(app.webhook_key) else None
    if kept is None or vault.open(kept) != key:
        app.former_webhook_key, app.webhook_key = kept, vault.seal(key)
    work.session.flush()


def forget_webhook_key(work: Work, client_id: str, *, former_only: bool) -> bool:
    """The former webhook key is good no more, or none is; False when there was no such key."""
    app = work.session.get_one(XeroApp, client_id)
    had = (app.former_webhook_key if former_only else app.webhook_key) is not None
    app.former_webhook_key = None
    if not former_only:
        app.webhook_key = None
    work.session.flush()
    return had


def note_webhook(work: Work, company: str) -> None:
    """Xero has posted to the company, signed; noted once a minute, so that no row is written for each of many."""
    seen = col(CompanyApp.webhook_seen_at)
    before = or_(seen.is_(None), seen < work.after(-_SEEN_SECONDS))
    mine = update(CompanyApp).where(col(CompanyApp.company) == company, before)
    work.session.exec(mine.values(webhook_seen_at=work.now))


def note_missed_webhook(work: Work, company: str) -> None:
    """A comparison found something that no webhook had told."""
    mine = update(CompanyApp).where(col(CompanyApp.company) == company, col(CompanyApp.webhook_seen_at).is_not(None))
    work.session.exec(mine.values(webhook_missed_at=work.now))


def webhooks_come(work: Work, company: str, seconds: float) -> bool:
    """Whether Xero has posted to the company in so many last seconds, and nothing was found that it had not told."""
    used = work.session.get(CompanyApp, company)
    if used is None or used.webhook_seen_at is None or used.webhook_seen_at < work.after(-seconds):
        return False
    return used.webhook_missed_at is None or used.webhook_missed_at < work.after(-seconds)


def app_users(work: Work, client_id: str) -> list[str]:
    """The companies that use an app."""
    asked = select(CompanyApp.company).where(CompanyApp.client_id == client_id).order_by(col(CompanyApp.company))
    return list(work.session.exec(asked))


def _secrets(vault: Vault, app: XeroApp) -> list[str]:
    """Newest first, those whose encryption key is still listed: who lost a key may enter the secret again."""
    kept = (app.secret, app.former_secret)
    return [vault.open(sealed) for sealed in kept if sealed is not None and vault.opens(sealed)]


def _others(work: Work, client_id: str, company: str) -> bool:
    return any(user != company for user in app_users(work, client_id))


def login_fingerprint(secret: str) -> str:
    """What is kept of a secret that only ever has to be recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start_login(work: Work, login: Login) -> bool:
    """Begin the login of a link; False when the link was used before."""
    return bool(statements.insert_new(work, Login, [login.model_dump()], returning="id"))


def login_of_state(work: Work, state: str) -> Login | None:
    """The login this state belongs to."""
    return work.session.exec(select(Login).where(Login.state == login_fingerprint(state))).first()


def find_login(work: Work, login_id: str) -> Login | None:
    """The login with this id."""
    return work.session.get(Login, login_id)


def move_login(work: Work, login_id: str, from_stage: str, to_stage: str) -> bool:
    """Take the next stage; False when somebody else took it, or its time is over."""
    mine = update(Login).where(
        col(Login.id) == login_id, col(Login.stage) == from_stage, col(Login.ends_at) > work.now
    )
    return bool(work.session.exec(mine.values(stage=to_stage)).rowcount)


def note_login(work: Work, login_id: str, *, xero_user: str, scopes: Sequence[str], organisations: str) -> None:
    """Who logged in, and what there is to choose from (JSON)."""
    mine = update(Login).where(col(Login.id) == login_id)
    work.session.exec(mine.values(xero_user=xero_user, scopes=" ".join(scopes), organisations=organisations))


def forget_ended_logins(work: Work, seconds_ago: float) -> int:
    """Remove logins that ended this long ago; their links have ended as well."""
    return work.session.exec(delete(Login).where(col(Login.ends_at) < work.after(-seconds_ago))).rowcount
