"""Which of the due exports travel together in one call; pure (exactly-once §g)."""

import math
from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from events.accounting_target import CallSizes
from events.invoice import Document

CRASHES_BEFORE_ALONE = 2
CRASHES_BEFORE_QUARANTINE = 8
Kind = Literal["create", "update", "anew"]


class Candidate(Protocol):
    """A due export, as far as batching cares; `size` is that of its content, in characters."""

    crashes: int
    alone: bool
    size: int
    xero_invoice_id: str | None
    raise_anew: bool
    batch_limit: int
    document: Document


class Tried(Protocol):
    """An export whose call failed: how often it was sent, and with how many others it may be."""

    attempts: int
    alone: bool
    batch_limit: int


C = TypeVar("C", bound=Candidate)


def choose(candidates: Sequence[C], sizes: CallSizes) -> list[C]:
    """The next batch from due exports in their order: a suspicious one alone, else what one call takes."""
    if not candidates:
        return []
    if suspicious(candidates[0]):
        return [candidates[0]]
    chosen: list[C] = []
    size = 0
    for candidate in candidates[: _limit(candidates[0], sizes)]:
        size += candidate.size * 2  # a system's words for a snapshot are never twice as long
        too_large = bool(chosen) and size > sizes.bytes
        if suspicious(candidate) or too_large or _sort(candidate) != _sort(candidates[0]):
            break
        chosen.append(candidate)
    return chosen


def choose_some(candidates: Sequence[C], most: int, sizes: CallSizes) -> list[list[C]]:
    """The next batches, at most so many; several only of new invoices with which nothing was ever wrong.

    What has stopped the exporter before must not take others along, and updates are looked at first.
    """
    chosen: list[list[C]] = []
    rest = list(candidates)
    while rest and len(chosen) < most:
        batch = choose(rest, sizes)
        sound = not any(one.crashes or one.alone or one.batch_limit or kind(one) != "create" for one in batch)
        if chosen and not (sound and batch[0].document == chosen[0][0].document):
            break
        chosen.append(batch)
        rest = rest[len(batch) :] if sound else []
    return chosen


def limit_after(absent: Sequence[Tried], *, answered: bool, troubled: bool) -> int:
    """How many invoices of a failed call that Xero does not have may travel together next; 0: any number.

    One of them may be why it failed: they go in about as many batches as there are invoices in each, and those of the
    batch that fails again each alone. So all but that one are through in the second round. It is Xero's own trouble
    when other calls fail too, or when a first call got no answer at all: then they go as they went.
    """
    if troubled:
        return max((one.batch_limit for one in absent), default=0)
    if any(one.batch_limit or one.alone for one in absent) or len(absent) == 1:
        return 1
    if not (answered or any(one.attempts > 1 for one in absent)):
        return 0
    return math.isqrt(len(absent))


def kind(candidate: Candidate) -> Kind:
    """What is done with the invoice: each kind travels in batches of its own."""
    if candidate.raise_anew:
        return "anew"
    return "update" if candidate.xero_invoice_id is not None else "create"


def _limit(candidate: Candidate, sizes: CallSizes) -> int:
    return min(candidate.batch_limit or sizes.invoices, sizes.invoices)


def _sort(candidate: Candidate) -> tuple[Document, Kind, bool, int]:
    """What invoices of one batch have in common: among suspects, how many may travel together."""
    return candidate.document, kind(candidate), candidate.xero_invoice_id is not None, candidate.batch_limit


def suspicious(candidate: Candidate) -> bool:
    """Whether this one may be what stops the exporter, and so travels alone."""
    return candidate.alone or candidate.crashes >= CRASHES_BEFORE_ALONE


def quarantined(candidate: Candidate) -> bool:
    """Whether this one has stopped the exporter too often to be tried again."""
    return candidate.crashes >= CRASHES_BEFORE_QUARANTINE
