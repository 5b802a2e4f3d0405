"""How alike a client and a contact are, by number, e-mail and name; suggests, never decides; pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from events.accounting_lists import Contact

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

    contact: Contact
    score: float
    by: str


def suggestions(card: Card, contacts: Sequence[Contact], most: int = 3) -> list[Suggestion]:
    """The contacts most like the client, the best first."""
    scored = (likeness(card, contact) for contact in contacts)
    found = [one for one in scored if one]
    return sorted(found, key=lambda one: (-one.score, one.contact.name, one.contact.id))[:most]


def likeness(card: Card, contact: Contact) -> Suggestion | None:
    """How alike they are by what they share most clearly; None when that would help nobody."""
    numbers = {plain for one in (card.number, card.client) if (plain := _plain(one))}
    if contact.number and _plain(contact.number) in numbers:
        return Suggestion(contact, _SAME_NUMBER, "number")
    if card.email and card.email.strip().casefold() == contact.email.strip().casefold():
        return Suggestion(contact, _SAME_EMAIL, "e-mail")
    score = _by_name(card.name, contact.name)
    return Suggestion(contact, round(score, 2), "name") if score >= _LEAST else None


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
