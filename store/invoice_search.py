"""What invoices are found by: any part of what a person may know of them, as one phrase or as words in any order."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, update
from sqlmodel import col, select

from events.invoice import Invoice
from events.wording import folded_text, without_apostrophes
from store import companies, statements
from store.tables import InvoiceSearch
from store.unit_of_work import Work

LONGEST_TEXT = 200
_SHORTEST_PART = 3  # of fewer signs there is no trigram
_MOST_WORDS, _MOST_AMOUNTS, _MOST_COMPANIES = 8, 10, 200
_SIGNS = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile("[\u2018\u2019\u00b4`]")  # as telephones and text processors write them
# 1,200.00 and 1200.00; 1.200,00 and 1200,00 as others write it
_AMOUNT = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_AMOUNT_WITH_COMMA = re.compile(r"(\d{1,3}(\.\d{3})+|\d+),\d{2}")
_CURRENCY = re.compile(r"[A-Z]{3}\s?(?=\d)|(?<=\d)\s?[A-Z]{3}\b|[$€£]")
# What people say around a number on the telephone.
_SAID_AROUND = frozenset({"a", "and", "for", "from", "invoice", "number", "no", "of", "one", "the"})


def index(work: Work, invoices: Sequence[tuple[str, Invoice]]) -> None:
    """Write down what these invoices, each with its company, are found by from now on."""
    found = {
        (company, one.id): {"company": company, "invoice": one.id, "number": one.number, "text": _words(one)}
        for company, one in invoices
    }
    rows = [row for _, row in sorted(found.items())]
    statements.upsert(work, InvoiceSearch, rows, {"number": "excluded", "text": "excluded"}, returning=["invoice"])


def forget_texts(work: Work, company: str, invoices: Sequence[tuple[str, str]]) -> None:
    """These invoices, each with its number, are found by number and id alone from now on."""
    mine = col(InvoiceSearch.company) == company
    for invoice, number in invoices:
        named = [folded_text(value) for value in (number, invoice)]
        text = "\n".join(dict.fromkeys([*named, *(_bare(value) for value in named)]))
        changed = update(InvoiceSearch).where(mine, col(InvoiceSearch.invoice) == invoice)
        statements.run(work, changed.values(text=text))


def _words(one: Invoice) -> str:
    """All that a person may know of the invoice: a folded value per line."""
    named = [folded_text(value) for value in (one.number, one.id, one.job, one.reference) if value]
    amounts: list[Decimal | None] = [line.unit_amount for line in one.lines[:_MOST_AMOUNTS]]
    if all(line.quantity is not None for line in one.lines if line.unit_amount is not None):
        amounts.append(Decimal(sum((line.quantity or 0) * (line.unit_amount or 0) for line in one.lines)))
    if one.totals:
        amounts += [one.totals.subtotal, one.totals.tax, one.totals.total]
    told = [f"{value:.2f}" for value in amounts if value is not None]
    client = [folded_text(value) for value in (one.client.id, one.client.name)]
    said = [without_apostrophes(value) for value in client]
    return "\n".join(dict.fromkeys([*named, *(_bare(value) for value in named), *client, *said, *told]))


def _bare(text: str) -> str:
    """Letters and digits alone: “BAD 06”, “BAD-06” and “BAD06” are one number to a clerk."""
    return _SIGNS.sub("", text)


def by_part(work: Work, text: str, most: int) -> Sequence[Any]:
    """Company, id and number of invoices that hold the text as one phrase."""
    if len(_sought(text)) < _SHORTEST_PART:
        return []
    return _rows(work, [holds(text)], most)


def by_words(work: Work, text: str, most: int) -> Sequence[Any]:
    """The same of those that hold each word of the text; a word may as well be a part of their company's name."""
    words = _parts(text)
    if len(words) < 2:
        return []
    if rows := _enough(words) and _rows(work, [holds(one) for one in words], most):
        return rows
    known = [(row.id, companies.sought(row.name)) for row in companies.containing(work, "")]
    whose = {one: [id_ for id_, name in known if companies.sought(one) in name] for one in words}
    named = {one: ids for one, ids in whose.items() if 0 < len(ids) <= _MOST_COMPANIES}
    alone = [one for one in words if one not in named]
    if not named or not _enough(alone):
        return []
    either = [or_(holds(one), col(InvoiceSearch.company).in_(ids)) for one, ids in named.items()]
    return _rows(work, [*(holds(one) for one in alone), *either], most)


def _parts(text: str) -> list[str]:
    words = _CURRENCY.sub(" ", text[:LONGEST_TEXT]).split()
    said = [one for one in words if folded_text(one) not in _SAID_AROUND and _bare(one)]
    return list(dict.fromkeys(said))[:_MOST_WORDS]


def _enough(words: Sequence[str]) -> bool:
    """Whether an index can find one of them."""
    return any(len(_sought(one)) >= _SHORTEST_PART for one in words)


def _rows(work: Work, wanted: Sequence[Any], most: int) -> Sequence[Any]:
    asked = select(InvoiceSearch.company, InvoiceSearch.invoice, InvoiceSearch.number).where(*wanted).limit(most)
    # Any text is guessed to be in a hundredth of all rows, and the first few of these to be found by reading on; a
    # number is in one.
    _prefer_indexes(work, "off")
    rows = statements.rows(work, asked)
    _prefer_indexes(work, "on")
    return rows


def holds(text: str) -> Any:
    """Whether this text is a part of what an invoice is found by."""
    sought = _sought(text[:LONGEST_TEXT])
    amount = _CURRENCY.sub("", text.strip()).strip()
    apart = (_APOSTROPHES.sub("'", sought), sought.replace("'", "\u2019"))
    parts = {sought, *apart, without_apostrophes(sought), _bare(sought), _plain_amount(amount)}
    least = min(_SHORTEST_PART, len(sought))
    return or_(*(_contains(one) for one in sorted(parts) if len(one) >= least))


def holds_phrase_or_words(text: str) -> Any:
    """The same, or each of its words."""
    words = _parts(text)
    return or_(holds(text), and_(*(holds(one) for one in words))) if len(words) > 1 else holds(text)


def _contains(part: str) -> Any:
    return col(InvoiceSearch.text).contains(part, autoescape=True)


def _plain_amount(text: str) -> str:
    """The amount as it is kept (“1200.00”), however people write it; empty for what is none."""
    if _AMOUNT_WITH_COMMA.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    plain = text.replace(",", "") if _AMOUNT.fullmatch(text) else text
    return plain if re.fullmatch(r"\d+(\.\d+)?", plain) else ""


def _sought(text: str) -> str:
    return folded_text(text).lstrip("#").strip()


def _prefer_indexes(work: Work, reading_on: str) -> None:
    if not work.on_sqlite:
        work.connection.exec_driver_sql(f"SET LOCAL enable_seqscan = {reading_on}")
