"""What an export row keeps of an invoice that is in Xero: totals, proof of match, Xero's copy as we saw it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.accounting_target import Element, Posted
from events.changes import Change, Picture
from store import batches
from store.tables import Export
from store.unit_of_work import Work
from worker.decisions import proof
from worker.decisions.proof import Host, Proof
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


Sent = Mapping[tuple[str, str], Element]  # by batch, and invoice id (updates) or number


def sent_in(work: Work, tools: Tools, results: Sequence[Result]) -> Sent:
    """What the batches of these results carried, as it was written down before the call."""
    bodies = batches.bodies(work, sorted({result.attempt.batch_id for result in results}))
    return {(id_, name): one for id_, body in bodies.items() for name, one in tools.target.thaw(body).items()}


def row(work: Work, tools: Tools, result: Result, kept: str, sent: Sent) -> dict[str, Any]:
    """The export's columns after an attempt that was posted; `kept` is what is kept as the client's contact."""
    export, attempt, answer = result.export, result.attempt, result.answer
    if not isinstance(answer, Posted):
        raise TypeError("only a posted invoice has totals")
    newest = attempt.content_hash == export.wanted_hash
    host = Host(tools.target.contact_id(kept) or "", result.sent)
    copy = tools.books.picture(answer.copy)
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
        "xero_totals": answering.proof_text(answer, _proof(tools, result, copy, host, sent), work.now),
        "exported_at": work.now,
        **copy_of(tools, answer, copy),
    }


def _proof(tools: Tools, result: Result, theirs: Picture, host: Host, sent: Sent) -> Proof:
    """What was sent stands in the frozen body, whatever has come since."""
    posted, batch = result.answer, result.attempt.batch_id
    if not isinstance(posted, Posted):
        raise TypeError("only a posted invoice can be compared")
    element = sent.get((batch, posted.target_id)) or sent.get((batch, result.attempt.number))
    if element is None:
        return proof.of_host(host, posted, "what was sent: it is not kept any more")
    ours = tools.books.picture_of(element)
    differing, before = tools.books.differences(ours, theirs), picture(result.export)
    if result.outcome == "updated" and before:
        differing += tools.books.left_behind(before, ours, theirs)
    return proof.of_sent(ours, theirs, differing, posted, host)


def copy_of(tools: Tools, posted: Posted, picture: Picture | None = None) -> dict[str, str | None]:
    """Xero's copy as it is remembered, by fingerprint and picture; nothing where its lines were not shown."""
    whole = bool(posted.copy.get("LineItems"))
    return {
        "copy_seen": tools.target.fingerprint(posted.copy) if whole else None,
        "copy_kept": (picture or tools.books.picture(posted.copy)).model_dump_json() if whole else None,
    }


def changes(tools: Tools, export: Export, posted: Posted) -> tuple[Change, ...]:
    """What is different in Xero from the copy we last saw; nothing where none was kept."""
    before = picture(export)
    return tools.books.changes(before, tools.books.picture(posted.copy)) if before else ()


def picture(export: Export) -> Picture | None:
    """The copy we last saw."""
    return Picture.model_validate_json(export.copy_kept) if export.copy_kept else None


def differences(export: Export) -> tuple[str, ...]:
    """How Xero differed from the host at the last export."""
    return tuple(json.loads(export.xero_totals or "{}").get("differences", ()))
