"""May this client be billed as this contact? Judged from what Xero shows of it; pure (facts §5).

How alike a client and a contact are, by number, e-mail and name; suggests, never decides; pure.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from events.accounting_target import ListedContact
from events.contacts import ContactProblem, ContactStatus
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


def number_of(company: str, client: str) -> str:
    """The number of a contact that we create, by which it is known again: of this client of this company alone.

    Xero keeps it as ContactNumber, at most 50 characters (SPEC:21192).
    """
    return f"crewcard-{hashlib.sha256(json.dumps([company, client]).encode()).hexdigest()[:32]}"


def namesakes(name: str, shown: Sequence[ListedContact]) -> list[ListedContact]:
    """The active contacts of this very name; Xero wants each once, whatever its case."""
    wanted = " ".join(name.split()).casefold()
    return [one for one in shown if one.active and " ".join(one.name.split()).casefold() == wanted]


ANY_NUMBER = 1_000_000  # a contact that nothing speaks against travels with all others


def in_calls(wanted: Sequence[tuple[str, str, int]], most: int) -> list[list[int]]:
    """The places of those that go in each call, of (client, name, how many may travel together).

    No client twice, and no two whose names differ by case, blanks, accents or signs alone: the second is left out,
    to be looked up when the first is there. Those that may be why a call had no word travel together.
    """
    calls, seen, latest = list[list[int]](), set[str](), dict[int, list[int]]()
    for place, (client, name, limit) in enumerate(wanted):
        known, room = {f"client {client}", f"name {_plain(name)}"}, max(1, min(most, limit))
        if known & seen:
            continue
        seen |= known
        if len(latest.get(limit, ())) % room == 0:
            latest[limit] = []
            calls.append(latest[limit])
        latest[limit].append(place)
    return calls


# Words that say how a firm is organised, not which firm it is.
_FORMS = frozenset(
    [
        "ab",
        "ag",
        "as",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "oy",
        "plc",
        "pty",
        "sa",
        "sarl",
        "srl",
        "the",
        "and",
        "und",
        "et",
    ]
)
_LEAST = 0.6  # a name less alike than this helps nobody
_SAME_NUMBER, _SAME_EMAIL, _SAME_NAME, _SAME_FIRM = 1.0, 0.95, 0.98, 0.92
_MOST_BY_NAME = 0.9
_COMPARED = 30  # contacts that share most of a name; the others are less alike


@dataclass(frozen=True)
class Card:
    """A client as CrewCard knows it."""

    client: str
    name: str = ""
    number: str = ""
    email: str = ""


@dataclass(frozen=True)
class Suggestion:
    """A contact that may be the client: how alike they are (0 to 1), and by what."""

    contact: ListedContact
    score: float
    by: str


class Likely:
    """Contacts prepared for being compared with many clients: by what they share, not each with each."""

    def __init__(self, contacts: Sequence[ListedContact]) -> None:
        self._by_number: dict[str, list[ListedContact]] = {}
        self._by_email: dict[str, list[ListedContact]] = {}
        self._by_part: dict[str, list[ListedContact]] = {}
        for contact in contacts:
            self._by_number.setdefault(_plain(contact.number), []).append(contact)
            self._by_email.setdefault(contact.email.strip().casefold(), []).append(contact)
            for part in _parts(contact.name):
                self._by_part.setdefault(part, []).append(contact)

    def suggestions(self, card: Card, most: int = 3) -> list[Suggestion]:
        """The contacts most like the client, the best first."""
        scored = (likeness(card, contact) for contact in self._worth_a_look(card))
        found = [one for one in scored if one]
        return sorted(found, key=lambda one: (-one.score, one.contact.name, one.contact.id))[:most]

    def _worth_a_look(self, card: Card) -> list[ListedContact]:
        """Those with the same number or e-mail, and those that share most parts of the name."""
        found: dict[str, ListedContact] = {}
        for number in (card.number, card.client):
            found |= {one.id: one for one in self._by_number.get(_plain(number), ()) if _plain(number)}
        email = card.email.strip().casefold()
        found |= {one.id: one for one in self._by_email.get(email, ()) if email}
        shared = Counter(one.id for part in _parts(card.name) for one in self._by_part.get(part, ()))
        known = {one.id: one for part in _parts(card.name) for one in self._by_part.get(part, ())}
        return [*found.values(), *(known[id_] for id_, _ in shared.most_common(_COMPARED) if id_ not in found)]


@dataclass(frozen=True)
class Matches:
    """Clients by how sure their contact is, each with what it may be.

    `exact` are one contact without doubt: of the same number or name as it, and no other client is. `several` have
    more than one such contact, or share it with another client; `alike` only resemble some, `unlike` nothing at all.
    """

    exact: Mapping[Card, Suggestion]
    several: Mapping[Card, Sequence[Suggestion]]
    alike: Mapping[Card, Sequence[Suggestion]]
    unlike: Sequence[Card]

    def seen(self) -> str:
        """The exact ones in a word, by which is known whether they are still those that somebody saw."""
        pairs = sorted((card.client, one.contact.id) for card, one in self.exact.items())
        return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def matches_in(likely: Mapping[Card, Sequence[Suggestion]]) -> Matches:
    """Sort clients by how sure their contact is."""
    best = {card: [one for one in some if one.score >= _SAME_NAME] for card, some in likely.items()}
    named = Counter(one.contact.id for some in best.values() for one in some)
    exact = {card: some[0] for card, some in best.items() if len(some) == 1 and named[some[0].contact.id] == 1}
    return Matches(
        exact=exact,
        several={card: likely[card] for card, some in best.items() if some and card not in exact},
        alike={card: some for card, some in likely.items() if some and not best[card]},
        unlike=[card for card, some in likely.items() if not some],
    )


def likeness(card: Card, contact: ListedContact) -> Suggestion | None:
    """How alike they are by what they share most clearly; None when that would help nobody."""
    numbers = {plain for one in (card.number, card.client) if (plain := _plain(one))}
    if contact.number and _plain(contact.number) in numbers:
        return Suggestion(contact, _SAME_NUMBER, "number")
    if card.email.strip() and card.email.strip().casefold() == contact.email.strip().casefold():
        return Suggestion(contact, _SAME_EMAIL, "e-mail")
    score = _by_name(card.name, contact.name)
    return Suggestion(contact, round(score, 2), "name") if score >= _LEAST else None


def _parts(name: str) -> set[str]:
    """Every three letters in a row of the words that count, whatever their order."""
    padded = [f" {word} " for word in _words(name)]
    return {word[at : at + 3] for word in padded for at in range(len(word) - 2)}


def _by_name(ours: str, theirs: str) -> float:
    if not _plain(ours) or not _plain(theirs):
        return 0.0
    if _plain(ours) == _plain(theirs):
        return _SAME_NAME
    mine, other = _words(ours), _words(theirs)
    if mine and mine == other:
        return _SAME_FIRM
    matcher = SequenceMatcher(None, " ".join(sorted(mine)), " ".join(sorted(other)), autojunk=False)
    if matcher.real_quick_ratio() < _LEAST or matcher.quick_ratio() < _LEAST:
        return 0.0
    return _MOST_BY_NAME * matcher.ratio()


def _words(name: str) -> frozenset[str]:
    """The words that tell a firm from another."""
    words = frozenset(_folded(name).split())
    return words - _FORMS or words


def _plain(name: str) -> str:
    return "".join(_folded(name).split())


def _folded(name: str) -> str:
    """Lower case, without accents and signs: Café-Été & Co. → cafe ete co."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return re.sub(r"[^\w]+|_+", " ", bare.casefold().replace("'", "")).strip()
