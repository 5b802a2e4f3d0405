"""What there is to be seen after a run, gathered from Xero's books, the database and the stream."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from benchmarks.chaos import world
from benchmarks.chaos.books import Book, CreatedContact, XeroBooks
from benchmarks.chaos.host import COMPLETED, Listener
from benchmarks.chaos.kinds import SENT_AGAIN
from benchmarks.chaos.readers import Taken
from store.tables import Attempt, Batch, DoorOut, InvoiceStatus, LogEntry, OutboxEvent, Request
from store.unit_of_work import Store

REPLAY = "replay-"
TERMINAL = ("invoice.export.succeeded", "invoice.export.failed")


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
    the order of the feed; `taken` is what the host took of webhooks and feed. `contacts` are those that were created.
    """

    books: Sequence[Book]
    contacts: Sequence[CreatedContact] = ()
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


def gather(
    held: XeroBooks,
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
        books=held.documents,
        contacts=held.contacts,
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


def finished(store: Store, is_heard: Callable[[], bool], taken: Callable[[int], bool]) -> bool:
    """Whether everything owed `is_heard`, and everything said has left the house, and was `taken` by the host."""
    if not is_heard():
        return False
    with store.read() as work:
        if work.session.exec(select(Request).where(col(Request.completed_at).is_(None))).first():
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
    request = SENT_AGAIN if data["request"].startswith(REPLAY) else data["request"]
    named = (data["company"], request, data["invoice"])
    totals = data.get("totals")
    net, total = (Decimal(totals["subtotal"]), Decimal(totals["total"])) if totals else (None, None)
    why, xero_id = data.get("reason"), data.get("xero_invoice_id")
    return Told(event["id"], *named, said, why, xero_id, bool(data.get("verified")), net, total)
