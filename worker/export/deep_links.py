"""Where in Xero a failure is mended: the pages its help opens."""

from events.accounting_target import AccountingTarget, Organisation
from events.failures import Failure
from events.lane import Lane
from store.tables import Export
from store.unit_of_work import Work
from worker.export import contact_lookup


def into_xero(
    work: Work, target: AccountingTarget, organisation: Organisation, export: Export, failure: Failure
) -> Failure:
    """The failure with the addresses of the contact, the invoice and its double in Xero, where they are known."""
    links: dict[str, str] = {}
    if failure.reason.value.opens == "contact":
        kept = contact_lookup.linked(work, Lane(export.company, export.tenant), [export.client])
        contact = target.contact_id(kept.get(export.client, ""))
        links |= {"link_contact": target.contact_link(organisation.short_code, contact)} if contact else {}
    for name, id_ in (
        ("link_invoice", export.xero_invoice_id),
        ("link_other_invoice", failure.facts.get("other_id")),
    ):
        links |= {name: target.deep_link(organisation, id_)} if id_ else {}
    return failure.knowing(**links)
