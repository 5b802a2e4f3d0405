"""What there is to be seen after a run, gathered from Xero's books, the database and the stream."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from benchmarks.chaos import world
from benchmarks.chaos.content import Json, Line
from benchmarks.chaos.host import COMPLETED, Listener
from benchmarks.chaos.readers import Taken
from store.tables import Attempt, Batch, DoorOut, InvoiceStatus, LogEntry, OutboxEvent, Request
from store.unit_of_work import Store

_MODES = {"Exclusive": "exclusive", "Inclusive": "inclusive", "NoTax": "no_tax"}
TERMINAL = ("invoice.export.succeeded", "invoice.export.failed")


@dataclass(frozen=True)
class Book:
    """One invoice in Xero, and the company, invoice id and generation that its Url names."""

    company: str
    number: str
    id: str
    mark: str
    contact: str
    date: str
    due_date: str
    lines: tuple[Line, ...]
    net: Decimal
    generation: int = 1
    status: str = "AUTHORISED"
    tax: Decimal = Decimal(0)
    currency: str = "USD"
    amounts_are: str = "exclusive"

    @property
    def alive(self) -> bool:
        """Whether it is neither voided nor deleted."""
        return self.status not in ("VOIDED", "DELETED")


@dataclass(frozen=True)
class Told:
    """One answer in the outbox."""

    event: str
    company: str
    request: str
    invoice: str
    said: str
    reason: str | None
    xero_invoice_id: str | None
    verified: bool = False
    net: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything the checks look at. `streamed` is how often each event came, `logged` the log's event ids.

    `ledgers` is the company's books as they were when a request was answered that others followed. The outbox is in
    the order of the feed; `taken` is what the host took of webhooks and feed.
    """

    books: Sequence[Book]
    told: Sequence[Told] = ()
    completed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outbox: Mapping[str, str] = field(default_factory=dict)
    streamed: Mapping[str, int] = field(default_factory=dict)
    changed_on_stream: Sequence[str] = ()
    logged: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[world.Invoice, tuple[str, str | None]] = field(default_factory=dict)
    ledgers: Mapping[tuple[str, str], Sequence[Book]] = field(default_factory=dict)
    taken: Taken = field(default_factory=Taken)


@dataclass(frozen=True)
class Calls:
    """How many calls are in flight, and how many were answered or settled."""

    flying: int
    answered: int


def books(xero: httpx.Client, companies: Sequence[str]) -> list[Book]:
    """Every invoice in the simulated Xero."""
    only = {"tenant": world.tenant_of(companies[0])} if len(companies) == 1 else {}
    held = xero.get("/ledger", params=only).raise_for_status().json()["organisations"]
    return [_book(company, one) for company in companies for one in held[world.tenant_of(company)]["invoices"]]


def gather(
    held: Sequence[Book],
    ledgers: Mapping[tuple[str, str], Sequence[Book]],
    store: Store,
    listener: Listener,
    taken: Taken,
) -> Evidence:
    """The evidence of a run of the exporter."""
    with store.read() as work:
        outbox = {
            row.id: row.body for row in work.session.exec(select(OutboxEvent).order_by(col(OutboxEvent.position)))
        }
        logged = {row.event_id: row.outcome for row in work.session.exec(select(LogEntry))}
        statuses = {
            (row.company, row.invoice): (row.marker, row.xero_invoice_id)
            for row in work.session.exec(select(InvoiceStatus))
        }
    events = [json.loads(body) for body in outbox.values()]
    return Evidence(
        books=held,
        ledgers=ledgers,
        told=[_told(event) for event in events if event["type"] in TERMINAL],
        completed=Counter(
            (event["data"]["company"], event["data"]["request"]) for event in events if event["type"] == COMPLETED
        ),
        outbox=outbox,
        streamed=dict(listener.times),
        changed_on_stream=[id_ for id_, bodies in listener.bodies.items() if bodies != {outbox.get(id_)}],
        logged=logged,
        statuses=statuses,
        taken=taken,
    )


def finished(store: Store, requests: int, taken: Callable[[int], bool]) -> bool:
    """Whether every request is complete and everything said has left the house, and was `taken` by the host."""
    with store.read() as work:
        done = work.session.exec(
            select(func.count()).select_from(Request).where(col(Request.completed_at).is_not(None))
        )
        if done.one() < requests:
            return False
        count, last = work.session.exec(select(func.count(), func.max(OutboxEvent.position))).one()
        stream = work.session.get(DoorOut, "stream")
        return bool(stream and count == last == stream.position) and taken(count)


def calls(store: Store) -> Calls:
    """The calls to Xero as the database knows them; none while it is away."""
    try:
        with store.read() as work:
            states = Counter(work.session.exec(select(Batch.state)))
    except SQLAlchemyError:
        return Calls(0, 0)
    return Calls(states["claimed"] + states["sent"], states["settled"])


def happened(store: Store) -> dict[str, int]:
    """What the run went through: how often an answer was lost, asked for, adopted, sent again."""
    with store.read() as work:
        batches = list(work.session.exec(select(Batch.state, Batch.look_ups, Batch.trouble)))
        outcomes = Counter(work.session.exec(select(Attempt.outcome)))
        tries = work.session.exec(select(func.count()).select_from(Attempt).group_by(col(Attempt.export_id))).all()
    return {
        "batches": len(batches),
        "lost their worker after sending": sum("worker was lost" in (trouble or "") for _, _, trouble in batches),
        "lost their worker before sending": sum(s == "given_back" and not trouble for s, _, trouble in batches),
        "looked up in Xero": sum(look_ups > 0 for _, look_ups, _ in batches),
        "invoices adopted": outcomes["adopted"],
        "invoices sent again": sum(times > 1 for times in tries),
    }


def _told(event: dict[str, Any]) -> Told:
    data, said = event["data"], event["type"].rpartition(".")[2]
    named = (data["company"], data["request"], data["invoice"])
    totals = data.get("totals")
    net, total = (Decimal(totals["subtotal"]), Decimal(totals["total"])) if totals else (None, None)
    why, xero_id = data.get("reason"), data.get("xero_invoice_id")
    return Told(event["id"], *named, said, why, xero_id, bool(data.get("verified")), net, total)


def _book(company: str, kept: Json) -> Book:
    lines = tuple(
        (
            line["Description"],
            _decimal(line["Quantity"]),
            _decimal(line["UnitAmount"]),
            _decimal(line.get("DiscountRate") or 0),
        )
        for line in kept["LineItems"]
    )
    asked = parse_qs(urlsplit(kept["Url"] or "").query)
    return Book(
        company=company,
        number=kept["InvoiceNumber"],
        id=kept["InvoiceID"],
        mark=(asked.get("crewcard") or [""])[0],
        contact=kept["Contact"]["ContactID"],
        date=kept["DateString"][:10],
        due_date=kept["DueDateString"][:10],
        lines=lines,
        net=_decimal(kept["SubTotal"]),
        generation=int((asked.get("crewcard-raised") or ["1"])[0]),
        status=kept["Status"],
        tax=_decimal(kept["TotalTax"]),
        currency=kept["CurrencyCode"],
        amounts_are=_MODES[kept["LineAmountTypes"]],
    )


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))
