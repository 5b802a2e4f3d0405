"""Everything known of one invoice, for its page: who asked, what was sent and answered, what holds it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from events.accounting_target import Lane
from events.export import Marker
from store import exclusions, generations, pauses, queries, reconciliations
from store.queries import Story
from store.status import is_held
from store.tables import Drift, Exclusion, Generation, Item, Pause, Request
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
        exclusion=exclusions.of_invoice(work, company, invoice),
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
