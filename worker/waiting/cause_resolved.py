"""A cause is gone: note it beside what removed it. `worker/failing/sending_again` then sends what waited, by itself.

Each function takes the transaction in which the cause goes, so that neither happens without the other.
"""

import re
from collections.abc import Sequence

from events import failures
from events.settings import CompanySettings
from store import failing
from store.connections import NOT_YET
from store.unit_of_work import Work

CONTACT, CONNECTION, SETTINGS = "Xero contact linked", "Connection to Xero renewed", "Xero settings changed"
_NOBODY = "crewcard-xero"
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._:-]+")


def contact_linked(work: Work, company: str, client: str, by: str = "", event: str | None = None) -> int:
    """The client was linked to a Xero contact, its first or another one; gives how many invoices waited for that."""
    gone = failures.gone_with_contact(client)
    failing.note_gone(work, company, gone, _id(by), CONTACT, event=event)
    waited = failing.counts(work, company)
    return sum(waited.get(cause, 0) for cause in gone)


def connection_renewed(work: Work, company: str, tenant: str, by: str = "", event: str | None = None) -> None:
    """The company is connected again; only what was meant for this organisation, or for none yet, goes by itself."""
    gone = failures.gone_with_connection()
    failing.note_gone(work, company, gone, _id(by), CONNECTION, tenant=tenant, event=event)


def settings_changed(
    work: Work,
    company: str,
    before: CompanySettings,
    after: CompanySettings,
    by: str = "",
    event: str | None = None,
) -> Sequence[str]:
    """The company's settings were changed; gives the causes that are gone with the former ones."""
    gone = failures.gone_with_settings(before, after, failing.counts(work, company))
    failing.note_gone(work, company, gone, _id(by), SETTINGS, event=event)
    return gone


def _id(by: str) -> str:
    """Who saw to it, as an order names people."""
    return _NOT_IN_AN_ID.sub("-", by).lstrip("-._:")[:100] or _NOBODY


def tenants_of(tenant: str | None) -> Sequence[str] | None:
    """The organisations whose failed invoices may go: any, or this one and none yet."""
    return None if tenant is None else (tenant, NOT_YET)
