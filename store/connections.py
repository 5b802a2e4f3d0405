"""The organisation each company exports to, and the app and login that open it."""

from collections.abc import Sequence

from sqlmodel import col, select

from events.accounting_target import Lane, Organisation
from store.tables import Connection, XeroApp
from store.unit_of_work import Work
from store.vault import Vault


def register_app(work: Work, vault: Vault, company: str, client_id: str, secret: str, scopes: str) -> None:
    """Keep a company's Xero app; its secret is encrypted."""
    app = work.session.get(XeroApp, client_id)
    if app is None:
        sealed = vault.seal(secret)
        work.session.add(XeroApp(client_id=client_id, company=company, secret=sealed, scopes=scopes))
    else:
        app.secret, app.scopes = vault.seal(secret), scopes
    work.session.flush()


def app_secret(work: Work, vault: Vault, client_id: str) -> str | None:
    """The app's client secret, or None when the app is not known."""
    app = work.session.get(XeroApp, client_id)
    return vault.open(app.secret) if app else None


def connect(work: Work, connection: Connection) -> None:
    """Choose the organisation a company exports to."""
    work.session.merge(connection)
    work.session.flush()


def of_company(work: Work, company: str) -> Connection | None:
    """The company's connection, or None before its first login."""
    return work.session.get(Connection, company)


def organisation(work: Work, lane: Lane) -> Organisation | None:
    """The lane's organisation, or None when the company is connected to none or to another."""
    found = work.session.get(Connection, lane.company)
    if found is None or found.tenant != lane.tenant:
        return None
    return Organisation(
        lane=lane,
        name=found.organisation,
        short_code=found.short_code,
        base_currency=found.base_currency,
        client_id=found.client_id,
        xero_user=found.xero_user,
    )


def listed(work: Work) -> Sequence[Connection]:
    """All connections by company."""
    return work.session.exec(select(Connection).order_by(col(Connection.company))).all()
