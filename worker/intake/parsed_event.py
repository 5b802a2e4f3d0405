"""An event as it was brought, and as it was read, before anything is locked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events import codec
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested, UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from events.snapshot import Incoming
from store import inbox
from store.inbox import FiledEvent
from store.unit_of_work import Work
from worker.decisions import merge_rules, rights
from worker.decisions.merge_rules import Receipt
from worker.decisions.rights import OURSELVES, Actor, HostKey, NotAllowed, StreamHost

OnFiled = Callable[[Work, Receipt], None]


@dataclass(frozen=True)
class InvoiceContent:
    """What an invoice says, as it is kept; `broken` is what no call to Xero is worth."""

    invoice: Invoice
    text: str
    content_hash: str
    broken: Failure | None


@dataclass(frozen=True)
class Brought:
    """A parsed CloudEvent, and all who answer for it: each must be allowed what it asks for.

    `on_filed` is done in the transaction that files it, with its receipt; nothing is filed when that raises.
    """

    document: Any
    actors: Sequence[Actor] = (OURSELVES,)
    on_filed: OnFiled | None = None


@dataclass(frozen=True)
class Coming:
    """An event on its way in: its envelope and data, how the inbox knows it, and what its invoices say, by id.

    `key` is whose key brought it; empty where none did. `on_filed` is done in the transaction that files it.
    """

    envelope: Envelope
    asked: Incoming
    seen: FiledEvent
    said: Mapping[str, InvoiceContent]
    key: str = ""
    on_filed: OnFiled | None = None


def read_event(brought: Brought) -> Coming:
    """An event that all who answer for it may send. Raises Unreadable, NotAllowed."""
    envelope, asked = codec.parse_event(brought.document)
    wrong = rights.objection(brought.actors, rights.OF_EVENT[envelope.type], asked.company)
    if wrong:
        raise NotAllowed(wrong)
    _must_not_be_ours(envelope.source, brought.actors)
    content = {name: value for name, value in brought.document.items() if name not in codec.TRACING}
    body_hash = inbox.fingerprint(json.dumps(content, sort_keys=True, default=str).encode())
    said = contents_of(asked.invoices) if isinstance(asked, InvoiceExportRequested) else {}
    key = next((one.id for one in brought.actors if isinstance(one, HostKey)), "")
    seen = FiledEvent(asked.company, envelope.source, envelope.id, body_hash)
    return Coming(envelope, asked, seen, said, key, brought.on_filed)


def _must_not_be_ours(source: str, actors: Sequence[Actor]) -> None:
    """A host that could use the names of our own events would be answered for them. Raises Unreadable."""
    hosts = [one for one in actors if isinstance(one, HostKey | StreamHost)]
    ours = all(isinstance(one, HostKey) and one.id == rights.COMMANDS_KEY for one in hosts)
    if source.startswith(rights.OUR_SOURCES) and not ours:
        raise Unreadable(f"source: “{rights.OUR_SOURCES}…” is for our own events; name your own application")


def contents_of(
    invoices: Sequence[Invoice | UnreadableInvoice], before: Mapping[str, InvoiceContent] | None = None
) -> Mapping[str, InvoiceContent]:
    """What each readable invoice says, by id; what was said `before` any lock was taken is not worked out again."""
    known = before or {}
    readable = [one for one in merge_rules.each_once(invoices) if isinstance(one, Invoice)]
    return {one.id: known[one.id] if _is_same(known.get(one.id), one) else _content_of(one) for one in readable}


def _is_same(said: InvoiceContent | None, invoice: Invoice) -> bool:
    return said is not None and said.invoice is invoice


def _content_of(invoice: Invoice) -> InvoiceContent:
    text = invoice.kept()
    return InvoiceContent(invoice, text, invoice.content_hash(), merge_rules.problem_with(invoice))
