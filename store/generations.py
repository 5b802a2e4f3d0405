"""Earlier invoices in Xero of exports that were raised anew, and orders to do so that are not carried out yet."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import col, delete, select, update

from store import statements
from store.tables import Attempt, Export, Generation, Item
from store.unit_of_work import Work

ORDERED = "ordered"  # what has not ended yet, as far as we have looked


def order(work: Work, rows: Sequence[Export], by: str, why: str, number: str) -> None:
    """A person wants these locked exports raised anew, one of them under this number; the first order stands."""
    made = [
        {
            "export_id": row.id,
            "generation": row.generation,
            "number": number,
            "xero_invoice_id": row.xero_invoice_id or "",
            "ended": ORDERED,
            "by": by,
            "why": why,
            "at": work.now,
        }
        for row in rows
    ]
    statements.insert_new(work, Generation, made, returning="export_id")


def ordered(work: Work, exports: Collection[Export]) -> Mapping[int, Generation]:
    """The open order of each export, by its id."""
    asked = select(Generation).where(
        col(Generation.export_id).in_([export.id for export in exports]), col(Generation.ended) == ORDERED
    )
    return {row.export_id: row for row in work.session.exec(asked)}


def end(work: Work, export: Export, ended: str) -> None:
    """The export's present invoice has ended, and another one is raised: nothing sent for it counts any more."""
    mine = update(Generation).where(
        col(Generation.export_id) == export.id, col(Generation.generation) == export.generation
    )
    work.session.exec(mine.values(ended=ended, number=export.number, at=work.now))
    unanswered = update(Attempt).where(
        col(Attempt.export_id) == export.id, col(Attempt.outcome).in_(("sent", "unknown"))
    )
    work.session.exec(unanswered.values(outcome="superseded"))


def withdraw(work: Work, exports: Collection[Export]) -> None:
    """What these exports' orders wanted is not done: their present invoices stand."""
    if not exports:
        return
    mine = delete(Generation).where(
        col(Generation.export_id).in_([export.id for export in exports]), col(Generation.ended) == ORDERED
    )
    work.session.exec(mine)


def renumber_waiting(work: Work, export: Export, content_hash: str) -> None:
    """Who waits for the export's newest content waits for the same under its new number."""
    mine = update(Item).where(
        col(Item.export_id) == export.id, col(Item.state) == "waiting", col(Item.content_hash) == export.wanted_hash
    )
    work.session.exec(mine.values(content_hash=content_hash))


def earlier(work: Work, export_ids: Collection[int]) -> Mapping[int, Sequence[Generation]]:
    """The ended invoices of each export, oldest first."""
    asked: Any = select(Generation).where(
        col(Generation.export_id).in_(sorted(export_ids)), col(Generation.ended) != ORDERED
    )
    found: dict[int, list[Generation]] = {}
    for row in work.session.exec(asked.order_by(col(Generation.export_id), col(Generation.generation))):
        found.setdefault(row.export_id, []).append(row)
    return found
