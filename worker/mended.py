"""A cause is gone: what failed because of it is asked for again, without anybody hunting for it."""

from events.accounting_target import Lane
from events.codec import Envelope
from events.export import MOST_INVOICES
from events.orders import InvoiceExportReplayRequested
from events.people import Person
from store import choosing, connections
from store.connections import NOT_YET
from store.unit_of_work import Work
from worker import intake
from worker.contact_checks import ABOUT_CONTACTS
from worker.tools import Tools

_SOURCE = "crewcard-xero"


def contact_mapped(work: Work, tools: Tools, company: str, client: str, cause: str) -> int:
    """Send again what failed for want of this client's contact, in the transaction at hand; gives how many.

    `cause` is the id of the event that mended it. Ring the company's lane after the commit. Locks exports, so say
    this before anything else is locked that intake locks later.
    """
    ids = choosing.failed_of_client(work, company, client, [reason.code for reason in ABOUT_CONTACTS])
    rows = [row for row in choosing.locked(work, ids).values() if row.state == "failed"]
    lane = lane_of(work, company)
    invoices = list(dict.fromkeys(row.invoice for row in rows))
    sent = 0
    for part, some in enumerate(choosing.in_chunks(invoices, MOST_INVOICES), start=1):
        order = InvoiceExportReplayRequested(
            company=company,
            invoices=tuple(some),
            requested_by=Person(id=_SOURCE, role="system"),
            why=f"the Xero contact of {client} was mended",
        )
        envelope = Envelope(
            specversion="1.0", id=f"mended-{cause}-{part}"[:200], source=_SOURCE, type=order.TYPE, data={}
        )
        sent += intake.replay_in(work, tools, envelope, order, lane).invoices
    return sent


def lane_of(work: Work, company: str) -> Lane:
    """Where the company's exports go now."""
    connection = connections.of_company(work, company)
    return Lane(company, connection.tenant if connection else NOT_YET)
