"""Which of the due exports travel together in one call; pure (DESIGN §3 (g), xero/facts.md §2.2)."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

MOST_INVOICES = 50
MOST_BYTES = 3_400_000
CRASHES_BEFORE_ALONE = 2
CRASHES_BEFORE_QUARANTINE = 5


class Candidate(Protocol):
    """A due export, as far as batching cares; `size` is that of its content, in characters."""

    crashes: int
    alone: bool
    size: int
    xero_invoice_id: str | None


C = TypeVar("C", bound=Candidate)


def choose(candidates: Sequence[C]) -> list[C]:
    """The next batch from due exports in their order: a suspicious one alone, else up to 50 under 3.4 MB."""
    if not candidates:
        return []
    if suspicious(candidates[0]):
        return [candidates[0]]
    chosen: list[C] = []
    size = 0
    for candidate in candidates[:MOST_INVOICES]:
        size += candidate.size * 2  # Xero's words for a snapshot are never twice as long
        too_large = bool(chosen) and size > MOST_BYTES
        if suspicious(candidate) or too_large or is_update(candidate) != is_update(candidates[0]):
            break
        chosen.append(candidate)
    return chosen


def choose_some(candidates: Sequence[C], most: int) -> list[list[C]]:
    """The next batches, at most so many; several only of new invoices with which nothing was ever wrong.

    What has stopped the exporter before must not take others along, and updates are looked at first.
    """
    chosen: list[list[C]] = []
    rest = list(candidates)
    while rest and len(chosen) < most:
        batch = choose(rest)
        sound = not any(one.crashes or one.alone or is_update(one) for one in batch)
        if chosen and not sound:
            break
        chosen.append(batch)
        rest = rest[len(batch) :] if sound else []
    return chosen


def is_update(candidate: Candidate) -> bool:
    """Whether Xero has the invoice: updates travel in batches of their own."""
    return candidate.xero_invoice_id is not None


def suspicious(candidate: Candidate) -> bool:
    """Whether this one may be what stops the exporter, and so travels alone."""
    return candidate.alone or candidate.crashes >= CRASHES_BEFORE_ALONE


def quarantined(candidate: Candidate) -> bool:
    """Whether this one has stopped the exporter too often to be tried again."""
    return candidate.crashes >= CRASHES_BEFORE_QUARANTINE
