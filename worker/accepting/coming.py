"""An event as it was read, before anything is locked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events import codec
from events.codec import Envelope
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from events.snapshot import Incoming
from store import inbox
from store.inbox import Seen
from worker.decisions import checks, joining


@dataclass(frozen=True)
class Said:
    """What an invoice says, as it is kept; `broken` is what no call to Xero is worth."""

    invoice: Invoice
    text: str
    content_hash: str
    broken: Failure | None


@dataclass(frozen=True)
class Coming:
    """An event on its way in: its envelope and data, how the inbox knows it, and what its invoices say, by id."""

    envelope: Envelope
    asked: Incoming
    seen: Seen
    said: Mapping[str, Said]


def read(document: Any) -> Coming:
    """One parsed CloudEvent. Raises Unreadable."""
    envelope, asked = codec.read(document)
    body_hash = inbox.fingerprint(json.dumps(document, sort_keys=True, default=str).encode())
    said = say(asked.invoices) if isinstance(asked, InvoiceExportRequested) else {}
    return Coming(envelope, asked, Seen(envelope.source, envelope.id, body_hash), said)


def say(
    invoices: Sequence[Invoice | UnreadableInvoice], before: Mapping[str, Said] | None = None
) -> Mapping[str, Said]:
    """What each readable invoice says, by id; what was said `before` any lock was taken is not worked out again."""
    known = before or {}
    readable = [one for one in joining.each_once(invoices) if isinstance(one, Invoice)]
    return {one.id: known[one.id] if _is_same(known.get(one.id), one) else _say(one) for one in readable}


def _is_same(said: Said | None, invoice: Invoice) -> bool:
    return said is not None and said.invoice is invoice


def _say(invoice: Invoice) -> Said:
    text = invoice.model_dump_json(exclude_none=True)
    return Said(invoice, text, invoice.content_hash(), checks.problem_with(invoice))
