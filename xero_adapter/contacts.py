"""Xero's contacts read from raw JSON; pure (facts §5)."""

from collections.abc import Mapping
from typing import Any

from events.accounting_target import ContactPage, ListedContact

PAGE = 1000  # the longest page Xero gives (facts §4.1)


def by_id(document: Any) -> Mapping[str, ListedContact]:
    """The contacts of a list answer, by id in lower case; what has no id is left out."""
    return {one.id: one for one in map(_contact, _elements(document)) if one.id}


def page_of(document: Any) -> ContactPage:
    """A page of contacts; a full one may have more behind it."""
    listed = _elements(document)
    return ContactPage([one for one in map(_contact, listed) if one.id], more=len(listed) >= PAGE)


def is_list(document: Any, name: str) -> bool:
    """Whether this is Xero's list of that name at all, not some other JSON."""
    return isinstance(document, dict) and isinstance(document.get(name), list)


def _elements(document: Any) -> list[dict[str, Any]]:
    listed = document["Contacts"] if is_list(document, "Contacts") else []
    return [one for one in listed if isinstance(one, dict)]


def _contact(said: Mapping[str, Any]) -> ListedContact:
    return ListedContact(
        id=_text(said, "ContactID").lower(),
        name=_text(said, "Name"),
        status=_text(said, "ContactStatus").upper() or "ACTIVE",
        merged_into=_text(said, "MergedToContactID").lower(),
        number=_text(said, "ContactNumber") or _text(said, "AccountNumber"),
        email=_text(said, "EmailAddress"),
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
