"""What a request does to an invoice's export: start it, join it, wait behind it, or nothing; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from events.drift import GONE, DriftFound
from events.export import UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason

LIVE = frozenset({"pending", "exporting", "uncertain"})
Move = Literal["start", "join", "replace", "wait", "unchanged"]


class ExportRow(Protocol):
    """What is kept of an invoice's export and tells how it stands."""

    state: str
    wanted_revision: int
    wanted_hash: str
    sent_revision: int
    sent_hash: str
    excluded: bool
    xero_invoice_id: str | None
    sent_contact: str
    found: str | None


@dataclass(frozen=True)
class ExportStanding:
    """How an invoice's export stands: its state, the newest content asked for, the content Xero has.

    `repointed` when its client is linked to another contact than it was sent to; `gone` is the kind of drift after
    which Xero has no living invoice of it any more.
    """

    state: str
    wanted_revision: int
    wanted_hash: str
    sent_revision: int
    sent_hash: str
    excluded: bool = False
    in_xero: bool = False
    repointed: bool = False
    gone: str = ""

    @classmethod
    def from_row(cls, row: ExportRow, *, excluded: bool = False, contact: str | None = None) -> "ExportStanding":
        """How the export of this row stands; `excluded` when the invoice is marked beside it.

        `contact` is the one that its client is linked to now, where that was looked up.
        """
        return cls(
            row.state,
            row.wanted_revision,
            row.wanted_hash,
            row.sent_revision,
            row.sent_hash,
            excluded=row.excluded or excluded,
            in_xero=row.xero_invoice_id is not None,
            repointed=bool(contact and row.sent_contact and contact != row.sent_contact),
            gone=found.kind if (found := DriftFound.kept(row.found)) and found.kind in GONE else "",
        )


def decide(standing: ExportStanding, revision: int, content_hash: str, *, looks: bool = False) -> Move | Failure:
    """The move for a request with this content, or why it fails at once (exactly-once §a).

    Where Xero has this content already, `looks` asks it once more: a person clicked, and is told what is there now.
    Else what is known answers. What a client's new contact or an earlier failure leaves open is asked for anyway.
    """
    if standing.excluded:
        return Failure(Reason.EXCLUDED)
    if standing.state in LIVE:
        if content_hash == standing.wanted_hash or revision < standing.wanted_revision:
            return "join"
        return "replace" if standing.state == "pending" else "wait"
    if not standing.in_xero:
        return "start"
    older = revision < standing.sent_revision and content_hash != standing.sent_hash
    asks = content_hash != standing.sent_hash or looks or standing.repointed or standing.state == "failed"
    if asks and not older:
        return "start"
    return gone(standing.gone) if standing.gone else "unchanged"


def gone(kind: str) -> Failure:
    """Why nothing can be sent to an invoice of which Xero has only the remains, or nothing."""
    return Failure(Reason.GONE_FROM_XERO) if kind == "gone" else Failure(Reason.INVOICE_FINALISED, {"status": kind})


def answers(item_revision: int, item_hash: str, sent_revision: int, sent_hash: str) -> bool:
    """Whether the result of the content that was sent answers a request for this content."""
    return item_hash == sent_hash or item_revision < sent_revision


def each_once(invoices: Sequence[Invoice | UnreadableInvoice]) -> list[Invoice | UnreadableInvoice]:
    """Each invoice once: named twice in an event, its newest revision counts."""
    newest: dict[str, Invoice | UnreadableInvoice] = {}
    for invoice in invoices:
        known = newest.get(invoice.id)
        if known is None or revision(invoice) >= revision(known):
            newest[invoice.id] = invoice
    return list(newest.values())


def revision(invoice: Invoice | UnreadableInvoice) -> int:
    """The invoice's revision; 0 for one that cannot be read."""
    return invoice.revision if isinstance(invoice, Invoice) else 0
