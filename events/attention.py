"""What needs a person, said once and then quietly: what repeats is told again after an hour."""

from datetime import datetime
from typing import ClassVar

from events.snapshot import Event, Id


class XeroExportAttentionNeeded(Event):
    """Out: something holds exports back until a person acts.

    `cause` is what has to be mended, `about` that thing in words; `invoices` is how many came since it was told
    last, `repeated` is true when it was told before. `since` is when it was first seen.
    """

    TYPE: ClassVar[str] = "xero.export.attention_needed"

    company: Id
    cause: str
    reason: str
    about: str | None = None
    invoices: int
    repeated: bool
    title: str
    message: str
    who: str
    how: str
    link: str | None = None
    since: datetime
