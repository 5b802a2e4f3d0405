"""That somebody read an invoice or a body is in the audit: once an hour for each person and thing."""

from collections.abc import Mapping
from typing import Any

from store import audit
from worker.tools import Tools

AGAIN_SECONDS = 3600.0


def note(tools: Tools, who: str, what: str, company: str, chosen: Mapping[str, Any]) -> None:
    """Note it, unless it was noted within the hour: a page that is open asks for itself again and again."""
    with tools.store.read() as work:
        if audit.was_noted(work, who, what, company, chosen, AGAIN_SECONDS):
            return
    with tools.store.write() as work:
        audit.note(work, who, what, company, chosen, 0, "")
