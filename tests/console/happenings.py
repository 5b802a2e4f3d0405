"""What happens to invoices before somebody opens the console."""

from store import contacts
from tests.builders import COMPANY, TENANT, an_invoice, contact_id

EVIL = "<script>alert(1)</script>"
TOLD = "&lt;script&gt;alert(1)&lt;/script&gt;"


def unlinked(id_="b1", **other):
    """An invoice whose client has no Xero contact, and whose texts are somebody's joke."""
    line = {"description": f"Rigging {EVIL}", **other.pop("line", {})}
    return an_invoice(id_, client={"id": "crane", "name": f"Crane {EVIL}"}, line=line, **other)


def archived(id_="a1", **other):
    """An invoice on an account that is archived in Xero."""
    return an_invoice(id_, line={"account_code": "299"}, **other)


def link_crane(installation):
    """The client's contact is known from now on."""
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "crane", contact_id("acme"), said_by="admin")


def restore_account(installation):
    """The account can be used again in Xero."""
    installation.simulator.state.world.organisations[TENANT].accounts["299"].status = "ACTIVE"
