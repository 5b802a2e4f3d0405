"""Suggest Xero contacts for clients without one. The list of contacts costs one call per thousand of them."""

import functools
from collections.abc import Mapping, Sequence

from events.accounting_target import ListedContact, Organisation
from events.invoice import Invoice
from store import contacts
from store.unit_of_work import Work
from worker.contacts import permits
from worker.contacts.permits import Wait
from worker.decisions.fuzzy_match import Card, Likely, Suggestion
from worker.tools import Tools

_MOST_PAGES = 50


def unlinked(work: Work, company: str) -> Mapping[Card, int]:
    """The clients of the company's invoices without a contact, and how many of their invoices failed."""
    return {
        Card(client, Invoice.of_kept(content).client.name): failed
        for client, content, failed in contacts.unlinked(work, company)
    }


def suggest(
    tools: Tools, organisation: Organisation, cards: Sequence[Card], most: int = 3, wait: Wait | None = None
) -> Mapping[Card, Sequence[Suggestion]]:
    """Contacts that each client may be, the likeliest first. Raises Trouble."""
    likely = Likely(everybody(tools, organisation, wait))
    return {card: likely.suggestions(card, most) for card in cards}


def everybody(tools: Tools, organisation: Organisation, wait: Wait | None = None) -> Sequence[ListedContact]:
    """All active contacts of the organisation. Raises Trouble."""
    found: dict[str, ListedContact] = {}
    for page in range(1, _MOST_PAGES + 1):
        ask = functools.partial(tools.target(organisation).all_contacts, organisation, page)
        shown = permits.call(tools, organisation, ask, wait, single=False)
        found |= {one.id: one for one in shown.contacts}
        if not shown.more:
            break
    return list(found.values())
