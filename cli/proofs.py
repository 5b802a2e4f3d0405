"""Proof of match as people read it: what was compared and what was not, what differs, what an update changed."""

import json
from typing import Any

from store.tables import LogEntry

_LISTS = ("differences", "changes")


def outcome_word(entry: LogEntry) -> str:
    """The word behind the outcome."""
    if entry.verified is None:
        return ""
    return ", verified" if entry.verified else ", differs"


def detail_lines(entry: LogEntry) -> list[str]:
    """Each difference and each change, a line each."""
    found = document(entry)
    return [*(f"differs: {one}" for one in found["differences"]), *(f"changed: {one}" for one in found["changes"])]


def whole(entry: LogEntry) -> list[str]:
    """The same, then what was compared when and what could not be, and what was taken out of texts."""
    proof = document(entry)["proof"]
    compared, left = ", ".join(proof.get("compared", ())), "; ".join(proof.get("not_compared", ()))
    when = f" at {proof['compared_at'][:19].replace('T', ' ')}" if proof.get("compared_at") else ""
    lines = [f"compared{when}: {compared}"] if compared else []
    cleaned = [f"cleaned before it was sent: {one['said']}" for one in proof.get("cleaned", ())]
    return [*detail_lines(entry), *lines, *([f"not compared: {left}"] if left else []), *cleaned]


def line_document(entry: LogEntry) -> dict[str, Any]:
    """A line of the log, for machines."""
    return {**entry.model_dump(), **document(entry)}


def document(entry: LogEntry) -> dict[str, Any]:
    """Differences and changes as lists, the proof as an object."""
    lists = {name: json.loads(getattr(entry, name) or "[]") for name in _LISTS}
    return {**lists, "proof": json.loads(entry.proof or "{}")}
