"""Connecting a company to its organisation: app, login and choice kept in one transaction."""

from dataclasses import dataclass
from typing import Any

from events.accounting_target import Lane
from store import connections, lanes
from store.tables import Connection
from store.tokens import keep_first_pair
from worker.tools import Tools


@dataclass(frozen=True)
class App:
    """A company's own Xero app."""

    client_id: str
    secret: str
    scopes: str = "offline_access accounting.invoices accounting.contacts.read accounting.settings.read"


@dataclass(frozen=True)
class Choice:
    """The organisation a person chose, and who that person is at Xero."""

    tenant: str
    name: str
    short_code: str
    base_currency: str
    xero_user: str


def connect(tools: Tools, company: str, app: App, choice: Choice, pair: dict[str, Any]) -> None:
    """Keep the app, the token pair and the chosen organisation; whatever waited for a login goes on."""
    with tools.store.write() as work:
        connections.register_app(work, tools.vault, company, app.client_id, app.secret, app.scopes)
        keep_first_pair(work, tools.vault, app.client_id, choice.xero_user, pair)
        connections.connect(
            work,
            Connection(
                company=company,
                tenant=choice.tenant,
                organisation=choice.name,
                short_code=choice.short_code,
                base_currency=choice.base_currency,
                client_id=app.client_id,
                xero_user=choice.xero_user,
                connected_at=work.now,
            ),
        )
        lanes.reopen(work, Lane(company, choice.tenant))
    tools.bells.ring(Lane(company, choice.tenant).key)
