"""What one search box finds: invoices by any part of what is known of them; others by how they begin.

Which invoices an act about many is about: ticked ones, a group, a request, all that match a filter of the log.
Messages of Xero's that no rule of ours knows.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import and_, exists, func, literal, or_, update
from sqlmodel import col, select

from events.invoice import Invoice, folded
from events.reasons import Reason
from events.wording import folded_text
from store import companies, export_log, failing, statements
from store.export_log import LogFilter
from store.statements import begins
from store.tables import (
    ContactLink,
    Exclusion,
    Export,
    InboxEvent,
    InvoiceSearch,
    InvoiceStatus,
    Item,
    LogEntry,
    NumberClaim,
    OutboxEvent,
    Request,
)
from store.unit_of_work import Work

Kind = Literal["invoice", "client", "company", "request", "event", "reason"]
SHORTEST, LONGEST = 2, 200
_SHORTEST_EVENT = 6
_SHORTEST_PART = 3  # of fewer signs there is no trigram
_MOST_AMOUNTS = 10
_SIGNS = re.compile(r"[\W_]+")
_AMOUNT = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class SearchHit:
    """One thing: of which company, its id, what people call it, and what more is known.

    `about` is what an event is about: a request, and perhaps an invoice.
    """

    kind: Kind
    company: str
    id: str
    title: str
    note: str = ""
    about: tuple[str, str] = ("", "")


def search(work: Work, text: str, most: int) -> list[SearchHit]:
    """What this text is a part or the beginning of: at most so many of each kind, each once."""
    text = " ".join(text.split())[:LONGEST]
    if len(text) < SHORTEST:
        return []
    found: dict[tuple[str, str, str], SearchHit] = {}
    for look in _LOOKS:
        for one in look(work, text, most):
            found.setdefault((one.kind, one.company, one.id), one)
    return list(found.values())


def mixed(found: Sequence[SearchHit], most: int) -> list[SearchHit]:
    """The first few of them, of as many kinds as there are."""
    places: dict[str, int] = {}
    ranked = []
    for one in found:
        places[one.kind] = places.get(one.kind, 0) + 1
        ranked.append((places[one.kind], one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])][:most]


def _companies(work: Work, text: str, most: int) -> list[SearchHit]:
    rows = companies.containing(work, text)
    return [SearchHit("company", row.id, row.id, row.name, row.id) for row in rows[:most]]


def _invoices_by_number(work: Work, text: str, most: int) -> list[SearchHit]:
    """Every number that was ever asked for is claimed, answered or not."""
    asked = select(NumberClaim.company, NumberClaim.invoice, NumberClaim.folded)
    mine = asked.where(begins(work, col(NumberClaim.folded), folded(text))).limit(most)
    return [SearchHit("invoice", row[0], row[1], row[2]) for row in statements.rows(work, mine)]


def _invoices_by_id(work: Work, text: str, most: int) -> list[SearchHit]:
    asked = select(NumberClaim.company, NumberClaim.invoice, NumberClaim.folded)
    mine = asked.where(begins(work, func.lower(NumberClaim.invoice), text.lower())).limit(most)
    return [SearchHit("invoice", row[0], row[1], row[2], row[1]) for row in statements.rows(work, mine)]


def _invoices_answered(column: Any) -> Callable[[Work, str, int], list[SearchHit]]:
    def found_by(work: Work, text: str, most: int) -> list[SearchHit]:
        asked = select(InvoiceStatus).where(begins(work, func.lower(column), text.lower())).limit(most)
        rows = statements.rows(work, asked)
        return [SearchHit("invoice", row.company, row.invoice, row.number or row.invoice, row.marker) for row in rows]

    return found_by


def _clients(column: Any) -> Callable[[Work, str, int], list[SearchHit]]:
    def found_by(work: Work, text: str, most: int) -> list[SearchHit]:
        asked = select(ContactLink).where(begins(work, func.lower(column), text.lower())).limit(most)
        rows = statements.rows(work, asked)
        return [
            SearchHit("client", row.company, row.client, row.client_name or row.name or row.client, row.client)
            for row in rows
        ]

    return found_by


def _clients_in_the_log(work: Work, text: str, most: int) -> list[SearchHit]:
    """Clients without a contact of their own, as they are spelt: the log knows them."""
    asked = select(LogEntry.company, LogEntry.client).where(LogEntry.client == text).limit(most)
    return [SearchHit("client", row[0], row[1], row[1]) for row in statements.rows(work, asked.distinct())]


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
    client = [folded_text(one.client.id), folded_text(one.client.name)]
    return "\n".join(dict.fromkeys([*named, *(_bare(value) for value in named), *client, *told]))


def _bare(text: str) -> str:
    """Letters and digits alone: “BAD 06”, “BAD-06” and “BAD06” are one number to a clerk."""
    return _SIGNS.sub("", text)


def _invoices_by_part(work: Work, text: str, most: int) -> list[SearchHit]:
    """By any part of number, id, job, reference, client or amount."""
    if len(_sought(text)) < _SHORTEST_PART:
        return []
    asked = select(InvoiceSearch.company, InvoiceSearch.invoice, InvoiceSearch.number).where(holds(text)).limit(most)
    # Any text is guessed to be in a hundredth of all rows, and the first few of these to be found by reading on; a
    # number is in one.
    _prefer_indexes(work, "off")
    rows = statements.rows(work, asked)
    _prefer_indexes(work, "on")
    return [SearchHit("invoice", row[0], row[1], row[2]) for row in rows]


def holds(text: str) -> Any:
    """Whether this text is a part of what an invoice is found by."""
    sought = _sought(text[:LONGEST])
    amount = sought.replace(",", "") if _AMOUNT.fullmatch(sought) else sought
    parts = {one for one in (sought, _bare(sought), amount) if len(one) >= min(_SHORTEST_PART, len(sought))}
    return or_(*(col(InvoiceSearch.text).contains(one, autoescape=True) for one in sorted(parts)))


def _sought(text: str) -> str:
    return folded_text(text).lstrip("#").strip()


def _prefer_indexes(work: Work, reading_on: str) -> None:
    if not work.on_sqlite:
        work.connection.exec_driver_sql(f"SET LOCAL enable_seqscan = {reading_on}")


def _requests(work: Work, text: str, most: int) -> list[SearchHit]:
    asked = select(Request).where(begins(work, func.lower(Request.id), text.lower())).limit(most)
    rows = statements.rows(work, asked)
    return [SearchHit("request", row.company, row.id, row.id, f"{row.total} asked for") for row in rows]


def _events(work: Work, text: str, most: int) -> list[SearchHit]:
    """An event's id is pasted whole: of what came, and of what we told."""
    if len(text) < _SHORTEST_EVENT:
        return []
    came = select(InboxEvent).where(InboxEvent.id == text).limit(most)
    told = select(OutboxEvent).where(OutboxEvent.id == text).limit(most)
    theirs = [_event(row.id, row.source, json.loads(row.answer)) for row in statements.rows(work, came)]
    ours = [(row, json.loads(row.body)) for row in statements.rows(work, told)]
    return theirs + [_event(row.id, row.type, said.get("data", {})) for row, said in ours]


def _event(id_: str, note: str, said: Mapping[str, Any]) -> SearchHit:
    about = (said.get("request") or "", said.get("invoice") or "")
    return SearchHit("event", said.get("company", ""), id_, id_, note, about)


def _reasons(work: Work, text: str, most: int) -> list[SearchHit]:
    del work
    sought = text.casefold()
    fits = [one for one in Reason if sought in one.value.title.casefold() or one.code.startswith(sought)]
    return [SearchHit("reason", "", one.code, one.value.title, one.code) for one in fits[:most]]


_LOOKS: Sequence[Callable[[Work, str, int], list[SearchHit]]] = (
    _invoices_answered(InvoiceStatus.number),
    _invoices_by_number,
    _companies,
    _clients(ContactLink.client_name),
    _clients(ContactLink.client),
    _clients_in_the_log,
    _invoices_by_part,
    _requests,
    _reasons,
    _invoices_answered(InvoiceStatus.invoice),
    _invoices_by_id,
    _invoices_answered(InvoiceStatus.xero_invoice_id),
    _events,
)


Act = Literal["replay", "exclude", "include"]
MOST_SELECTED = 100_000
_COLUMNS = (InvoiceStatus.company, InvoiceStatus.invoice)


@dataclass(frozen=True)
class Selection:
    """How invoices are chosen: by company and id, by group of failures, by request, or by a filter of the log.

    Of the lines of the log that match, those of failures count, unless the filter names another outcome.
    """

    picked: tuple[tuple[str, str], ...] = ()
    company: str = ""
    cause: str = ""
    request: str = ""
    log: LogFilter = field(default_factory=LogFilter)

    def says(self) -> dict[str, Any]:
        """What was said, for the audit; empty when nothing was."""
        log = {name: str(value) for name, value in asdict(self.log).items() if value}
        named = {"company": self.company, "cause": self.cause, "request": self.request, "log": log}
        picked = [f"{company}/{invoice}" for company, invoice in self.picked]
        return {name: value for name, value in {**named, "invoices": picked}.items() if value}


@dataclass(frozen=True)
class Share:
    """How many of the chosen invoices are of one company and one cause."""

    company: str
    cause: str
    invoices: int


def shares(work: Work, act: Act, chosen: Selection) -> list[Share]:
    """The chosen invoices that the act may move, counted by company and cause, the most first."""
    some = _first_rows(work, act, chosen)
    counted: Any = select(some.c.company, some.c.cause, func.count())
    found = statements.rows(work, counted.group_by(some.c.company, some.c.cause))
    return sorted((Share(*row) for row in found), key=lambda one: (-one.invoices, one.company, one.cause))


def invoices_selected(work: Work, act: Act, chosen: Selection) -> list[tuple[str, str]]:
    """Company and id of the chosen invoices that the act may move, at most `MOST`, in order."""
    some = _first_rows(work, act, chosen)
    ordered = select(some.c.company, some.c.invoice).order_by(some.c.company, some.c.invoice).limit(MOST_SELECTED)
    return [(row[0], row[1]) for row in statements.rows(work, ordered)]


def _first_rows(work: Work, act: Act, chosen: Selection) -> Any:
    return (_excluded(work, chosen) if act == "include" else _failed(work, chosen)).subquery()


def _failed(work: Work, chosen: Selection) -> Any:
    """What stands failed, can be mended, and whose content was kept."""
    asked: Any = select(*_COLUMNS, failing.cause().label("cause"))
    asked = asked.where(*failing.failed(chosen.company or None), *_may_go())
    if chosen.cause:
        asked = asked.where(failing.is_of([chosen.cause]))
    return asked.where(*_narrowed(work, chosen, InvoiceStatus))


def _excluded(work: Work, chosen: Selection) -> Any:
    asked: Any = select(Exclusion.company, Exclusion.invoice, literal("").label("cause"))
    if chosen.company:
        asked = asked.where(Exclusion.company == chosen.company)
    return asked.where(*_narrowed(work, chosen, Exclusion))


def _may_go() -> list[Any]:
    """Whether there is something to send that is not on its way already."""
    mine = (col(Export.company) == col(InvoiceStatus.company), col(Export.invoice) == col(InvoiceStatus.invoice))
    queued = exists().where(*mine, col(Export.state) == "pending")
    in_hand = exists().where(*mine, col(Export.state).in_(("exporting", "uncertain")))
    return [~queued, ~in_hand, col(InvoiceStatus.reason) != Reason.INVOICE_UNREADABLE.code]


def _narrowed(work: Work, chosen: Selection, table: Any) -> list[Any]:
    """By what is said beside company and cause."""
    wanted: list[Any] = []
    if chosen.picked:
        by_company: dict[str, list[str]] = defaultdict(list)
        for company, invoice in chosen.picked:
            by_company[company].append(invoice)
        wanted.append(
            or_(*(and_(table.company == company, table.invoice.in_(ids)) for company, ids in by_company.items()))
        )
    if chosen.request:
        mine = select(Item.invoice).where(Item.company == chosen.company, Item.request == chosen.request)
        wanted.append(table.invoice.in_(mine.where(Item.state == "failed")))
    if chosen.log.narrows_failures():
        lines = exists().where(col(LogEntry.company) == table.company, col(LogEntry.invoice) == table.invoice)
        failed_lines = replace(chosen.log, outcome=chosen.log.outcome or "failed")
        wanted.append(lines.where(*export_log.log_conditions(work, failed_lines)))
    if chosen.log.company:
        wanted.append(table.company == chosen.log.company)
    return wanted


def total_selected(counted: Sequence[Share]) -> int:
    """How many invoices that is; `MOST` may mean more."""
    return sum(share.invoices for share in counted)


_CHANGING = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True)
class Unmatched:
    """A message of Xero's that no rule of ours knows: how often it came, and one invoice it came for."""

    text: str
    times: int
    companies: int
    company: str
    invoice: str
    number: str | None
    first_at: datetime
    last_at: datetime


def unmatched(work: Work, most: int = 10_000) -> list[Unmatched]:
    """Messages of Xero's that we do not know, the most frequent first; alike but for numbers and names is one."""
    asked = select(LogEntry).where(col(LogEntry.unmatched).is_not(None)).order_by(col(LogEntry.id).desc()).limit(most)
    found: dict[str, list[tuple[str, LogEntry]]] = {}
    for entry in work.session.exec(asked):
        for text in (entry.unmatched or "").splitlines():
            found.setdefault(_CHANGING.sub("…", text).casefold(), []).append((text, entry))
    return sorted((_unmatched(seen) for seen in found.values()), key=lambda one: (-one.times, one.text))


def _unmatched(seen: Sequence[tuple[str, LogEntry]]) -> Unmatched:
    text, newest = seen[0]
    return Unmatched(
        text=text,
        times=len(seen),
        companies=len({entry.company for _, entry in seen}),
        company=newest.company,
        invoice=newest.invoice,
        number=newest.number,
        first_at=seen[-1][1].at,
        last_at=newest.at,
    )
