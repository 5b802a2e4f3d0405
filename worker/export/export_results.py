"""What became of attempts: an answer of Xero, or a definite failure; pure.

What an export row keeps of an invoice that is in Xero: totals, proof of match, Xero's copy as we saw it.
Newer content behind a result: it goes next, unless nobody wants it any more (exactly-once §j).
What an export says: its newest content, and the content that one attempt carried; pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.accounting_target import AccountingTarget, Answer, Element, Posted
from events.changes import Change, DriftFound, Picture
from events.failures import Failure
from events.invoice import Document, Invoice
from events.reasons import Reason
from store import batches, exports, requests
from store.batches import Carried
from store.tables import Attempt, Export
from store.unit_of_work import Work
from worker.decisions import proof
from worker.decisions.proof import Host, Proof
from worker.export import answering
from worker.export.answering import Outcome


def newest_content(export: Export) -> Invoice:
    """The newest content asked for."""
    return Invoice.of_kept(export.wanted)


def content_of_attempt(export: Export, attempt: Attempt | Carried) -> Invoice | None:
    """The content this attempt carried; None when two newer ones have come since."""
    if attempt.content_hash == export.wanted_hash:
        return newest_content(export)
    kept = Invoice.of_kept(export.in_flight) if export.in_flight else None
    return kept if kept and kept.content_hash() == attempt.content_hash else None


@dataclass(frozen=True)
class Sent:
    """What one call carries: its attempts by export id, what its invoices say, by hash, and the frozen body.

    `mixed` when people's own sends and a backlog's travel together.
    """

    kind: str
    attempts: Mapping[int, Carried]
    contents: Mapping[str, Invoice]
    body: bytes
    mixed: bool = False


@dataclass(frozen=True)
class Result:
    """What became of one attempt; `content` is what it carried, `body` its batch's, where they are still at hand."""

    export: Export
    attempt: Attempt | Carried
    answer: Answer
    outcome: Outcome = "created"
    content: Invoice | None = None
    body: bytes | None = None

    @property
    def sent(self) -> Invoice | None:
        """What it carried, as far as that is kept."""
        return self.content or content_of_attempt(self.export, self.attempt)


@dataclass(frozen=True)
class Looked:
    """An invoice in Xero to which nothing is sent: what it shows now, and what is different from what is wanted.

    `as_wanted` when newer content, or another contact, was wanted and Xero has that already; `arrived` when an update
    of ours put it there, of which no answer came.
    """

    export: Export
    content: Invoice
    posted: Posted
    proof: Proof
    found: DriftFound | None = None
    as_wanted: bool = False
    arrived: bool = False


class NotShownYet(Exception):
    """Xero took the invoice, or its last change, a moment ago and does not show it; or it cannot be read as shown."""


@dataclass(frozen=True)
class ExportRefusal:
    """A definite failure of an export; of the content `attempt` carried, or of the newest when it has none."""

    export: Export
    failure: Failure
    attempt: Attempt | Carried | None = None

    @property
    def content(self) -> Invoice:
        """What was refused, as far as it is kept."""
        carried = self.attempt and content_of_attempt(self.export, self.attempt)
        return carried or newest_content(self.export)

    @property
    def is_of_newest(self) -> bool:
        """Whether no newer content waits behind what was refused."""
        return self.attempt is None or self.attempt.content_hash == self.export.wanted_hash


@dataclass
class KeptExport:
    """What an export row has just become, as far as its answer tells."""

    client: str
    number: str
    xero_invoice_id: str | None
    xero_totals: str | None
    exported_at: datetime | None
    found: str | None
    checked_at: datetime | None
    generation: int
    document: Document

    @classmethod
    def from_row(cls, export: Any, row: Mapping[str, Any]) -> "KeptExport":
        """An export with the columns that `row` gives."""
        told = {name: row[name] for name in ("number", "xero_invoice_id", "xero_totals", "found", "checked_at")}
        same = {name: getattr(export, name) for name in ("client", "generation", "document")}
        return cls(exported_at=row["exported_at"], **same, **told)


SentElements = Mapping[tuple[str, str], Element]  # by batch, and invoice id (updates) or number


def sent_in(work: Work, target: AccountingTarget, results: Sequence[Result]) -> SentElements:
    """What the batches of these results carried, as it was written down before the call."""
    bodies = {result.attempt.batch_id: result.body for result in results if result.body}
    asked = {result.attempt.batch_id for result in results} - bodies.keys()
    if asked:
        bodies |= batches.bodies(work, sorted(asked))
    return {(id_, name): one for id_, body in bodies.items() for name, one in target.thaw(body).items()}


def row_of_result(work: Work, target: AccountingTarget, result: Result, sent: SentElements) -> dict[str, Any]:
    """The export's columns after an attempt that was posted."""
    export, attempt, answer = result.export, result.attempt, result.answer
    if not isinstance(answer, Posted):
        raise TypeError("only a posted invoice has totals")
    newest = attempt.content_hash == export.wanted_hash
    host = Host(target.contact_id(export.linked) or "", target.as_sent(result.sent) if result.sent else None)
    copy = target.picture(answer.copy)
    # A drift from the start: somebody voided or deleted it before we learnt that it had arrived
    kind = {"VOIDED": "voided", "DELETED": "deleted"}.get(answer.status)
    return {
        "id": export.id,
        "state": "exported" if newest else "pending",
        "number": export.number if newest else newest_content(export).number,
        "due_at": work.now,
        "batch_id": None,
        "in_flight": None,
        "sent_revision": attempt.revision,
        "sent_hash": attempt.content_hash,
        "crashes": 0,
        "failures": 0,
        "alone": False,
        "xero_invoice_id": answer.target_id,
        "xero_totals": answering.proof_text(answer, _proof(target, result, copy, host, sent), work.now),
        "exported_at": work.now,
        "sent_contact": attempt.contact or answer.contact_id,
        "checked_at": work.now,
        "found": DriftFound(kind=kind, differences=(f"{kind} in Xero",)).model_dump_json() if kind else None,
        "batch_limit": 0,
        "raise_anew": False,
        **copy_of(target, answer, copy),
    }


def row_of_look(work: Work, target: AccountingTarget, looked: Looked) -> dict[str, Any]:
    """The export's columns after a look that found nothing to be sent; Last Exported does not move.

    What was found different stays different from the copy we saw at the export, so that nothing overwrites it.
    """
    export, posted = looked.export, looked.posted
    taken: dict[str, Any] = {
        "xero_totals": answering.proof_text(posted, looked.proof, work.now),
        "sent_contact": posted.contact_id,
        **copy_of(target, posted),
    }
    kept = {name: getattr(export, name) for name in taken}
    return {
        "id": export.id,
        "state": "exported",
        "due_at": work.now,
        "batch_id": None,
        "in_flight": None,
        "sent_revision": export.wanted_revision,
        "sent_hash": export.wanted_hash,
        "crashes": 0,
        "failures": 0,
        "alone": False,
        "batch_limit": 0,
        "checked_at": work.now,
        "exported_at": work.now if looked.arrived else export.exported_at,
        "found": looked.found.model_dump_json() if looked.found else None,
        **(taken if looked.as_wanted else kept),
    }


def _proof(target: AccountingTarget, result: Result, theirs: Picture, host: Host, sent: SentElements) -> Proof:
    """What was sent stands in the frozen body, whatever has come since."""
    posted, batch = result.answer, result.attempt.batch_id
    if not isinstance(posted, Posted):
        raise TypeError("only a posted invoice can be compared")
    element = sent.get((batch, posted.target_id)) or sent.get((batch, result.attempt.number))
    if element is None:
        return proof.of_host(host, posted, "what was sent: it is not kept any more")
    ours = target.picture_of(element)
    differing, before = target.differences(ours, theirs), picture(result.export)
    if result.outcome == "updated" and before:
        differing += target.left_behind(before, ours, theirs)
    return proof.of_sent(ours, theirs, differing, posted, host)


def copy_of(target: AccountingTarget, posted: Posted, picture: Picture | None = None) -> dict[str, str | None]:
    """Xero's copy as it is remembered, by fingerprint and picture; nothing where its lines were not shown."""
    kept = (picture or target.picture(posted.copy)).model_copy(update={"updated": posted.updated})
    whole = bool(kept.lines)
    return {
        "copy_seen": target.fingerprint(kept) if whole else None,
        "copy_kept": kept.model_dump_json() if whole else None,
    }


def changes(target: AccountingTarget, export: Export, posted: Posted) -> tuple[Change, ...]:
    """What is different in Xero from the copy we last saw; nothing where none was kept."""
    before = picture(export)
    return target.compare(before, target.picture(posted.copy)) if before else ()


def picture(export: Export) -> Picture | None:
    """The copy we last saw."""
    return Picture.model_validate_json(export.copy_kept) if export.copy_kept else None


def differences(export: Export) -> tuple[str, ...]:
    """How Xero differed from the host at the last export."""
    return tuple(json.loads(export.xero_totals or "{}").get("differences", ()))


def called_back(work: Work, results: Sequence[Mapping[str, Any]]) -> list[tuple[Export, Failure]]:
    """Of exports with a fresh result, those a person called back meanwhile: they fail instead of going on.

    `results` are the columns just written. An export that is pending only for requests that were cancelled rests
    where its result left it.
    """
    going_on = [row["id"] for row in results if row["state"] == "pending"]
    if not going_on:  # the rule; and callers' rows stay as they read them
        return []
    pending = exports.lock_again(work, going_on)
    wanted = {item.export_id for item in requests.waiting(work, list(pending))}
    idle = [row for id_, row in pending.items() if id_ not in wanted]
    exports.change(work, [{"id": row.id, "state": "exported" if row.xero_invoice_id else "failed"} for row in idle])
    return [
        (row, superseded_failure(row))
        for id_, row in pending.items()
        if id_ in wanted and (row.cancelled or row.excluded)
    ]


def superseded_failure(export: Export) -> Failure:
    """Why an export that was called back fails."""
    return Failure(Reason.EXCLUDED if export.excluded else Reason.CANCELLED)
