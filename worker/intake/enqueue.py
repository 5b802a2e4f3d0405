"""A request takes its place in the queue: the export rows it starts, replaces, joins or waits behind."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from events.failures import Failure
from events.invoice import Invoice
from store import exports
from store.tables import Export
from store.unit_of_work import Work
from worker.decisions import merge_rules
from worker.intake.request_plan import Filing

Row = dict[str, Any]


def place(work: Work, filings: Sequence[Filing]) -> None:
    """Write what the requests want into the rows of their invoices, as their moves say."""
    changes: dict[str, list[Row]] = {}
    for coming in filings:
        for invoice in coming.readable:
            what, row = _change(work, coming, invoice)
            if row:
                changes.setdefault(what, []).append({"id": coming.rows[invoice.id].id, **row})
    for rows in changes.values():
        exports.change(work, rows)


def started(work: Work, coming: Filing, invoice: Invoice) -> Row:
    """The whole row of an invoice that nobody has asked for before."""
    blank = exports.blank(work, coming.lane, invoice)
    return blank | _started(work, coming, invoice, SimpleNamespace(**blank), 0 if _is_single(coming) else 1)


def _change(work: Work, coming: Filing, invoice: Invoice) -> tuple[str, Row | None]:
    """What is written into the invoice's row, and a word that is the same for changes of the same columns."""
    row, move = coming.rows[invoice.id], coming.moves[invoice.id]
    priority = 0 if _is_single(coming) else row.priority
    if invoice.id in coming.unseen:
        return "refused", {"state": "failed", "priority": 1, "live_since": None} if move != "start" else None
    if move in ("start", "replace"):
        begins = move == "start" and not _is_single(coming)
        return "started", _started(work, coming, invoice, row, 1 if begins else priority)
    if move == "wait":
        newer = {**_content(coming, invoice), "priority": priority, "cancelled": False, **_overtaken(row)}
        return "newer", newer
    if isinstance(move, Failure) and _is_worth_keeping(row, invoice):
        return "kept", {**_content(coming, invoice), "state": "failed"}
    if move == "join" and (priority != row.priority or row.cancelled):
        return "joined", {"priority": priority, "cancelled": False}
    return "as it is", None


def _is_single(coming: Filing) -> bool:
    return coming.asked.mode == "single"


def _is_worth_keeping(row: Export, invoice: Invoice) -> bool:
    """Whether a refused content is the newest of an export that is not live, so that a replay can send it."""
    return row.state in ("new", "failed") and invoice.revision >= row.wanted_revision


def _content(coming: Filing, invoice: Invoice) -> dict[str, Any]:
    return {
        "number_prefix": coming.prefixes[invoice.id],
        "client": invoice.client.id,
        "wanted": coming.said[invoice.id].text,
        "wanted_hash": coming.said[invoice.id].content_hash,
        "wanted_revision": invoice.revision,
    }


def _overtaken(row: Any) -> dict[str, Any]:
    """The content that newer content overtakes is kept while it may be in Xero: its answer is compared with it."""
    may_be_there = row.state in ("exporting", "uncertain") or row.number_bound
    return {"in_flight": (row.in_flight or row.wanted or None) if may_be_there else None}


def _started(work: Work, coming: Filing, invoice: Invoice, row: Any, priority: int) -> Row:
    """A pending row with this content. The number stays once an attempt has carried one (exactly-once §b).

    An invoice that is in Xero is known there by its id, so its number may change.
    """
    return {
        **_content(coming, invoice),
        "number": row.number if row.number_bound and row.xero_invoice_id is None else invoice.number,
        "state": "pending",
        "priority": priority,
        "due_at": work.now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
        **_overtaken(row),
        "live_since": row.live_since if row.state in merge_rules.LIVE else work.now,
    }
