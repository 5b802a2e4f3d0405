"""The promises, counted: what is asked for against what there is. Pure; every finding is an offender's name."""

from collections import Counter
from collections.abc import Iterable, Mapping

from benchmarks.chaos.evidence import Book, Evidence, Told
from benchmarks.chaos.world import World

Findings = Mapping[str, list[str]]


def of_ledger(world: World, books: Iterable[Book]) -> dict[str, list[str]]:
    """In Xero exactly what was asked for: nothing twice, nothing missing, nothing else, the right amounts."""
    held = list(books)
    wanted = {f"{company}/{invoice}": net for (company, invoice), net in world.wanted.items()}
    found = {book.mark: book for book in held}
    return {
        "in Xero twice, by number": _more_than_once(f"{book.company}/{book.number}" for book in held),
        "in Xero twice, by mark": _more_than_once(book.mark for book in held),
        "lost": sorted(wanted.keys() - found.keys()),
        "in Xero and not asked for": sorted(found.keys() - wanted.keys()),
        "in another company's books": [b.mark for b in held if b.mark.partition("/")[0] != b.company],
        "with another amount": [mark for mark, book in found.items() if wanted.get(mark, book.net) != book.net],
    }


def of_answers(world: World, evidence: Evidence) -> dict[str, list[str]]:
    """Exactly one answer per invoice and request, the right one; one `completed` per request."""
    given = Counter(_asked(told) for told in evidence.told)
    expected = {"/".join(asked): said for asked, said in world.answers.items()}
    requests = {(company, request) for company, request, _ in world.answers}
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
    books = {book.mark: book.id for book in evidence.books}
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
        "answer and ledger disagree": sorted(
            _asked(told) for told in evidence.told if told.said == "succeeded" and not _in_books(told, books)
        ),
    }


def findings(world: World, evidence: Evidence) -> Findings:
    """Everything that is wrong, by kind; a run has held its promises when all lists are empty."""
    return {
        **of_ledger(world, evidence.books),
        **of_answers(world, evidence),
        **of_agreement(evidence),
    }


def _asked(told: Told) -> str:
    return f"{told.company}/{told.request}/{told.invoice}"


def _in_books(told: Told, books: Mapping[str, str]) -> bool:
    return books.get(f"{told.company}/{told.invoice}") == told.xero_invoice_id


def _more_than_once(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
