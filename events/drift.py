"""What was found different in the accounting system after an export."""

from datetime import datetime
from typing import ClassVar, Literal

from events.snapshot import Event, HostId, Id

Kind = Literal["voided", "deleted", "edited", "paid"]


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
