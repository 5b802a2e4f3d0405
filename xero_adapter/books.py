"""Looking into Xero's books: settings, contacts, counts; one call each, all of them GETs (facts §5, §7.3)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from events.accounting_target import Element, Organisation
from events.books import Books, Part, SeenContact, Sums
from events.changes import Change, Difference, Picture
from xero_adapter import pages, pictures, replies, tallying
from xero_adapter.client import Reply, XeroClient

Ask = Callable[[Organisation, Callable[[str], Reply]], Reply]
_METHODS: Mapping[Part, str] = {
    "organisation": "get_organisations",
    "actions": "get_organisation_actions",
    "accounts": "get_accounts",
    "tax_rates": "get_tax_rates",
    "currencies": "get_currencies",
    "tracking": "get_tracking_categories",
    "items": "get_items",
}


class XeroBooks:
    """Reads through `ask`, which brings the bearer, keeps the pace's books and raises Trouble."""

    def __init__(self, client: XeroClient, ask: Ask) -> None:
        self._client = client
        self._ask = ask

    def part(self, organisation: Organisation, part: Part) -> Books:
        """One part of the organisation's settings."""
        return pages.READERS[part](self._fetch(organisation, _METHODS[part]))

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, SeenContact]:
        """Contacts by id, archived ones too; paged, because only then a merge is told (facts §5)."""
        document = self._fetch(
            organisation, "get_contacts", i_ds=list(ids), include_archived=True, page=1, summary_only=True
        )
        return pages.contacts(document)

    def approved(self, organisation: Organisation, month: date) -> int:
        """Approved or paid sales invoices dated in the month of this day; only the count is asked for."""
        first = month.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        dated = f"Date>=DateTime({first:%Y,%m,%d}) AND Date<DateTime({after:%Y,%m,%d})"
        document = self._fetch(
            organisation,
            "get_invoices",
            where=f'Type=="ACCREC" AND {dated}',
            statuses=["AUTHORISED", "PAID"],
            page=1,
            page_size=1,
            summary_only=True,
        )
        return pages.count(document)

    def picture(self, copy: Element) -> Picture:
        """An invoice as Xero shows it."""
        return pictures.of_copy(copy)

    def picture_of(self, element: Element) -> Picture:
        """An invoice as an element of ours will make it."""
        return pictures.of_sent(element)

    def changes(self, before: Picture, after: Picture) -> tuple[Change, ...]:
        """What became different in an invoice, of what an export may change."""
        return pictures.changes(before, after)

    def edits(self, before: Picture, now: Picture, wanted: Picture | None = None) -> tuple[Change, ...]:
        """What somebody changed in Xero, of that which an update would take back."""
        return pictures.edits(before, now, wanted)

    def differences(self, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What Xero keeps otherwise than it was sent."""
        return pictures.differences(sent, kept)

    def left_behind(self, before: Picture, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
        """What an update took off, and Xero keeps all the same."""
        return pictures.left_behind(before, sent, kept)

    def sums(self, element: Element, books: Books, copy: Element | None = None) -> Sums | None:
        """What an element will come to."""
        return tallying.sums(element, books, copy)

    def _fetch(self, organisation: Organisation, method: str, **chosen: Any) -> Any:
        reply = self._ask(organisation, lambda bearer: self._client.get(method, organisation, bearer, **chosen))
        document = replies.document(reply)
        if not isinstance(document, dict):
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return document
