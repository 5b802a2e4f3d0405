"""What was found different in the accounting system after an export."""

from datetime import datetime
from typing import ClassVar, Literal

from events.snapshot import Event, HostId, Id, Snapshot

Kind = Literal["voided", "deleted", "edited", "paid"]
Drifted = Literal["voided", "deleted", "gone", "edited", "paid"]
GONE = frozenset({"voided", "deleted", "gone"})  # of such an invoice nothing is left in Xero that could be changed


class DriftFound(Snapshot):
    """How an invoice in the accounting system is known to differ from what the export left there.

    `number` is the one it has there.
    """

    kind: Drifted
    differences: tuple[str, ...] = ()
    number: str | None = None

    @classmethod
    def kept(cls, text: str | None) -> "DriftFound | None":
        """As an export row keeps it; None where nothing is known to differ."""
        return cls.model_validate_json(text) if text else None


class InvoiceExportDriftFound(Event):
    """Out: an exported invoice is not in Xero as the export left it. Nothing was changed on either side."""

    TYPE: ClassVar[str] = "invoice.export.drift_found"

    company: Id
    invoice: HostId
    number: str
    xero_invoice_id: str
    kind: Kind
    differences: tuple[str, ...]
    deep_link: str
    found_at: datetime
