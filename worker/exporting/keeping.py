"""What an export row keeps of an invoice that is in Xero: totals, proof of match, Xero's copy as we saw it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.accounting_target import Posted
from events.changes import Change, Picture
from store import batches
from store.batches import Carried
from store.tables import Attempt, Export
from store.unit_of_work import Work
from worker.decisions import comparing, proof
from worker.exporting import answering, contents
from worker.exporting.results import Result
from worker.tools import Tools


@dataclass
class Kept:
    """What an export row has just become, as far as its answer tells."""

    client: str
    number: str
    xero_invoice_id: str | None
    xero_totals: str | None
    exported_at: datetime | None

    @classmethod
    def of(cls, client: str, row: Mapping[str, Any]) -> "Kept":
        """From the columns that `row` gives."""
        return cls(client, row["number"], row["xero_invoice_id"], row["xero_totals"], row["exported_at"])


def row(work: Work, tools: Tools, result: Result, kept: str) -> dict[str, Any]:
    """The export's columns after an attempt that was posted; `kept` is what is kept as the client's contact."""
    export, attempt, answer, sent = result.export, result.attempt, result.answer, result.sent
    if not isinstance(answer, Posted):
        raise TypeError("only a posted invoice has totals")
    contact = tools.target.contact_id(kept) or ""
    newest = attempt.content_hash == export.wanted_hash
    differences = proof.differences(sent, contact, answer) if sent else _of_older(work, tools, attempt, answer)
    return {
        "id": export.id,
        "state": "exported" if newest else "pending",
        "number": export.number if newest else contents.newest(export).number,
        "due_at": work.now,
        "batch_id": None,
        "in_flight": None,
        "sent_revision": attempt.revision,
        "sent_hash": attempt.content_hash,
        "crashes": 0,
        "failures": 0,
        "alone": False,
        "xero_invoice_id": answer.target_id,
        "xero_totals": answering.proof_text(answer, differences),
        "exported_at": work.now,
        **copy_of(tools, answer),
    }


def _of_older(work: Work, tools: Tools, attempt: Attempt | Carried, posted: Posted) -> tuple[str, ...]:
    """Two newer contents have come since: what was sent is in the frozen body."""
    body = batches.bodies(work, [attempt.batch_id]).get(attempt.batch_id)
    sent = tools.target.thaw(body) if body else {}
    element = sent.get(posted.target_id) or sent.get(attempt.number)
    if element is None:
        return ("not compared: what was sent is not kept any more",)
    return proof.of_older(tools.books.picture_of(element), tools.books.picture(posted.copy))


def copy_of(tools: Tools, posted: Posted) -> dict[str, str | None]:
    """Xero's copy as it is remembered, by fingerprint and picture; nothing where its lines were not shown."""
    whole = bool(posted.copy.get("LineItems"))
    return {
        "copy_seen": tools.target.fingerprint(posted.copy) if whole else None,
        "copy_kept": tools.books.picture(posted.copy).model_dump_json() if whole else None,
    }


def changes(tools: Tools, export: Export, posted: Posted) -> tuple[Change, ...]:
    """What is different in Xero from the copy we last saw; nothing where none was kept."""
    before = picture(export)
    return comparing.changes(before, tools.books.picture(posted.copy)) if before else ()


def picture(export: Export) -> Picture | None:
    """The copy we last saw."""
    return Picture.model_validate_json(export.copy_kept) if export.copy_kept else None


def differences(export: Export) -> tuple[str, ...]:
    """How Xero differed from the host at the last export."""
    return tuple(json.loads(export.xero_totals or "{}").get("differences", ()))
