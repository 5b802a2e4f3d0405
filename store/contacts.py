"""Which Xero contact each client is billed as."""

from collections.abc import Collection, Mapping

from sqlmodel import col, select

from store import statements
from store.tables import ContactLink
from store.unit_of_work import Work


def link(work: Work, company: str, client: str, xero_contact_id: str, said_by: str, name: str = "") -> None:
    """Bill this client as that contact from now on; the newest word wins."""
    row = {
        "company": company,
        "client": client,
        "xero_contact_id": xero_contact_id,
        "name": name,
        "said_by": said_by,
        "changed_at": work.now,
    }
    changes = dict.fromkeys(("xero_contact_id", "name", "said_by", "changed_at"), "excluded")
    statements.upsert(work, ContactLink, [row], changes, returning=["client"])


def links(work: Work, company: str, clients: Collection[str]) -> Mapping[str, str]:
    """Xero contact id by client, for the clients that are linked."""
    asked = select(ContactLink).where(
        ContactLink.company == company, col(ContactLink.client).in_(sorted(set(clients)))
    )
    return {row.client: row.xero_contact_id for row in work.session.exec(asked)}
