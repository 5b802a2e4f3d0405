"""How far each lane has been compared with Xero, by kind of document, and the drifts that were found.

Invoices have a table of their own: so a version that knows no other kind goes on beside this one.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, literal
from sqlmodel import col, func, select, update

from events.accounting_target import Lane
from events.changes import GONE, DriftFound
from events.invoice import Document
from store import statements
from store.status import held_lanes
from store.tables import CompanyConnection, DocumentReconciliation, Drift, Export, InvoiceStatus, Reconciliation
from store.tables.columns import word
from store.unit_of_work import Work

MARGIN = timedelta(minutes=5)  # our clock and Xero's may differ; what is seen twice is told once


def due(work: Work) -> Sequence[Any]:
    """The lanes whose next look at Xero is due, by document, as plain rows, those that wait longest first.

    Connected, with something exported, neither stopped nor paused.
    """
    _begin_rows(work)
    found = [*_due_of(work, Reconciliation), *_due_of(work, DocumentReconciliation)]
    found.sort(key=lambda row: (row.next_at, row.company, row.document))
    held = held_lanes(work, {row.company for row in found}) if found else None
    return [row for row in found if held and not held(Lane(row.company, row.tenant))]


def _due_of(work: Work, table: type[Reconciliation | DocumentReconciliation]) -> Sequence[Any]:
    here = (col(CompanyConnection.company) == table.company) & (col(CompanyConnection.tenant) == table.tenant)
    # Xero tells of invoices whose app made them, and of no other document
    other = (
        literal("invoice").label("document") if table is Reconciliation else literal(value=False).label("ours_only")
    )
    asked: Any = select(table, other)
    asked = asked.join(CompanyConnection, here).where(col(table.next_at) <= work.now)
    return statements.rows(work, asked.order_by(col(table.next_at)))


def kinds(work: Work, lane: Lane) -> int:
    """How many kinds of documents are compared in the lane, which share its calls."""
    mine = select(func.count()).where(
        DocumentReconciliation.company == lane.company, DocumentReconciliation.tenant == lane.tenant
    )
    return 1 + work.session.exec(mine).one()


def begin(work: Work, lane: Lane, document: Document) -> None:
    """From its first export on a document of another kind than invoices is compared too."""
    if document != "invoice" and work.session.get(DocumentReconciliation, (*lane, document)) is None:
        row = {"company": lane.company, "tenant": lane.tenant, "document": document, "page": 1}
        row |= {"since": work.now - MARGIN, "next_at": work.now}
        statements.insert_new(work, DocumentReconciliation, [row], returning="company")


def _begin_rows(work: Work) -> None:
    """Every lane has a row from its first export on."""
    connection: Any = CompanyConnection
    known = exists().where(Reconciliation.company == connection.company, Reconciliation.tenant == connection.tenant)
    mine = select(func.min(Export.exported_at)).where(
        Export.company == connection.company, Export.tenant == connection.tenant
    )
    first = mine.correlate(CompanyConnection).scalar_subquery()
    asked: Any = select(connection.company, connection.tenant, first.label("first"))
    new = [row for row in statements.rows(work, asked.where(~known)) if row.first]
    rows = [
        {"company": row.company, "tenant": row.tenant, "since": row.first - MARGIN, "page": 1, "ours_only": True}
        for row in sorted(new, key=lambda row: str(row.company))
    ]
    statements.insert_new(work, Reconciliation, [{**row, "next_at": work.now} for row in rows], "company")


def move_on(work: Work, lane: Lane, document: Document, *, since: datetime, page: int, next_at: datetime) -> None:
    """Remember where the next look at documents of this kind begins."""
    if document == "invoice":
        mine = update(Reconciliation).where(*_in_lane(Reconciliation, lane))
    else:
        kind = col(DocumentReconciliation.document) == document
        mine = update(DocumentReconciliation).where(*_in_lane(DocumentReconciliation, lane), kind)
    work.session.exec(mine.values(since=since, page=page, next_at=next_at))


def _in_lane(table: type[Reconciliation | DocumentReconciliation], lane: Lane) -> tuple[Any, Any]:
    return col(table.company) == lane.company, col(table.tenant) == lane.tenant


def put_off(work: Work, lane: Lane, seconds: float) -> None:
    """The lane's next looks come so much later than they would have; nothing where there is none to come."""
    first = _row_of(work, lane)
    others = work.session.exec(select(DocumentReconciliation).where(*_in_lane(DocumentReconciliation, lane))).all()
    rows: list[Reconciliation | DocumentReconciliation] = [*([first] if first else []), *others]
    for row in rows:
        row.next_at = max(row.next_at, work.now) + timedelta(seconds=seconds)
    work.session.flush()


def compared_until(work: Work, lane: Lane, document: Document = "invoice") -> datetime | None:
    """Until when all that changed in the lane's organisation is known; None where it was never compared."""
    row: Reconciliation | DocumentReconciliation | None
    if document == "invoice":
        row = work.session.get(Reconciliation, lane)
    else:
        row = work.session.get(DocumentReconciliation, (*lane, document))
    return row.since if row else None


def look_at_everything(work: Work, lane: Lane) -> None:
    """From now on look at invoices of other apps too: some were taken over from an older integration."""
    row = _row_of(work, lane)
    if row:
        row.ours_only = False
        work.session.flush()


def exported_as(work: Work, lane: Lane, target_ids: Collection[str], before: datetime) -> Mapping[str, Export]:
    """Our exports that rest in Xero under these ids since before then, by id."""
    asked = select(Export).where(
        Export.company == lane.company,
        Export.tenant == lane.tenant,
        col(Export.xero_invoice_id).in_(sorted(target_ids)),
        Export.state == word("exported"),
        col(Export.exported_at) < before,
    )
    return {row.xero_invoice_id or "": row for row in work.session.exec(asked)}


def record_drift(work: Work, export: Export, kind: str, differences: Sequence[str], fingerprint: str) -> bool:
    """Write a drift down; False when it was found before."""
    row = {
        "export_id": export.id,
        "fingerprint": fingerprint,
        "company": export.company,
        "invoice": export.invoice,
        "number": export.number,
        "kind": kind,
        "differences": json.dumps(list(differences), ensure_ascii=False),
        "found_at": work.now,
    }
    return bool(statements.insert_new(work, Drift, [row], returning="id"))


def note(work: Work, seen: Sequence[Export], known: Mapping[int | None, DriftFound | None]) -> None:
    """Remember what these exports, just compared with Xero, are known to differ in; and show it beside them.

    An invoice that is voided or deleted in Xero is not exported any more, whatever its last answer said.
    """
    changed = [row for row in seen if row.found != _text(known[row.id])]
    rows = [{"id": row.id, "found": _text(known[row.id])} for row in changed]
    statements.change(work, Export, "id", rows)
    for row in sorted(changed, key=lambda one: (one.company, one.invoice)):
        _show(work, row, known[row.id])


def _show(work: Work, export: Export, found: DriftFound | None) -> None:
    gone = bool(found and found.kind in GONE)
    mine = update(InvoiceStatus).where(
        col(InvoiceStatus.company) == export.company,
        col(InvoiceStatus.invoice) == export.invoice,
        col(InvoiceStatus.marker).in_(("exported", "not_exported")),
    )
    shown = {"drift": found.kind if found else None, "marker": "not_exported" if gone else "exported"}
    work.session.exec(mine.values(**shown))


def _text(found: DriftFound | None) -> str | None:
    return found.model_dump_json() if found else None


def drifts(work: Work, company: str | None = None, invoice: str | None = None, most: int = 100) -> Sequence[Drift]:
    """The newest drifts first."""
    asked: Any = select(Drift).order_by(col(Drift.id).desc()).limit(most)
    if company:
        asked = asked.where(Drift.company == company)
    if invoice:
        asked = asked.where(Drift.invoice == invoice)
    return list(work.session.exec(asked).all())


def _row_of(work: Work, lane: Lane) -> Reconciliation | None:
    """The lane's row, begun at its first export; None while it has none."""
    row = work.session.get(Reconciliation, lane)
    if row is not None:
        return row
    mine = select(func.min(Export.exported_at)).where(Export.company == lane.company, Export.tenant == lane.tenant)
    first = work.session.exec(mine).one()
    if first is None:
        return None
    row = Reconciliation(company=lane.company, tenant=lane.tenant, since=first - MARGIN, next_at=work.now)
    work.session.add(row)
    work.session.flush()
    return row
