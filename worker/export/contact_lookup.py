"""Contacts at send time: the store answers, no call is spent."""

from collections.abc import Mapping, Sequence

from events.accounting_target import AccountingTarget, Lane, Unmappable
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import contacts
from store.unit_of_work import Work


def linked(work: Work, lane: Lane, clients: Sequence[str]) -> Mapping[str, str]:
    """What is kept as the Xero contact of each client."""
    return contacts.links(work, lane.company, clients) if clients else {}


def contact_of(target: AccountingTarget, kept: Mapping[str, str], invoice: Invoice) -> str:
    """The Xero contact id to bill. Raises Unmappable when the client has none, or none that can be read."""
    said = kept.get(invoice.client.id)
    if not said:
        raise Unmappable(Failure(Reason.CONTACT_NOT_MAPPED))
    contact = target.contact_id(said)
    if contact is None:
        raise Unmappable(Failure(Reason.CONTACT_ID_MALFORMED))
    return contact
