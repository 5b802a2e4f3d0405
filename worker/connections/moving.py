"""Work that waits changes its organisation: after the first login, or when a person says so.

What may already be in the organisation it was meant for stays with it (exactly-once §a).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, delete, update

from events.accounting_target import Lane
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import exports, number_claims, requests
from store.number_claims import Owner
from store.tables import Export, Item, NumberClaim, Request
from store.unit_of_work import Work
from worker.decisions import merge_rules
from worker.decisions.merge_rules import ExportStanding, Move
from worker.export import answering, recording
from worker.export.results import ExportRefusal
from worker.tools import Tools

_AT_ONCE = 500


def move(work: Work, tools: Tools, lane_before: Lane, lane: Lane) -> int:
    """Stamp what waits in one lane with the other lane's organisation; gives how many invoices moved."""
    rows = movable(work, lane_before)
    for start in range(0, len(rows), _AT_ONCE):
        _move_some(work, tools, lane_before, lane, rows[start : start + _AT_ONCE])
    opened = update(Request).where(
        col(Request.company) == lane_before.company,
        col(Request.tenant) == lane_before.tenant,
        col(Request.completed_at).is_(None),
    )
    work.session.exec(opened.values(tenant=lane.tenant))
    return len(rows)


def cancel(work: Work, lane: Lane) -> int:
    """Answer what waits in the lane with `cancelled`; gives how many."""
    rows = movable(work, lane)
    recording.fail(work, [ExportRefusal(row, Failure(Reason.CANCELLED)) for row in rows])
    return len(rows)


def movable(work: Work, lane: Lane) -> Sequence[Export]:
    """What waits in the lane and certainly is not in its organisation, locked."""
    rows = exports.pending_ever(work, lane)
    unknown = exports.numbers_sent(work, [row.id for row in rows if row.id is not None])
    return [row for row in rows if row.id not in unknown]


def _move_some(work: Work, tools: Tools, lane_before: Lane, lane: Lane, rows: Sequence[Export]) -> None:
    invoices = {row.invoice: Invoice.of_kept(row.wanted) for row in rows}
    wanted = [(lane, invoice) for invoice in invoices.values()]
    locked, _ = exports.lock(work, [exports.blank(work, lane, invoice) for lane, invoice in wanted])
    targets = {invoice: row for (_, invoice), row in locked.items()}
    owners = number_claims.claim(work, wanted)
    moves = {row.invoice: _decide(targets[row.invoice], invoices[row.invoice], owners) for row in rows}
    refused = [ExportRefusal(row, moved) for row in rows if isinstance(moved := moves[row.invoice], Failure)]
    recording.fail(work, refused)
    good = [row for row in rows if not isinstance(moves[row.invoice], Failure)]
    exports.change(
        work, [_fresh(work, row, targets[row.invoice]) for row in good if moves[row.invoice] != "unchanged"]
    )
    _repoint(work, good, targets)
    exports.change(work, [{"id": row.id, "state": "new", "wanted": "", "wanted_hash": ""} for row in good])
    _free_numbers(work, lane_before, good)
    _answer_unchanged(work, tools, lane, [targets[row.invoice] for row in good if moves[row.invoice] == "unchanged"])


def _decide(target: Export, invoice: Invoice, owners: Mapping[tuple[str, str], Owner]) -> Move | Failure:
    standing = ExportStanding.from_row(target)
    decided = merge_rules.decide(standing, invoice.revision, invoice.content_hash())
    owner = owners[number_claims.key(Lane(target.company, target.tenant), invoice.number)]
    if decided == "start" and owner != Owner(target.company, target.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    return decided


def _fresh(work: Work, row: Export, target: Export) -> dict[str, Any]:
    """The target row with the newer of both contents; a live one keeps its state."""
    newer = row if row.wanted_revision >= target.wanted_revision or not target.wanted else target
    live = target.state in merge_rules.LIVE
    return {
        "id": target.id,
        "client": newer.client,
        "number": target.number if target.number_bound else newer.number,
        "number_prefix": newer.number_prefix,
        "wanted": newer.wanted,
        "wanted_hash": newer.wanted_hash,
        "wanted_revision": newer.wanted_revision,
        "state": target.state if live else "pending",
        "priority": min(row.priority, target.priority) if live else row.priority,
        "due_at": work.now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
    }


def _repoint(work: Work, rows: Sequence[Export], targets: Mapping[str, Export]) -> None:
    for row in rows:
        waiting = update(Item).where(col(Item.export_id) == row.id, col(Item.state) == "waiting")
        work.session.exec(waiting.values(export_id=targets[row.invoice].id))


def _free_numbers(work: Work, lane: Lane, rows: Sequence[Export]) -> None:
    mine = delete(NumberClaim).where(
        col(NumberClaim.tenant) == number_claims.books_of(lane),
        col(NumberClaim.company) == lane.company,
        col(NumberClaim.invoice).in_([row.invoice for row in rows]),
    )
    work.session.exec(mine)


def _answer_unchanged(work: Work, tools: Tools, lane: Lane, targets: Sequence[Export]) -> None:
    organisation = tools.organisation(work, lane)
    by_id = {target.id or 0: target for target in targets}
    if not organisation or not by_id:
        return
    answers = [
        answering.succeeded(item, by_id[item.export_id or 0], organisation, tools.target(organisation), "unchanged")
        for item in requests.waiting(work, list(by_id))
    ]
    answering.record_answers(work, answers)
