"""The daily check of the audit, so that its head is known outside the database."""

from datetime import datetime
from typing import ClassVar

from events.snapshot import Event


class AuditChecked(Event):
    """Out: once a day every line of the console's audit was read and compared with its chain of hashes.

    About the installation, not a company: only keys and endpoints for all companies get it. `head` is the newest
    line's number and hash, to be kept outside: `crewcard-xero audit verify --head HEAD` compares it later.
    `problems` are sentences about lines that were changed, taken out, put in or moved.
    """

    TYPE: ClassVar[str] = "audit.checked"

    head: str
    lines: int
    intact: bool
    problems: tuple[str, ...] = ()
    checked_at: datetime
