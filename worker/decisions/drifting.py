"""How an invoice in Xero differs from what the export left there; pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.accounting_target import Posted
from events.drift import DriftFound, Kind

_SUMS = ("subtotal", "tax", "total")
_LINES_EDITED = "lines, wording or accounts changed in Xero; the sums are as exported"


@dataclass(frozen=True)
class Belief:
    """What we believe Xero has. `totals` are amounts by name; the date only where the content is known.

    `updated` is when Xero last changed it as far as we know, `copy` the fingerprint of all it said then.
    """

    number: str
    totals: Mapping[str, str]
    date: str | None = None
    updated: str | None = None
    copy: str | None = None


@dataclass(frozen=True)
class Finding:
    """One drift: its kind, and each difference as a short sentence; `copy` tells two edits with equal words apart."""

    kind: Kind
    differences: tuple[str, ...]
    copy: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for the same finding, so that it is told once."""
        said = (self.kind, *self.differences, *([self.copy] if self.copy else []))
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def findings(belief: Belief, posted: Posted) -> list[Finding]:
    """What became of the invoice: gone, or edited, or paid, or both of these; empty when nothing did.

    Edits of lines that leave every sum as it was need `closer`: a light list has no lines (facts §4.1).
    """
    if posted.status == "DELETED":
        return [Finding("deleted", ("deleted in Xero",))]
    if posted.status == "VOIDED":
        return [Finding("voided", ("voided in Xero",))]
    found = []
    edited = tuple(_edits(belief, posted))
    if edited:
        found.append(Finding("edited", edited))
    paid = payment(posted)
    return [*found, Finding("paid", paid)] if paid else found


def is_suspect(belief: Belief, posted: Posted) -> bool:
    """Whether Xero changed it since our last word, and a light row does not say what."""
    touched = bool(belief.copy and belief.updated and posted.updated)
    return touched and posted.updated != datetime.fromisoformat(belief.updated or "") and not findings(belief, posted)


def closer(belief: Belief, copy: str, edits: Sequence[str] = ()) -> list[Finding]:
    """What Xero's whole copy adds: its fingerprint, and what was sent that Xero may else set by itself (`edits`)."""
    if copy != belief.copy:
        return [Finding("edited", (_LINES_EDITED, *edits), copy)]
    return [Finding("edited", tuple(edits))] if edits else []


def kept(before: DriftFound | None, found: Sequence[Finding], *, compared: bool) -> DriftFound | None:
    """The edit that was known before and that this look does not disprove; None where it says what there is now.

    A light row shows neither lines nor all fields: only a copy `compared` whole shows that an edit was taken back.
    """
    if before is None or before.kind != "edited" or compared or any(one.kind != "paid" for one in found):
        return None
    paid = tuple(text for one in found for text in one.differences)
    return before.model_copy(update={"differences": tuple(dict.fromkeys((*before.differences, *paid)))})


def _edits(belief: Belief, posted: Posted) -> list[str]:
    told = []
    if posted.number != belief.number:
        told.append(f"number {posted.number} in Xero, {belief.number} when exported")
    if belief.date and posted.date and posted.date != belief.date:
        told.append(f"dated {posted.date} in Xero, {belief.date} when exported")
    currency = belief.totals.get("currency")
    if currency and posted.currency and posted.currency != currency:
        told.append(f"currency {posted.currency} in Xero, {currency} when exported")
    for name in _SUMS:
        ours, theirs = belief.totals.get(name), getattr(posted, name)
        if ours is not None and Decimal(ours) != theirs:
            told.append(f"{name} {theirs:.2f} in Xero, {Decimal(ours):.2f} when exported")
    return told


def payment(posted: Posted) -> tuple[str, ...]:
    """What is paid of it; nothing where nothing is: an invoice of 0.00 is marked paid by Xero itself."""
    if posted.status != "PAID" and not posted.paid:
        return ()
    if not posted.paid and not posted.total:
        return ()
    whole = posted.status == "PAID" or posted.paid >= posted.total
    return ("paid in Xero" if whole else f"{posted.paid:.2f} of {posted.total:.2f} paid in Xero",)
