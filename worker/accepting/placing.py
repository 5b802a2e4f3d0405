"""A request takes its place in the queue: the export rows it starts, replaces, joins or waits behind."""

from collections.abc import Sequence
from typing import Any

from events.failures import Failure
from events.invoice import Invoice
from store import exports
from store.tables import Export
from store.unit_of_work import Work
from worker.accepting.filing import Filing
from worker.decisions import joining

Row = dict[str, Any]


def place(work: Work, filings: Sequence[Filing]) -> None:
    """Write what the requests want into the rows of their invoices, as their moves say."""
    fresh: list[Row] = []
    newer: list[Row] = []
    joined: list[Row] = []
    kept: list[Row] = []
    for coming in filings:
        for invoice in coming.readable:
            row, move = coming.rows[invoice.id], coming.moves[invoice.id]
            single = coming.asked.mode == "single"
            priority = 0 if single else row.priority
            if move in ("start", "replace"):
                fresh.append(_fresh(work, coming, invoice, 1 if move == "start" and not single else priority))
            elif move == "wait":
                newer.append(
                    {**_content(coming, invoice), "priority": priority, "cancelled": False, **_overtaken(row)}
                )
            elif isinstance(move, Failure) and _is_worth_keeping(row, invoice):
                kept.append({**_content(coming, invoice), "state": "failed"})
            elif move == "join" and (priority != row.priority or row.cancelled):
                joined.append({"id": row.id, "priority": priority, "cancelled": False})
    for rows in (fresh, newer, joined, kept):
        exports.change(work, rows)


def _is_worth_keeping(row: Export, invoice: Invoice) -> bool:
    """Whether a refused content is the newest of an export that is not live, so that a replay can send it."""
    return row.state in ("new", "failed") and invoice.revision >= row.wanted_revision


def _content(coming: Filing, invoice: Invoice) -> dict[str, Any]:
    return {
        "id": coming.rows[invoice.id].id,
        "number_prefix": coming.prefixes[invoice.id],
        "client": invoice.client.id,
        "wanted": coming.said[invoice.id].text,
        "wanted_hash": coming.said[invoice.id].content_hash,
        "wanted_revision": invoice.revision,
    }


def _overtaken(row: Export) -> dict[str, Any]:
    """The content that newer content overtakes is kept while it may be in Xero: its answer is compared with it."""
    may_be_there = row.state in ("exporting", "uncertain") or row.number_bound
    return {"in_flight": (row.in_flight or row.wanted or None) if may_be_there else None}


def _fresh(work: Work, coming: Filing, invoice: Invoice, priority: int) -> dict[str, Any]:
    """A pending row with this content. The number stays once an attempt has carried one (DESIGN §3 (b)).

    An invoice that is in Xero is known there by its id, so its number may change.
    """
    row = coming.rows[invoice.id]
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
        "live_since": row.live_since if row.state in joining.LIVE else work.now,
    }
