"""The promises about credit notes, files, new contacts and payments, counted. Pure; a finding is a name."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from benchmarks.chaos.books import Book
from benchmarks.chaos.evidence import Evidence
from benchmarks.chaos.host import ALLOCATED, CREATED, FILED, PAYMENTS
from benchmarks.chaos.kinds import Key
from benchmarks.chaos.world import World

UNALLOCATED, REJECTED = "credit_note.unallocated", "client.xero_contact.rejected"
EDITED, VOIDED, DRIFT = "invoice.edited", "invoice.voided", "invoice.export.drift_found"
_ASKED_TWICE = "linked_already"  # what the second of two admins is told


def of_allocations(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """Each credit note that names an invoice is credited to it once, to the cent, and told once with that amount."""
    wanted, books = world.promised.allocations, _alive(evidence.books)
    invoices = {book.id: book for book in evidence.books}
    given = {_key(book): book.given for book in evidence.books if book.document == "credit_note"}
    told = _told(evidence, ALLOCATED)
    expected = {key: [(books[key[0], invoice].id, amount)] for key, (invoice, amount) in wanted.items()}
    by_invoice: Counter[str] = Counter()
    for some in given.values():
        by_invoice.update(dict(some))
    return {
        "allocated twice": [_name(key) for key, some in given.items() if len(some) > 1],
        "allocated otherwise than asked for": [
            _name(key) for key in given.keys() | expected.keys() if list(given.get(key, ())) != expected.get(key, [])
        ],
        "credited with another sum": [
            book.mark for id_, book in invoices.items() if by_invoice[id_] != book.credited
        ],
        "allocations not told once": _not_once(wanted, told),
        "allocations told with another sum": [
            _name(key)
            for key, some in told.items()
            if any(Decimal(one["allocated"]) != wanted.get(key, ("", None))[1] for one in some)
        ],
        "allocations given up": [
            _name(key) for key, some in _told(evidence, UNALLOCATED).items() if not all(one["waits"] for one in some)
        ],
    }


def of_files(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """Each file is at its invoice once, nothing else is, and the host heard once when all of them were through."""
    wanted, told = world.promised.files, _told(evidence, FILED)
    held = {_key(book): book.files for book in evidence.books if book.alive}
    return {
        "files at an invoice twice": [_name(key) for key, some in held.items() if len(set(some)) < len(some)],
        "files missing at an invoice": [
            _name(key) for key, some in wanted.items() if set(some) - set(held.get(key, ()))
        ],
        "files that nobody named": [_name(key) for key, some in held.items() if set(some) - set(wanted.get(key, ()))],
        "files not told once": [
            _name(key)
            for key in told.keys() | wanted.keys()
            if sorted(one["change"] for one in told.get(key, ()))
            != list(range(1, world.promised.completions.get(key, 0) + 1))
        ],
        "files told otherwise": [
            _name(key)
            for key, some in told.items()
            if any((one["attached"], one["failed"]) != (len(wanted.get(key, ())), 0) for one in some)
        ],
    }


def of_contacts(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """Each client without a contact got one, with a number of its own; who asked for it was answered once."""
    wanted, made = world.promised.clients, evidence.contacts
    said = [event for event in _events(evidence) if event["type"] in (CREATED, REJECTED)]
    answers = Counter(event.get("causationid") for event in said)
    created = Counter((one["data"]["company"], one["data"]["client"]) for one in said if one["data"].get("created"))
    return {
        "contacts created twice, by number": _repeated(f"{one.company}/{one.number}" for one in made),
        "contacts created twice, by name": _repeated(f"{one.company}/{one.name}" for one in made),
        "contacts not created": _missing({(one.company, one.name) for one in made}, _names(wanted)),
        "contacts that nobody asked for": _missing(_names(wanted), {(one.company, one.name) for one in made}),
        "contacts not told once": [
            _name(key) for key in wanted.keys() | created.keys() if created[key] != (key in wanted)
        ],
        "wishes not answered once": [wish for wish in world.promised.wishes if answers[wish] != 1],
        "wishes refused": [
            _name((event["data"]["company"], event["data"]["client"]))
            for event in said
            if event["type"] == REJECTED and not _may_be_refused(event, wanted)
        ],
    }


def of_payments(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """What is due of each invoice is told once, as an independent sum has it; nothing is told that nobody did.

    Of a credit note what is left of it may be told: we credited it ourselves.
    """
    told = _told(evidence, *PAYMENTS)
    dues = {key: [Decimal(one["due"]) for one in some] for key, some in told.items()}
    wanted, books = world.promised.dues, _alive(evidence.books)
    left = {key: {_left_of(book)} for key, book in books.items() if book.document == "credit_note"}
    return {
        "payments not told": [_name(key) for key, some in wanted.items() if dues.get(key, [])[-1:] != [some[-1]]],
        "payments told twice": [_name(key) for key, some in dues.items() if len(set(some)) < len(some)],
        "payments that nobody made": [
            _name(key) for key, some in dues.items() if set(some) - set(wanted.get(key, ())) - left.get(key, set())
        ],
        "told with sums that do not come out": [
            _name(key) for key, some in told.items() if any(map(_is_off, some)) or not _is_in_order(some)
        ],
        "due is otherwise in Xero": [
            _name(key) for key, some in wanted.items() if key not in books or books[key].due != some[-1]
        ],
    }


def of_edits(evidence: Evidence) -> dict[str, list[str]]:
    """Nobody in a run edits in Xero: what is told as somebody's edit is our own, seen late or half."""
    moved = {_key(book) for book in evidence.books if not book.alive}
    told = _told(evidence, EDITED, VOIDED, DRIFT).items()
    edited = [(key, one) for key, some in told if key not in moved for one in some if one.get("kind") != "paid"]
    return {"edits told that nobody made": [_name(key) for key, _ in edited]}


def findings(world: World, evidence: Evidence) -> Mapping[str, list[str]]:
    """Everything that is wrong, by kind."""
    return {
        **of_allocations(world, evidence),
        **of_files(world, evidence),
        **of_contacts(world, evidence),
        **of_payments(world, evidence),
        **of_edits(evidence),
    }


def _events(evidence: Evidence) -> list[dict[str, Any]]:
    return [json.loads(body) for body in evidence.outbox.values()]


def _told(evidence: Evidence, *kinds: str) -> dict[Key, list[dict[str, Any]]]:
    """What events of these kinds say, by company and invoice and in the order of the feed."""
    found: dict[Key, list[dict[str, Any]]] = {}
    for event in _events(evidence):
        if event["type"] in kinds:
            said = event["data"]
            found.setdefault((said["company"], said["invoice"]), []).append(said)
    return found


def _alive(books: Iterable[Book]) -> dict[Key, Book]:
    return {_key(book): book for book in books if book.alive}


def _left_of(note: Book) -> Decimal:
    return note.net + note.tax - sum(amount for _, amount in note.given)


def _key(book: Book) -> Key:
    company, _, invoice = book.mark.partition("/")
    return company, invoice


def _name(key: Key) -> str:
    return "/".join(key)


def _names(wanted: Mapping[Key, str]) -> set[Key]:
    return {(company, name) for (company, _), name in wanted.items()}


def _missing(there: set[Key], wanted: set[Key]) -> list[str]:
    return sorted(map(_name, wanted - there))


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _not_once(wanted: Mapping[Key, Any], told: Mapping[Key, Sequence[Any]]) -> list[str]:
    return [_name(key) for key in wanted.keys() | told.keys() if len(told.get(key, ())) != (key in wanted)]


def _may_be_refused(event: dict[str, Any], wanted: Mapping[Key, str]) -> bool:
    """The second wish for a client, and a client like whom Xero has a contact."""
    known = (event["data"]["company"], event["data"]["client"]) in wanted
    return event["data"]["reason"] == (_ASKED_TWICE if known else "similar")


def _is_off(said: Mapping[str, Any]) -> bool:
    return Decimal(said["total"]) - Decimal(said["paid"]) - Decimal(said["credited"]) != Decimal(said["due"])


def _is_in_order(some: Sequence[Mapping[str, Any]]) -> bool:
    changes = [one["change"] for one in some]
    return changes == sorted(set(changes))
