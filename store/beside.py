"""What stands beside invoices on a host's own page: marker, Last Exported, and why one failed; read-only.

A page of invoices costs as many statements as a single one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from events.causes import who_mends
from events.export import Marker
from events.failures import FAILED_TITLE
from store import exclusions, markers, pauses, statements
from store.tables import Export, InvoiceStatus, LaneState
from store.unit_of_work import Work


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


def of(work: Work, company: str, invoices: Sequence[str]) -> list[Beside]:
    """What stands beside each of these invoices, in the order they are named."""
    mine = InvoiceStatus.company == company
    asked = select(InvoiceStatus).where(mine, col(InvoiceStatus.invoice).in_(sorted(invoices)))
    statuses = {row.invoice: row for row in statements.rows(work, asked)}
    exports = _newest_exports(work, company, invoices)
    excluded = exclusions.marked(work, company, invoices)
    waiting = _Waiting(work, company)
    return [
        _beside(one, statuses.get(one), exports.get(one), excluded=one in excluded, waiting=waiting)
        for one in invoices
    ]


def _newest_exports(work: Work, company: str, invoices: Sequence[str]) -> Mapping[str, Any]:
    """The export of each invoice, in the organisation it went to last."""
    asked = select(Export.id, Export.invoice, Export.number, Export.state, Export.tenant).where(  # type: ignore[call-overload]
        Export.company == company, col(Export.invoice).in_(sorted(invoices))
    )
    return {row.invoice: row for row in statements.rows(work, asked.order_by(col(Export.id)))}


class _Waiting:
    """Which lanes of the company send nothing now."""

    def __init__(self, work: Work, company: str) -> None:
        self._paused = pauses.of_company(work, company) is not None
        lanes = statements.rows(work, select(LaneState).where(LaneState.company == company))
        self._lanes = {row.tenant for row in lanes if row.state != "open" or _is_ahead(row.blocked_until, work.now)}

    def holds(self, tenant: str) -> bool:
        """Whether nothing is sent to this organisation now; where there is none yet, nothing is."""
        return self._paused or not tenant or tenant in self._lanes


def _is_ahead(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


def _beside(invoice: str, status: Any, export: Any, *, excluded: bool, waiting: _Waiting) -> Beside:
    marker = markers.beside(
        export.state if export else None,
        shown=status.marker if status else None,
        excluded=excluded,
        lane_waits=bool(export and waiting.holds(export.tenant)),
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
