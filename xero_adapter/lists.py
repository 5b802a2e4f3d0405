"""Xero's lists: contacts, accounts, tax rates, tracking categories, branding themes; one call each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from events.accounting_lists import MOST_CONTACTS, ChoiceKind, ContactPage, ListedChoice, ListedContact, Pasted
from events.accounting_target import Organisation
from xero_adapter import choices, contacts, pasted, replies
from xero_adapter.client import Reply, XeroClient

Ask = Callable[[Organisation, Callable[[str], Reply]], Reply]


class XeroLists:
    """What can be chosen in an organisation; `ask` makes a call with a bearer and raises Trouble for refusals."""

    def __init__(self, client: XeroClient, ask: Ask) -> None:
        self._client = client
        self._ask = ask

    def pasted(self, text: str) -> Pasted:
        """The contact in what a person pasted. Raises NotAContact."""
        return pasted.parse_pasted(text)

    def contact_link(self, short_code: str, contact_id: str) -> str:
        """The contact's page in Xero (facts §5.1)."""
        if not short_code:
            return f"https://go.xero.com/Contacts/View/{contact_id}"
        return f"https://go.xero.com/app/{quote(short_code, safe='!')}/contacts/contact/{contact_id}"

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, ListedContact]:
        """The contacts with these ids, at most 45, by id. Raises Trouble.

        Paged, because only then Xero says who a contact was merged into; archived ones come only when asked
        for (facts §5).
        """
        if len(ids) > MOST_CONTACTS:
            raise ValueError(f"at most {MOST_CONTACTS} contacts in one call")
        chosen = {"i_ds": list(ids), "include_archived": True, "page": 1, "page_size": 100}
        return contacts.by_id(self._list(organisation, "get_contacts", "Contacts", **chosen))

    def all_contacts(self, organisation: Organisation, page: int) -> ContactPage:
        """A page of the active contacts. Raises Trouble."""
        chosen = {"page": page, "page_size": contacts.PAGE, "summary_only": True, "order": "Name ASC"}
        return contacts.page_of(self._list(organisation, "get_contacts", "Contacts", **chosen))

    def choices(self, organisation: Organisation, kind: ChoiceKind) -> Sequence[ListedChoice]:
        """What the organisation has of this kind. Raises Trouble."""
        method, listed, _ = choices.ENDPOINTS[kind]
        return choices.choices_in(kind, self._list(organisation, method, listed))

    def _list(self, organisation: Organisation, method: str, listed: str, **chosen: Any) -> Any:
        reply = self._ask(organisation, lambda bearer: self._client.get(method, organisation, bearer, **chosen))
        document = replies.document(reply)
        if not contacts.is_list(document, listed):
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return document
