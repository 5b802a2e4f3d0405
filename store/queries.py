"""What people ask: read-only views for the command and the pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select

from events.export import Marker
from events.invoice import folded
from store import invoice_search, markers, progress
from store.connections import NOT_YET
from store.paging import PageFound, PageWanted, page_of
from store.status import held_tenants
from store.tables import (
    Attempt,
    Batch,
    Export,
    InvoiceSearch,
    InvoiceStatus,
    Item,
    LaneState,
    LogEntry,
    NumberClaim,
)
from store.tables.columns import word
from store.unit_of_work import Work


@dataclass(frozen=True)
class InvoiceLine:
    """One invoice of a request, as a person sees it."""

    invoice: str
    number: str | None
    marker: Marker
    last_exported_at: datetime | None
    message: str | None
    how: str | None
    reason: str | None
    deep_link: str | None


def invoices_of(work: Work, company: str, request: str, *, only_failed: bool = False) -> list[InvoiceLine]:
    """The invoices of a request with their markers."""
    asked = (
        select(Item, InvoiceStatus, Export)
        .join(
            InvoiceStatus,
            (col(InvoiceStatus.company) == col(Item.company)) & (col(InvoiceStatus.invoice) == col(Item.invoice)),
            isouter=True,
        )
        .join(Export, col(Export.id) == col(Item.export_id), isouter=True)
        .where(Item.company == company, Item.request == request)
        .order_by(col(Item.invoice))
    )
    if only_failed:
        asked = asked.where(Item.state == word("failed"))
    found: Sequence[Any] = work.session.exec(asked).all()
    tenants = {row[2].tenant for row in found if row[2] is not None}
    held = held_tenants(work, company)
    waiting = {tenant for tenant in tenants if held(tenant)}
    return [_line(item, status, export, waiting) for item, status, export in found]


def page_of_items(
    work: Work, company: str, request: str, wanted: PageWanted, state: str = "", named: str = ""
) -> PageFound:
    """The items of a request by invoice id: those in a state, those a part of which is named so."""
    asked: Any = select(Item.company, Item.invoice, Item.state, Item.reason).where(
        Item.company == company, Item.request == request
    )
    if state:
        asked = asked.where(_of_state(state))
    if named.strip():
        same = (col(InvoiceSearch.company) == col(Item.company)) & (col(InvoiceSearch.invoice) == col(Item.invoice))
        asked = asked.join(InvoiceSearch, same).where(invoice_search.holds_phrase_or_words(named))
    return page_of(work, asked, {"invoice": col(Item.invoice)}, wanted)


def _of_state(state: str) -> Any:
    """Failed ones that a person wanted so are “cancelled” on a page."""
    if state == "cancelled":
        return progress.is_unwanted()
    return (Item.state == state) & ~progress.is_unwanted() if state == "failed" else Item.state == state


def marker_of(
    status: InvoiceStatus | None, export: Export | None, *, lane_waits: bool, excluded: bool = False
) -> Marker:
    """The marker beside an invoice now; `excluded` where that is known without an export."""
    shown: Any = status.marker if status else None
    return markers.beside(
        export.state if export else None,
        shown=shown,
        excluded=excluded or bool(export and export.excluded),
        lane_waits=lane_waits,
    )


def _line(item: Item, status: InvoiceStatus | None, export: Export | None, waiting: Collection[str]) -> InvoiceLine:
    marker = marker_of(status, export, lane_waits=bool(export and export.tenant in waiting))
    return InvoiceLine(
        invoice=item.invoice,
        number=status.number if status else (export.number if export else None),
        marker=marker,
        last_exported_at=status.last_exported_at if status else None,
        message=status.message if status else None,
        how=status.how if status else None,
        reason=status.reason if status else None,
        deep_link=status.deep_link if status else None,
    )


def log(work: Work, company: str | None = None, most: int = 50, *, only_failed: bool = False) -> Sequence[LogEntry]:
    """The newest lines of the export log."""
    asked = select(LogEntry).order_by(col(LogEntry.id).desc()).limit(most)
    if company:
        asked = asked.where(LogEntry.company == company)
    if only_failed:
        asked = asked.where(LogEntry.outcome == word("failed"))
    return work.session.exec(asked).all()


@dataclass(frozen=True)
class Story:
    """Everything known of one invoice, for support."""

    status: InvoiceStatus | None
    export: Export | None
    attempts: Sequence[tuple[Attempt, Batch]]
    entries: Sequence[LogEntry]
    lane: LaneState | None


def story(work: Work, company: str, invoice: str, most: int = 1000) -> Story:
    """The invoice's state, and its newest attempts and lines of the log, oldest first."""
    export = work.session.exec(
        select(Export).where(Export.company == company, Export.invoice == invoice).order_by(col(Export.id).desc())
    ).first()
    attempts: Sequence[Any] = ()
    lane = None
    if export:
        joined = select(Attempt, Batch).join(Batch, col(Batch.id) == col(Attempt.batch_id))
        tried = joined.where(Attempt.export_id == export.id).order_by(col(Attempt.at).desc()).limit(most)
        attempts = work.session.exec(tried).all()[::-1]
        lane = work.session.get(LaneState, (export.company, export.tenant))
    entries = select(LogEntry).where(LogEntry.company == company, LogEntry.invoice == invoice)
    return Story(
        status=work.session.get(InvoiceStatus, (company, invoice)),
        export=export,
        attempts=attempts,
        entries=work.session.exec(entries.order_by(col(LogEntry.id).desc()).limit(most)).all()[::-1],
        lane=lane,
    )


def invoices_named(work: Work, name: str, company: str | None = None) -> Sequence[InvoiceStatus | Export]:
    """Invoices whose id or number is `name`: those with a status, then those on their way to their first."""
    found: dict[tuple[str, str], InvoiceStatus | Export] = {}
    spelt = func.lower(InvoiceStatus.invoice), func.lower(InvoiceStatus.number)  # as their indexes are
    shown = select(InvoiceStatus).where((spelt[0] == name.lower()) | (spelt[1] == name.lower()))
    rows: list[Any] = [*work.session.exec(shown.where(InvoiceStatus.company == company) if company else shown)]
    rows += _on_their_way(work, name, company)
    for row in rows:
        found.setdefault((row.company, row.invoice), row)
    return list(found.values())


def _on_their_way(work: Work, name: str, company: str | None, most: int = 20) -> list[Export]:
    """Exports with work left whose id or number is `name`: whatever goes to Xero has claimed its number."""
    asked = select(NumberClaim).where(
        (col(NumberClaim.folded) == folded(name)) | (func.lower(NumberClaim.invoice) == name.lower())
    )
    found: list[Export] = []
    for claim in work.session.exec((asked.where(NumberClaim.company == company) if company else asked).limit(most)):
        mine = select(Export).where(
            Export.company == claim.company,
            col(Export.tenant).in_((claim.tenant, NOT_YET)),
            Export.invoice == claim.invoice,
            (col(Export.invoice) == name) | (col(Export.number) == name),
        )
        live = ("pending", "exporting", "uncertain")
        found += [export for export in work.session.exec(mine) if export.state in live]
    return found
