"""Requests as they come, in parts: opened by the first, and held against their cancel meanwhile."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from events.export import InvoiceExportRequested
from store import statements
from store.tables import Request
from store.unit_of_work import Work

Key = tuple[str, str]  # of a request: its company and id
_HOLD_PARTS = text(
    "SELECT pg_advisory_xact_lock_shared(hashtext('parts'), hashtext(key)) FROM unnest(CAST(:keys AS text[])) AS key"
)
_HOLD_OFF_PARTS = text("SELECT pg_advisory_xact_lock(hashtext('parts'), hashtext(:key))")


@dataclass(frozen=True)
class Opening:
    """What begins a request, unless it has begun: one part of it with `total` invoices, and the event it came in.

    `caused_by` is the event a replay repeats.
    """

    asked: InvoiceExportRequested
    tenant: str
    total: int
    source_event: str
    caused_by: str | None = None

    @property
    def key(self) -> Key:
        """The request's."""
        return self.asked.company, self.asked.request


def open_each(work: Work, openings: Sequence[Opening]) -> set[Key]:
    """Remember these requests, each once; gives those that are new. Another one's part is still to be counted."""
    rows = [_row(work, one) for one in sorted(openings, key=lambda one: one.key)]
    return {(company, id_) for company, id_ in statements.insert_new_keys(work, Request, rows, "company", "id")}


def _row(work: Work, opening: Opening) -> dict[str, Any]:
    asked = opening.asked
    return {
        "company": asked.company,
        "id": asked.request,
        "tenant": opening.tenant,
        "mode": asked.mode,
        "requested_by": asked.requested_by.id,
        "source_event": opening.source_event,
        "parts": asked.parts,
        "parts_received": str(asked.part),
        "total": opening.total,
        "exported": 0,
        "failed": 0,
        "unchanged": 0,
        "created_at": work.now,
        "caused_by": opening.caused_by,
    }


def hold_parts(work: Work, requests: Collection[Key]) -> None:
    """Parts of a request may be filed side by side; its cancel sees all of a part or nothing.

    To be called before anything is locked; SQLite has one writer anyway.
    """
    if not work.on_sqlite:
        keys = sorted(f"{company}/{request}" for company, request in requests)
        statements.run(work, _HOLD_PARTS, keys=keys).all()


def hold_off_parts(work: Work, company: str, request: str) -> None:
    """A cancel waits for parts that are being filed, and lets none begin until it is done."""
    if not work.on_sqlite:
        statements.run(work, _HOLD_OFF_PARTS, key=f"{company}/{request}")
