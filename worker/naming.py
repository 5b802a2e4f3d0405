"""The invoices an event names; pure."""

from collections.abc import Sequence

from events.export import UnreadableInvoice
from events.invoice import Invoice


def each_once(invoices: Sequence[Invoice | UnreadableInvoice]) -> list[Invoice | UnreadableInvoice]:
    """Each invoice once: named twice in an event, its newest revision counts."""
    newest: dict[str, Invoice | UnreadableInvoice] = {}
    for invoice in invoices:
        known = newest.get(invoice.id)
        if known is None or revision_of(invoice) >= revision_of(known):
            newest[invoice.id] = invoice
    return list(newest.values())


def revision_of(invoice: Invoice | UnreadableInvoice) -> int:
    """The invoice's revision; 0 for one that cannot be read."""
    return invoice.revision if isinstance(invoice, Invoice) else 0
