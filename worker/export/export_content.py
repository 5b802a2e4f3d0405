"""What an export says: its newest content, and the content that one attempt carried; pure."""

from events.invoice import Invoice
from store.batches import Carried
from store.tables import Attempt, Export


def newest(export: Export) -> Invoice:
    """The newest content asked for."""
    return Invoice.of_kept(export.wanted)


def of_attempt(export: Export, attempt: Attempt | Carried) -> Invoice | None:
    """The content this attempt carried; None when two newer ones have come since."""
    if attempt.content_hash == export.wanted_hash:
        return newest(export)
    kept = Invoice.of_kept(export.in_flight) if export.in_flight else None
    return kept if kept and kept.content_hash() == attempt.content_hash else None
