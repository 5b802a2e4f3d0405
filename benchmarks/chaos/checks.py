"""The promises, counted: what is asked for against what there is. Pure; every finding is an offender's name."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from benchmarks.chaos import checks_of_kinds
from benchmarks.chaos.books import Book
from benchmarks.chaos.content import Content
from benchmarks.chaos.evidence import REPLAY, Evidence, Told
from benchmarks.chaos.host import COMPLETED
from benchmarks.chaos.kinds import SENT_AGAIN
from benchmarks.chaos.receiver import ALL
from benchmarks.chaos.world import World

Findings = Mapping[str, list[str]]
_CLAIMS = (
    "answer and ledger disagree",
    "succeeded, and otherwise in Xero",
    "verified, and otherwise in Xero",
    "said with another sum",
    "failed, and in Xero as wanted",
)
_LIVES = ("still_in_xero", "perhaps_in_xero")  # failures that say themselves that it is, or may be, in Xero


def of_ledger(world: World, books: Iterable[Book]) -> dict[str, list[str]]:
    """In Xero exactly what was asked for: nothing twice, nothing missing, nothing else, the right amounts.

    What a person voided or deleted there is an earlier generation of an invoice, and stays.
    """
    held = list(books)
    wanted = {_named(f"{company}/{id_}", one.generation): one for (company, id_), one in world.wanted.items()}
    earlier = {
        _named(f"{company}/{id_}", generation)
        for (company, id_), one in world.wanted.items()
        for generation in range(1, one.generation)
    }
    found = {_named(book.mark, book.generation): book for book in held if book.alive}
    ended = {_named(book.mark, book.generation) for book in held if not book.alive}
    return {
        "in Xero twice, by number": _more_than_once(
            f"{book.company}/{book.number}" for book in held if book.status != "DELETED"
        ),
        "in Xero twice, by mark": _more_than_once(_named(book.mark, book.generation) for book in held),
        "lost": sorted((wanted.keys() - found.keys()) | (earlier - ended)),
        "in Xero and not asked for": sorted((found.keys() - wanted.keys()) | (ended - earlier)),
        "in another company's books": [b.mark for b in held if b.mark.partition("/")[0] != b.company],
        "with another amount": [
            name
            for name, book in found.items()
            if name in wanted and (wanted[name].net, wanted[name].tax) != (book.net, book.tax)
        ],
    }


def of_answers(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """Exactly one answer per invoice and request, the right one; one `completed` per request."""
    given = Counter(_asked(told) for told in evidence.told)
    expected = {"/".join(asked): said for asked, said in world.answers.items()}
    requests = world.requests | {one for one in evidence.completed if one[1].startswith(REPLAY)}
    return {
        "without an answer": sorted(expected.keys() - given.keys()),
        "answered twice": [asked for asked, times in given.items() if times > 1],
        "answered without being asked": sorted(given.keys() - expected.keys()),
        "answered wrongly": [
            f"{_asked(told)} {told.said} {told.reason or ''}".strip()
            for told in evidence.told
            if expected.get(_asked(told), told.said) != told.said
        ],
        "requests not completed once": [
            "/".join(request) for request in sorted(requests) if evidence.completed.get(request) != 1
        ],
    }


def of_agreement(evidence: Evidence) -> dict[str, list[str]]:
    """Stream, log and markers say what the outbox and the books say."""
    books = {book.mark: book.id for book in evidence.books if book.alive}
    terminal = {told.event for told in evidence.told}
    shown = {
        f"{company}/{invoice}": xero_id
        for (company, invoice), (marker, xero_id) in evidence.statuses.items()
        if marker == "exported"
    }
    return {
        "answers not on the stream": sorted(terminal - evidence.streamed.keys()),
        "on the stream and not in the outbox": sorted(evidence.streamed.keys() - evidence.outbox.keys()),
        "on the stream with another body": sorted(evidence.changed_on_stream),
        "log and outbox disagree": sorted(terminal ^ evidence.logged.keys()),
        "marker and ledger disagree": sorted(
            mark for mark in shown.keys() | books.keys() if shown.get(mark) != books.get(mark)
        ),
    }


def of_claims(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """What was said of an invoice was so in Xero when it was said, field by field and line by line."""
    now = _alive(evidence.books)
    then = {request: _alive(books) for request, books in evidence.ledgers.items()}
    found: dict[str, list[str]] = {name: [] for name in _CLAIMS}
    for told in evidence.told:
        mark = f"{told.company}/{told.invoice}"
        book = then.get((told.company, told.request), now).get(mark)
        wanted = world.meant.get((told.company, told.request, told.invoice))
        wanted = wanted or world.wanted.get((told.company, told.invoice))
        wrong = _differing(wanted, book)
        said = f"{_asked(told)} {', '.join(wrong)}".strip()
        if told.said == "succeeded" and (book is None or book.id != told.xero_invoice_id):
            found["answer and ledger disagree"].append(said)
        if told.said == "succeeded" and wrong:
            found["succeeded, and otherwise in Xero"].append(said)
        if told.said == "succeeded" and told.verified and wrong:
            found["verified, and otherwise in Xero"].append(said)
        if told.net is not None and wanted and (told.net, told.total) != (wanted.net, wanted.net + wanted.tax):
            found["said with another sum"].append(said)
        goes_again = (told.company, SENT_AGAIN, told.invoice) in world.answers
        if told.said == "failed" and not wrong and told.reason not in _LIVES and not goes_again:
            found["failed, and in Xero as wanted"].append(f"{said} {told.reason}")
    return found


def of_readers(evidence: Evidence) -> dict[str, list[str]]:
    """Webhooks: all, a `completed` last, the table that the guide draws is ours. The feed: all, in order, once."""
    taken, order = evidence.taken, list(evidence.outbox)
    everything = dict(taken.received.get(ALL, ()))
    companies = {event: json.loads(body)["data"].get("company") for event, body in evidence.outbox.items()}
    own = {path: dict(events) for path, events in taken.received.items() if path != ALL}
    read = Counter(event for event, _ in taken.feed)
    asked = {path.strip("/"): path for path in own}
    return {
        "webhooks or pages of the feed refused": list(taken.refused),
        "not at the endpoint": [event for event in order if event not in everything],
        "at the endpoint with another body": [
            event for event, body in everything.items() if evidence.outbox.get(event) != body
        ],
        "at the endpoint before what it sums up": [
            event for events in taken.received.values() for event in _too_early(evidence, events)
        ],
        "at another company's endpoint": [
            event for path, events in own.items() for event in events if companies.get(event) != path.strip("/")
        ],
        "answers not at the company's endpoint": [
            told.event
            for told in evidence.told
            if told.company in asked and told.event not in own[asked[told.company]]
        ],
        "the endpoint's table and ours disagree": sorted(
            "/".join(one)
            for one in taken.shown.keys() | evidence.statuses.keys()
            if _marker(taken.shown.get(one)) != _marker(evidence.statuses.get(one))
        ),
        "not in the feed as it was read": [event for event in order if event not in read],
        "twice in the feed as it was read": [event for event, times in read.items() if times > 1],
        "out of order in the feed as it was read": [
            event
            for (event, _), expected in zip(taken.feed, [event for event in order if event in read], strict=False)
            if event != expected
        ],
        "in the feed with another body": [
            event for event, body in taken.feed if _parsed(body) != _parsed(evidence.outbox.get(event))
        ],
    }


def findings(world: World, evidence: Evidence) -> Findings:
    """Everything that is wrong, by kind; a run has held its promises when all lists are empty."""
    return {
        **of_ledger(world, evidence.books),
        **of_answers(world, evidence),
        **of_agreement(evidence),
        **of_claims(world, evidence),
        **of_readers(evidence),
        **checks_of_kinds.findings(world, evidence),
    }


def _too_early(evidence: Evidence, events: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Each `completed` that was taken before an answer of its request."""
    answers: dict[tuple[str, str], set[str]] = {}
    for told in evidence.told:
        answers.setdefault((told.company, told.request), set()).add(told.event)
    seen: set[str] = set()
    for event, body in events:
        said = json.loads(body)
        asked = (said["data"].get("company"), said["data"].get("request"))
        if said["type"] == COMPLETED and answers.get(asked, set()) - seen:
            yield event
        seen.add(event)


def _marker(said: tuple[str, str | None] | None) -> object:
    """What is compared of a marker: the invoice in Xero only where it says that it is there."""
    return said if said is None or said[0] == "exported" else said[0]


def _parsed(body: str | None) -> object:
    return None if body is None else json.loads(body)


def _asked(told: Told) -> str:
    return f"{told.company}/{told.request}/{told.invoice}"


def _named(mark: str, generation: int) -> str:
    return mark if generation == 1 else f"{mark} raised {generation}"


def _alive(books: Iterable[Book]) -> dict[str, Book]:
    return {book.mark: book for book in books if book.alive}


def _differing(wanted: Content | None, book: Book | None) -> list[str]:
    """In what the ledger is otherwise than wanted."""
    if wanted is None or book is None:
        return ["not in Xero" if wanted else "never wanted"]
    same = {
        "document": book.document == wanted.document,
        "number": book.number == wanted.number,
        "contact": book.contact in wanted.contacts,
        "date": book.date == wanted.date,
        "due date": book.due_date == wanted.due_date,
        "lines": book.lines == wanted.lines,
        "sum": book.net == wanted.net,
        "tax": book.tax == wanted.tax,
        "currency": book.currency == wanted.currency,
        "kind of amounts": book.amounts_are == wanted.amounts_are,
        "generation": book.generation == wanted.generation,
    }
    return [name for name, so in same.items() if not so]


def _more_than_once(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
