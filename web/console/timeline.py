"""An invoice's story as a list of moments, newest first; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.invoice_detail import InvoiceStory
from store.tables import Attempt, Batch, Drift, Generation, Item, LogEntry
from store.tables import Request as SentRequest

_TRIED: Mapping[str, tuple[str, str, str]] = {
    "sent": ("On its way to Xero", "", "exporting"),
    "unknown": ("Sent, and Xero's answer is not known", "warn", "uncertain"),
    "posted": ("Sent, and taken by Xero", "good", ""),
    "adopted": ("Sent, and found in Xero afterwards", "good", ""),
    "superseded": ("Sent, and left behind when the invoice was raised anew", "", ""),
    "rejected": ("Sent, and refused by Xero", "bad", ""),
    "not_sent": ("Not sent after all: given back to the queue", "", "queued"),
}
_ANSWERED: Mapping[str, str] = {
    "created": "Exported: a new invoice in Xero",
    "updated": "Exported: the invoice in Xero was changed",
    "adopted": "Found in Xero, and taken as exported",
    "unchanged": "Nothing to change: Xero has it so already",
    "failed": "Failed to export",
}


@dataclass(frozen=True)
class Moment:
    """Something that happened: its tone, the marker beside the invoice from then on, facts by name.

    `said` is Xero's own words, `sent` what was sent (JSON text), `lines` are differences and changes.
    """

    at: datetime
    title: str
    tone: str = ""
    marker: str = ""
    message: str = ""
    said: str = ""
    sent: str = ""
    request: str = ""
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()


def timeline_of(whole: InvoiceStory, sent: Mapping[str, str]) -> list[Moment]:
    """Every moment we know of; `sent` is what each batch carried of this invoice."""
    found = [
        *(_asked(item, request) for item, request in whole.asked),
        *(_tried(attempt, batch, sent.get(batch.id, "")) for attempt, batch in whole.story.attempts),
        *(_answered(entry) for entry in whole.story.entries),
        *(_found(drift) for drift in whole.drifts),
        *(_raised(one) for one in whole.earlier),
    ]
    if whole.exclusion:
        mark = whole.exclusion
        found.append(
            Moment(mark.at, f"Marked “do not send” by {mark.by}", marker="excluded", message=mark.why, tone="warn")
        )
    return [one for _, one in sorted(enumerate(found), key=lambda pair: (pair[1].at, pair[0]), reverse=True)]


def _asked(item: Item, request: SentRequest) -> Moment:
    how = "with others" if request.mode == "bulk" else "alone"
    again = [("Repeats event", request.caused_by)] if request.caused_by else []
    return Moment(
        at=request.created_at,
        title=f"Asked for by {request.requested_by}, {how}",
        marker="queued",
        request=request.id,
        facts=[("Revision", str(item.revision)), ("Event", request.source_event), *again],
    )


def _tried(attempt: Attempt, batch: Batch, sent: str) -> Moment:
    title, tone, marker = _TRIED.get(attempt.outcome, (attempt.outcome, "", ""))
    status = str(batch.http_status) if batch.http_status else ""
    what = "a change of the invoice in Xero" if batch.kind == "update" else "a new invoice"
    facts = [
        ("As number", attempt.number),
        ("As", what),
        ("Batch", f"{batch.id}, {batch.size} invoices"),
        ("HTTP status", status),
        ("Xero's correlation id", batch.correlation_id or ""),
        ("Idempotency key", batch.key),
        ("Trouble", batch.trouble or ""),
        ("Looked up", f"{batch.look_ups} times" if batch.look_ups else ""),
    ]
    told = [(name, value) for name, value in facts if value]
    return Moment(attempt.at, title, tone, marker, said=attempt.said or "", sent=sent, facts=told)


def _answered(entry: LogEntry) -> Moment:
    good = entry.outcome != "failed"
    verified = {True: "verified", False: "differs", None: ""}[entry.verified]
    facts = [("Proof of match", verified), ("Reason", entry.reason or ""), ("Event", entry.event_id)]
    told = [f"differs: {one}" for one in json.loads(entry.differences or "[]")]
    told += [f"changed: {one}" for one in json.loads(entry.changes or "[]")]
    proof = json.loads(entry.proof or "{}")
    facts += [
        ("Compared", ", ".join(proof.get("compared", ()))),
        ("Not compared", "; ".join(proof.get("not_compared", ()))),
        ("Cleaned before it was sent", " ".join(one["said"] for one in proof.get("cleaned", ()))),
    ]
    return Moment(
        at=entry.at,
        title=_ANSWERED.get(entry.outcome, entry.outcome),
        tone="good" if good else "bad",
        marker="exported" if good else _after(entry.reason),
        message=entry.message or "",
        said=entry.xero_words or "",
        request=entry.request,
        facts=[(name, value) for name, value in facts if value],
        lines=told,
    )


def _after(reason: str | None) -> str:
    return "excluded" if reason == "excluded" else "failed"


def _raised(one: Generation) -> Moment:
    was = f"The one before, {one.number}, is {one.ended} in Xero."
    facts = [("In Xero it was", one.xero_invoice_id)] if one.xero_invoice_id else []
    return Moment(one.at, f"Raised anew by {one.by}", tone="warn", message=f"{was} {one.why}", facts=facts)


def _found(drift: Drift) -> Moment:
    return Moment(drift.found_at, f"Found {drift.kind} in Xero", tone="warn", lines=json.loads(drift.differences))
