"""Everything known of one invoice, for its page: who asked, what was sent and answered, what holds it.

What stands beside invoices on a host's own page: marker, Last Exported, and why one failed; read-only.

A page of invoices costs as many statements as a single one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from events.accounting_target import Lane
from events.export import Marker
from events.failures import FAILED_TITLE, who_mends
from store import generations, markers, pauses, queries, reconciliations, statements
from store.queries import Story
from store.status import held_tenants, is_held
from store.tables import Drift, Exclusion, Export, Generation, InvoiceStatus, Item, Pause, Request
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
    waits = export is not None and is_held(work, Lane(company, export.tenant))
    return InvoiceStory(
        company=company,
        invoice=invoice,
        marker=queries.marker_of(story.status, export, lane_waits=waits),
        story=story,
        asked=_asked(work, story, company, invoice),
        exclusion=pauses.exclusion_of(work, company, invoice),
        pause=pauses.of_company(work, company),
        drifts=reconciliations.drifts(work, company, invoice),
        earlier=generations.earlier(work, [export.id]).get(export.id, ()) if export and export.id else (),
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
    """What a person sees beside one invoice; `failure` only while its marker is `failed`."""

    invoice: str
    number: str | None
    marker: Marker
    last_exported_at: datetime | None
    xero_invoice_id: str | None
    deep_link: str | None
    failure: Why | None


def beside_invoices(work: Work, company: str, invoices: Sequence[str]) -> list[Beside]:
    """What stands beside each of these invoices, in the order they are named."""
    mine = InvoiceStatus.company == company
    asked = select(InvoiceStatus).where(mine, col(InvoiceStatus.invoice).in_(sorted(invoices)))
    statuses = {row.invoice: row for row in statements.rows(work, asked)}
    exports = _newest_exports(work, company, invoices)
    excluded = pauses.excluded(work, company, invoices)
    held = held_tenants(work, company)
    return [
        _beside(one, statuses.get(one), exports.get(one), excluded=one in excluded, held=held) for one in invoices
    ]


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
