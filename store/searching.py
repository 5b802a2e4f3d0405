"""What one search box finds: invoices, clients, companies, requests, events, reasons, by how they begin."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, or_
from sqlmodel import col, select

from events.invoice import folded
from events.reasons import Reason
from store import statements
from store.beginnings import begins
from store.tables import (
    Company,
    ContactLink,
    InboxEvent,
    InvoiceStatus,
    LogEntry,
    NumberClaim,
    OutboxEvent,
    Request,
)
from store.unit_of_work import Work

Kind = Literal["invoice", "client", "company", "request", "event", "reason"]
SHORTEST, LONGEST = 2, 200
_SHORTEST_EVENT = 6


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
    """What begins with this text, or is it: at most so many of each kind, each once."""
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
    name, id_ = func.lower(Company.name), func.lower(Company.id)
    asked = select(Company.id, Company.name).where(
        or_(begins(work, id_, text.lower()), name.contains(text.lower(), autoescape=True))
    )
    rows = statements.rows(work, asked.order_by(col(Company.id)).limit(most))
    return [SearchHit("company", row.id, row.id, row.name, row.id) for row in rows]


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
    _requests,
    _reasons,
    _invoices_answered(InvoiceStatus.invoice),
    _invoices_by_id,
    _invoices_answered(InvoiceStatus.xero_invoice_id),
    _events,
)
