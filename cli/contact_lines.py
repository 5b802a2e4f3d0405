"""Clients' contacts as lines and tables for people, and as JSON for machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from cli import output
from events.accounting_target import Organisation
from store.client_contacts import ClientContact
from worker.decisions.fuzzy_match import Card, Suggestion
from worker.tools import Tools

Found = Mapping[Card, Sequence[Suggestion]]


def show(linked: Sequence[ClientContact]) -> None:
    """A table of links; nothing where there are none."""
    table = output.table("", "client", "name in Xero", "state", "looked at", "set by", "Xero Client ID")
    for one in linked:
        looked = f"{one.checked_at:%Y-%m-%d}" if one.checked_at else "not yet"
        cells = (one.client, one.name, one.status, looked, one.changed_by, one.value)
        table.add_row(*(output.text(cell) for cell in cells))
    if linked:
        output.results.print(table)


def show_suggestions(tools: Tools, organisation: Organisation, found: Found) -> None:
    """Each client and the contacts it may be."""
    for card, likely in found.items():
        output.say(f"{card.client} {card.name}".rstrip() + ("" if likely else ": nothing like it in Xero"))
        for one in likely:
            link = tools.lists.contact_link(organisation.short_code, one.contact.id)
            output.say(f"  {one.score:.0%} by {one.by}: {one.contact.name}  {link}")


def suggested(tools: Tools, organisation: Organisation, found: Found) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "client": card.client,
            "name": card.name,
            "suggestions": [
                {
                    "xero_contact_id": one.contact.id,
                    "name": one.contact.name,
                    "link": tools.lists.contact_link(organisation.short_code, one.contact.id),
                    "score": one.score,
                    "by": one.by,
                }
                for one in likely
            ],
        }
        for card, likely in found.items()
    ]
