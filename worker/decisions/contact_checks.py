"""May this client be billed as this contact? Judged from what Xero shows of it; pure (facts §5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from events.accounting_target import ListedContact
from events.contact_problems import ContactProblem
from events.contacts import ContactStatus
from events.reasons import Reason

# What linking a client to a good contact mends.
ABOUT_CONTACTS = (
    Reason.CONTACT_NOT_MAPPED,
    Reason.CONTACT_ID_MALFORMED,
    Reason.CONTACT_NOT_FOUND,
    Reason.CONTACT_ARCHIVED,
    Reason.CONTACT_EMAIL_INVALID,
)
_STATUSES: Mapping[str, ContactStatus] = {"ACTIVE": "active", "GDPRREQUEST": "erased"}
_PROBLEMS: Mapping[ContactStatus, ContactProblem] = {
    "archived": ContactProblem.ARCHIVED,
    "erased": ContactProblem.ERASED,
    "merged": ContactProblem.MERGED,
    "missing": ContactProblem.NOT_FOUND,
}


@dataclass(frozen=True)
class ContactVerdict:
    """What Xero shows: the contact, how it is, what speaks against it, and the winner where it was merged."""

    status: ContactStatus
    contact: ListedContact | None = None
    winner: ListedContact | None = None

    @property
    def problem(self) -> ContactProblem | None:
        """Why no invoice can be raised for it; None when one can."""
        return _PROBLEMS.get(self.status)

    def facts(self) -> dict[str, str]:
        """What a sentence may say about it."""
        facts = {"name": self.contact.name} if self.contact and self.contact.name else {}
        if self.winner:
            facts |= {"winner": self.winner.name, "winner_id": self.winner.id}
        return facts


def verdict(contact_id: str, shown: Mapping[str, ListedContact]) -> ContactVerdict:
    """How the contact with this id is, from what Xero shows of it and of those it was merged into."""
    contact = shown.get(contact_id)
    return ContactVerdict(status_of(contact), contact, winner_of(contact, shown))


def status_of(contact: ListedContact | None) -> ContactStatus:
    """How a contact is; one that Xero does not show is missing."""
    if contact is None:
        return "missing"
    if contact.active:
        return "active"
    return "merged" if contact.merged_into else _STATUSES.get(contact.status, "archived")


def winner_of(contact: ListedContact | None, shown: Mapping[str, ListedContact]) -> ListedContact | None:
    """The contact at the end of its merges; None where it was not merged, or they end in nothing usable."""
    seen: set[str] = set()
    while contact and contact.merged_into and contact.id not in seen:
        seen.add(contact.id)
        contact = shown.get(contact.merged_into)
    return contact if contact and seen and status_of(contact) == "active" else None


def unseen_winners(shown: Mapping[str, ListedContact]) -> list[str]:
    """The ids that contacts were merged into and that Xero has not been asked about."""
    return sorted({one.merged_into for one in shown.values() if one.merged_into} - set(shown))


def same_short_code(theirs: str, ours: str) -> bool:
    """Whether a pasted address is of our organisation; true where either side does not say."""
    return not theirs or not ours or theirs.casefold() == ours.casefold()
