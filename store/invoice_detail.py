"""Everything known of one invoice, for its page: who asked, what was sent and answered, what holds it.

What stands beside invoices on a host's own page: marker, Last Exported, and why one failed; read-only.

A page of invoices costs as many statements as a single one.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, tuple_
from sqlmodel import col, select

from events.accounting_target import Lane
from events.export import Marker
from events.failures import FAILED_TITLE, who_mends
from events.invoice import Document, Invoice
from events.payments import Payment
from store import allocations, generations, markers, pauses, payments, queries, reconciliations, statements
from store.connections import NOT_YET
from store.paging import MOST_SORTED, PageFound, PageWanted, sorted_page
from store.payments import SeenPayment
from store.queries import Story
from store.status import held_lanes, held_tenants, is_held
from store.tables import (
    Allocation,
    CompanyConnection,
    Drift,
    Exclusion,
    Export,
    Generation,
    InvoiceStatus,
    Item,
    LaneState,
    LogEntry,
    Pause,
    Request,
)
from store.tables.columns import size_of
from store.unit_of_work import Work

MOST = 100  # of attempts, and of lines of the log: the newest


@dataclass(frozen=True)
class InvoiceStory:
    """An invoice's story with the requests that named it, and what people and the reconciler had to do with it."""

    company: str
    invoice: str
    marker: Marker
    story: Story
    asked: Sequence[tuple[Item, Request]]
    exclusion: Exclusion | None
    pause: Pause | None
    drifts: Sequence[Drift]
    earlier: Sequence[Generation] = ()
    payment: SeenPayment | None = None
    allocations: Sequence[Allocation] = ()

    @property
    def called(self) -> str:
        """What it is, or becomes, in Xero."""
        return self.kind.replace("_", " ").capitalize()

    @property
    def kind(self) -> Document:
        """What it is in Xero, or becomes there."""
        return self.story.export.document if self.story.export else "invoice"

    @property
    def number(self) -> str:
        """The number people know it by."""
        for row in (self.story.status, self.story.export):
            if row is not None and row.number:
                return row.number
        return self.invoice


def whole(work: Work, company: str, invoice: str) -> InvoiceStory | None:
    """All of it; None for an invoice nobody ever asked for."""
    story = queries.story(work, company, invoice, MOST)
    export = story.export
    if story.status is None and export is None:
        return None
    exclusion = pauses.exclusion_of(work, company, invoice)
    waits = export is not None and is_held(work, Lane(company, export.tenant))
    paid = payments.beside(work, [(company, invoice)])
    return InvoiceStory(
        company=company,
        invoice=invoice,
        marker=queries.marker_of(story.status, export, lane_waits=waits, excluded=exclusion is not None),
        story=story,
        asked=_asked(work, story, company, invoice),
        exclusion=exclusion,
        pause=pauses.of_company(work, company),
        drifts=reconciliations.drifts(work, company, invoice),
        earlier=generations.earlier(work, [export.id]).get(export.id, ()) if export and export.id else (),
        payment=paid.get((company, invoice, (export.xero_invoice_id if export else None) or "")),
        allocations=allocations.of_invoice(work, company, invoice),
    )


def _asked(work: Work, story: Story, company: str, invoice: str) -> Sequence[tuple[Item, Request]]:
    """The requests that the log tells of, and those that still wait."""
    named = {entry.request for entry in story.entries}
    if story.export:
        live = select(Item.request).where(Item.export_id == story.export.id, Item.state == "waiting")
        named |= set(work.session.exec(live.limit(MOST)))
    asked = (
        select(Item, Request)
        .join(Request, (col(Request.company) == col(Item.company)) & (col(Request.id) == col(Item.request)))
        .where(Item.company == company, col(Item.request).in_(sorted(named)), Item.invoice == invoice)
    )
    return list(work.session.exec(asked.order_by(col(Request.created_at))))


@dataclass(frozen=True)
class Why:
    """Why the newest export failed, who mends it, and how, a step each; `link` is the page where that is done."""

    reason: str
    title: str
    message: str
    who: str
    how: Sequence[str]
    cause: str
    about: str | None
    link: str | None


@dataclass(frozen=True)
class Beside:
    """What a person sees beside one invoice; `failure` only while its marker is `failed`.

    `payment` is how far it is paid in Xero, where anything was told of it, as it was at `payment_seen_at`.
    """

    invoice: str
    number: str | None
    marker: Marker
    last_exported_at: datetime | None
    xero_invoice_id: str | None
    deep_link: str | None
    failure: Why | None
    payment: Payment | None = None
    payment_seen_at: datetime | None = None


def beside_invoices(work: Work, company: str, invoices: Sequence[str]) -> list[Beside]:
    """What stands beside each of these invoices, in the order they are named."""
    mine = InvoiceStatus.company == company
    asked = select(InvoiceStatus).where(mine, col(InvoiceStatus.invoice).in_(sorted(invoices)))
    statuses = {row.invoice: row for row in statements.rows(work, asked)}
    exports = _newest_exports(work, company, invoices)
    excluded = pauses.excluded(work, company, invoices)
    held = held_tenants(work, company)
    found = [
        _beside(one, statuses.get(one), exports.get(one), excluded=one in excluded, held=held) for one in invoices
    ]
    paid = payments.beside(work, [(company, one) for one in invoices])
    return [_with_payment(one, paid.get((company, one.invoice, one.xero_invoice_id or ""))) for one in found]


def _with_payment(beside: Beside, seen: SeenPayment | None) -> Beside:
    return replace(beside, payment=seen.payment, payment_seen_at=seen.seen_at) if seen else beside


def _newest_exports(work: Work, company: str, invoices: Sequence[str]) -> Mapping[str, Any]:
    """The export of each invoice, in the organisation it went to last."""
    asked = select(Export.id, Export.invoice, Export.number, Export.state, Export.tenant).where(  # type: ignore[call-overload]
        Export.company == company, col(Export.invoice).in_(sorted(invoices))
    )
    return {row.invoice: row for row in statements.rows(work, asked.order_by(col(Export.id)))}


def _beside(invoice: str, status: Any, export: Any, *, excluded: bool, held: Callable[[str], bool]) -> Beside:
    marker = markers.beside(
        export.state if export else None,
        shown=status.marker if status else None,
        excluded=excluded,
        lane_waits=bool(export and held(export.tenant)),
    )
    return Beside(
        invoice=invoice,
        number=status.number if status else (export.number if export else None),
        marker=marker,
        last_exported_at=status.last_exported_at if status else None,
        xero_invoice_id=status.xero_invoice_id if status else None,
        deep_link=status.deep_link if status else None,
        failure=_why(status) if status and marker == "failed" else None,
    )


def _why(status: Any) -> Why | None:
    if status.reason is None:
        return None
    return Why(
        reason=status.reason,
        title=FAILED_TITLE,
        message=status.message or "",
        who=who_mends(status.cause or status.reason),
        how=(status.how or "").splitlines(),
        cause=status.cause or status.reason,
        about=status.about,
        link=status.link,
    )


_LONGEST_SUMMED = 100_000  # characters of a kept invoice: of one with several hundred lines no list adds them up


@dataclass(frozen=True)
class InvoiceNow:
    """What a list says of an invoice: its marker now, and why it failed; what it comes to, if that is known.

    `before_tax`: tax comes on top of `amount`, which is in `currency`. `payment` is how it is paid in Xero, if known.
    `credits`: it is a credit note.
    """

    marker: Marker = "not_exported"
    number: str | None = None
    client: str = ""
    reason: str | None = None
    message: str | None = None
    last_exported_at: datetime | None = None
    amount: Decimal | None = None
    currency: str = ""
    before_tax: bool = False
    credits: bool = False
    payment: SeenPayment | None = None

    @property
    def document(self) -> Document:
        """What it is in Xero, or becomes there."""
        return "credit_note" if self.credits else "invoice"


def now_of(work: Work, invoices: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], InvoiceNow]:
    """What lists say of these invoices, each with its company, in a constant number of questions."""
    keys, companies = sorted(set(invoices)), sorted({company for company, _ in invoices})
    named = [{"company": company, "invoice": invoice} for company, invoice in keys]
    statuses = {(row.company, row.invoice): row for row in statements.find(work, InvoiceStatus, named)}
    exports = _exports_of(work, keys, companies)
    excluded = pauses.excluded_ones(work, keys)
    held = held_lanes(work, companies)
    paid = payments.beside(work, keys)
    found = {}
    for key in keys:
        status, export = statuses.get(key), exports.get(key)
        marker = markers.beside(
            export.state if export else None,
            shown=status.marker if status else None,
            excluded=key in excluded,
            lane_waits=bool(export and held(Lane(export.company, export.tenant))),
        )
        seen = paid.get((*key, (status.xero_invoice_id if status else None) or ""))
        found[key] = replace(_now(marker, status, export), payment=seen)
    return found


def newest_of_client(work: Work, company: str, client: str) -> str:
    """The client's name in the invoice of theirs that was answered last; empty where none was."""
    mine = select(LogEntry.company, LogEntry.invoice).where(LogEntry.client == client, LogEntry.company == company)
    newest = [(row[0], row[1]) for row in statements.rows(work, mine.order_by(col(LogEntry.id).desc()).limit(1))]
    return next((one.client for one in now_of(work, newest).values()), "")


def page_with_now(
    work: Work, wanted: PageWanted, pages: Callable[[PageWanted], PageFound]
) -> tuple[PageFound, Mapping[tuple[str, str], InvoiceNow]]:
    """A page of a list of invoices, and what is said of them; by number or amount where the list is short enough."""
    page = pages(wanted)
    key = _SORTS.get(wanted.sort)
    if key is None or not page.sortable:
        return page, now_of(work, [(row.company, row.invoice) for row in page.rows])
    every = pages(PageWanted(MOST_SORTED, counted=False)).rows
    now = now_of(work, [(row.company, row.invoice) for row in every])
    return sorted_page(every, wanted, lambda row: key(row.invoice, now[row.company, row.invoice])), now


def _by_number(invoice: str, now: InvoiceNow) -> Any:
    """As people count: N-9 before N-10."""
    parts = re.split(r"([0-9]+)", (now.number or invoice).casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], invoice


def _by_amount(invoice: str, now: InvoiceNow) -> Any:
    return None if now.amount is None else (now.amount, invoice)


_SORTS: Mapping[str, Callable[[str, InvoiceNow], Any]] = {"number": _by_number, "amount": _by_amount}


def _exports_of(
    work: Work, invoices: Sequence[tuple[str, str]], companies: Sequence[str]
) -> Mapping[tuple[str, str], Any]:
    """Their newest exports, in the organisations that their companies know."""
    lanes = {(company, NOT_YET) for company in companies}
    for table in (CompanyConnection, LaneState):
        columns: list[Any] = [table.company, table.tenant]
        lanes |= {tuple(row) for row in statements.rows(work, select(*columns).where(columns[0].in_(companies)))}
    keys = [(*lane, invoice) for company, invoice in invoices for lane in lanes if lane[0] == company]
    whole = size_of(Export.wanted) <= _LONGEST_SUMMED
    columns = [Export.company, Export.tenant, Export.invoice, Export.number, Export.state, Export.document]
    columns.append(case((whole, Export.wanted), else_="").label("wanted"))
    wanted: Any = keys
    if work.on_sqlite:  # which finds no index for a list of tuples, and one for a table of them
        each = func.json_each(json.dumps(keys)).table_valued("value")
        wanted = select(*(func.json_extract(each.c.value, f"$[{place}]") for place in range(3)))
    asked = select(*columns).where(tuple_(*map(col, columns[:3])).in_(wanted))
    rows = statements.rows(work, asked.order_by(col(Export.id)))
    return {(row.company, row.invoice): row for row in rows}


def _now(marker: Marker, status: Any, export: Any) -> InvoiceNow:
    known = status or export
    content = Invoice.readable(export.wanted) if export else None
    amount, before_tax = (content and content.amount) or (None, False)
    return InvoiceNow(
        marker=marker,
        number=known.number if known else None,
        client=content.client.name if content else "",
        reason=status.reason if status else None,
        message=status.message if status else None,
        last_exported_at=status.last_exported_at if status else None,
        amount=amount,
        currency=content.currency if content else "",
        before_tax=before_tax,
        credits=bool(export) and export.document == "credit_note",
    )
