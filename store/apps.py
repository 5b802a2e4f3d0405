"""Xero apps and which company uses which: each company brings its own, and its secrets are encrypted."""

from sqlmodel import col, select

from events.credentials import AppKeys, AppKind
from store.tables import CompanyApp, XeroApp
from store.unit_of_work import Work
from store.vault import Vault


class AnotherSecret(Exception):
    """The app is known from another company, with another secret."""


def save_app(
    work: Work, vault: Vault, company: str, keys: AppKeys, scopes: str, *, callback: str | None = None
) -> CompanyApp:
    """Let the company use this app, and keep its secret; an app that others use is joined only by who knows it.

    Raises AnotherSecret.
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


def of_company(work: Work, company: str) -> tuple[CompanyApp, XeroApp] | None:
    """The app a company uses, and how; None when it has none."""
    used = work.session.get(CompanyApp, company)
    app = work.session.get(XeroApp, used.client_id) if used else None
    return (used, app) if used and app else None


def keys(work: Work, vault: Vault, client_id: str) -> AppKeys | None:
    """The app's secrets in the clear, newest first; None when the app is not known. Raises Unopenable."""
    app = work.session.get(XeroApp, client_id)
    if app is None:
        return None
    kind: AppKind = "pkce" if app.kind == "pkce" else "web"
    secrets = tuple(_secrets(vault, app)) or (vault.open(app.secret),)
    return AppKeys(client_id, secrets if kind == "web" else (), kind)


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


def users(work: Work, client_id: str) -> list[str]:
    """The companies that use an app."""
    asked = select(CompanyApp.company).where(CompanyApp.client_id == client_id).order_by(col(CompanyApp.company))
    return list(work.session.exec(asked))


def _secrets(vault: Vault, app: XeroApp) -> list[str]:
    """Newest first, those whose encryption key is still listed: who lost a key may enter the secret again."""
    kept = (app.secret, app.former_secret)
    return [vault.open(sealed) for sealed in kept if sealed is not None and vault.opens(sealed)]


def _others(work: Work, client_id: str, company: str) -> bool:
    return any(user != company for user in users(work, client_id))
