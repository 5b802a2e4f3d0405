"""Proof of match as people read it: verified, or the differences; and what an update changed."""

import json
from typing import Any

from store.tables import LogEntry


def of(entry: LogEntry) -> str:
    """The word behind the outcome."""
    if entry.verified is None:
        return ""
    return ", verified" if entry.verified else ", differs"


def told(entry: LogEntry) -> list[str]:
    """Each difference and each change, a line each."""
    found = document(entry)
    return [*(f"differs: {one}" for one in found["differences"]), *(f"changed: {one}" for one in found["changes"])]


def document(entry: LogEntry) -> dict[str, list[Any]]:
    """Differences and changes as lists."""
    return {name: json.loads(getattr(entry, name) or "[]") for name in ("differences", "changes")}
