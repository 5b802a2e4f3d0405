"""What a restored backup does not know and Xero has becomes its export's, instead of being sent once more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from events.accounting_target import AccountingTarget, Organisation, Posted
from events.changes import DriftFound
from store import adoptions, exports, restores
from store.restores import NOT_REMEMBERED
from store.tables import Export
from store.unit_of_work import Work
from worker.decisions import batching, merge_rules, proof
from worker.decisions.proof import Host
from worker.export import answering, export_results
from worker.tools import Tools

_ENDED = {"VOIDED": "voided", "DELETED": "deleted"}
_WHY = "what was sent: the backup does not know it"
Shown = Mapping[str, Any]  # what Xero shows of a document, as JSON has it


def shown(target: AccountingTarget, posted: Posted, at: datetime) -> Shown:
    """What is kept of a document that Xero showed then; its generation only where its mark says it."""
    kind = _ENDED.get(posted.status)
    seen = None if posted.unreadable else proof.of_host(Host(posted.contact_id, None), posted, _WHY)
    return {
        "number": posted.number,
        **({"generation": posted.generation} if target.marks_name_invoices else {}),
        "xero_invoice_id": posted.target_id,
        "xero_totals": answering.proof_text(posted, seen, at) if seen else None,
        **export_results.copy_of(target, posted),
        "sent_contact": posted.contact_id,
        "exported_at": posted.updated.isoformat() if posted.updated else None,
        "found": DriftFound(kind=kind, differences=(f"{kind} in Xero",)).model_dump_json() if kind else None,
    }


def row_of(work: Work, row: Export, found: Shown) -> dict[str, Any]:
    """The export as far as Xero shows it; what still waits goes on waiting, now for a look at what is there."""
    live = row.state in merge_rules.LIVE
    return {
        "generation": row.generation,
        **found,
        "id": row.id,
        "state": "pending" if live else "failed" if row.state == "failed" else "exported",
        "number": export_results.newest_content(row).number if live else found["number"],
        "number_bound": True,
        "due_at": work.now,
        "batch_id": None,
        "crashes": 0,
        "raise_anew": False,
        "sent_hash": "",
        "sent_revision": NOT_REMEMBERED,
        "exported_at": datetime.fromisoformat(found["exported_at"]) if found["exported_at"] else work.now,
        "checked_at": work.now,
    }


def not_in_xero(work: Work, tools: Tools, organisation: Organisation, due: Sequence[Any]) -> Sequence[Any]:
    """What of these due exports is to be sent, or looked at, as it is.

    What is new to us and in Xero since before a restore is taken over, and looked at in the next turn.
    """
    lane, named = organisation.lane, {}
    for one in due:
        target = tools.target(organisation, one.document)
        if batching.kind(one) == "create" and not target.marks_name_invoices:
            named[target.mark_of(lane.company, one.invoice, one.generation)] = one.id
    found = restores.claim_marks(work, lane, named) if named else {}
    if not found:
        return due
    rows = exports.lock_again(work, [named[mark] for mark in sorted(found)])
    for mark, said in found.items():
        ended = DriftFound.kept(said["found"])
        if ended is None or ended.kind != "deleted":
            adoptions.claim_number(work, lane, said["number"], rows[named[mark]].invoice)
    restores.put_aside(work, list(rows.values()))
    exports.change(work, [row_of(work, rows[named[mark]], found[mark]) for mark in sorted(found)])
    return [one for one in due if one.id not in rows]
