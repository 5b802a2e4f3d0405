"""Proof of match: what Xero keeps, compared with what was sent and what the host meant; pure.

How an invoice in Xero differs from what the export left there; pure.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.accounting_target import Posted
from events.changes import Difference, DriftFound, Kind, Picture, carried
from events.invoice import Cleaned, Document, Invoice, folded
from events.money import ZERO

_SUMS = ("subtotal", "tax", "total")
_NO_TOTALS = "CrewCard's own totals: it sent none"
_NO_LINES = "the lines: Xero's answer has none"


@dataclass(frozen=True)
class Proof:
    """What was compared, by the names of the fields, and what could not be, each with the reason.

    `warnings` are Xero's words about what it saved all the same, `cleaned` what was taken out of the host's texts.
    """

    compared: tuple[str, ...]
    not_compared: tuple[str, ...] = ()
    differing: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()
    cleaned: tuple[Cleaned, ...] = ()

    @property
    def differences(self) -> tuple[str, ...]:
        """Each difference and each warning as a sentence; empty means that everything compared is the same."""
        warned = [f"Xero warned: {one}" for one in self.warnings]
        return (*(one.sentence for one in self.differing), *warned)


@dataclass(frozen=True)
class Host:
    """What the host says: its snapshot, as far as that is kept, and the contact its client is linked to now."""

    contact: str
    invoice: Invoice | None = None

    @property
    def cleaned(self) -> tuple[Cleaned, ...]:
        """What was taken out of the snapshot's texts."""
        return self.invoice.cleaned if self.invoice else ()


@dataclass(frozen=True)
class Sum:
    """One of an invoice's sums: as the host says it, or as its lines come to (`stated` false), and as Xero has it."""

    name: str
    host: Decimal
    xero: Decimal
    stated: bool

    @property
    def called(self) -> str:
        """What was compared."""
        return f"CrewCard's own {self.name}" if self.stated else "sum of CrewCard's lines"


def of_sent(sent: Picture, kept: Picture, differing: Sequence[Difference], posted: Posted, host: Host) -> Proof:
    """Of an invoice whose sent content is known; `differing` is how the two pictures differ."""
    compared, absent = _shared(sent, kept)
    sums, missing = _sums(host, posted)
    repointed = _contact(host.contact, posted) if not any(one.field == "contact" for one in differing) else ()
    if host.invoice and host.invoice.sent_to_contact is not None and sent.said("sent_to_contact") is None:
        missing.append("sent to contact: Xero takes it of approved invoices only, and it was left out")
    return Proof(
        compared=(*compared, *(one.called for one in sums)),
        not_compared=(*absent, *missing),
        differing=(*repointed, *differing, *_of_sums(sums)),
        warnings=posted.warnings,
        cleaned=host.cleaned,
    )


def of_host(host: Host, posted: Posted, why: str) -> Proof:
    """Of an invoice by what the host says of it, because what was sent is not at hand, for this reason."""
    said = [one for one in _by_host(host, posted) if one[1] and one[2]]
    sums, missing = _sums(host, posted)
    different = [Difference(field=name, sent=ours, kept=theirs) for name, ours, theirs in said if ours != theirs]
    clash = _contact(host.contact, posted)
    with_contact = ("contact",) if host.contact and posted.contact_id else ()
    return Proof(
        compared=(*with_contact, *(name for name, _, _ in said), *(one.called for one in sums)),
        not_compared=(why, *missing),
        differing=(*clash, *different, *_of_sums(sums)),
        warnings=posted.warnings,
        cleaned=host.cleaned,
    )


def _shared(sent: Picture, kept: Picture) -> tuple[list[str], list[str]]:
    """Names of what is said on both sides, and of what was sent and the answer does not carry."""
    compared, absent, of_lines, lost = carried(sent, kept)
    unseen = [f"{name}: Xero's answer does not carry it" for name in absent]
    if sent.lines and not kept.lines:
        return compared, [*unseen, _NO_LINES]
    unseen += [f"{name} of lines: Xero's answer does not carry it" for name in lost]
    return [*compared, "number of lines", *(f"{name} of lines" for name in of_lines)], unseen


def _contact(linked: str, posted: Posted) -> tuple[Difference, ...]:
    """The contact the client is linked to now, against the one Xero has."""
    if not linked or not posted.contact_id or posted.contact_id == linked:
        return ()
    return (Difference(field="contact", sent=linked, kept=posted.contact_name),)


def _by_host(host: Host, posted: Posted) -> Iterator[tuple[str, str, str]]:
    invoice = host.invoice
    if invoice is None:
        return
    same = folded(posted.number) == folded(invoice.number)
    yield "number", invoice.number, invoice.number if same else posted.number
    yield "currency", invoice.currency, posted.currency
    yield "date", invoice.date.isoformat(), posted.date


def _of_sums(sums: Sequence[Sum]) -> tuple[Difference, ...]:
    differing = (one for one in sums if one.host != one.xero)
    return tuple(Difference(field=one.name, sent=f"{one.host:.2f}", kept=f"{one.xero:.2f}") for one in differing)


def _sums(host: Host, posted: Posted) -> tuple[list[Sum], list[str]]:
    """The host's own sums beside Xero's, and what it did not say."""
    invoice = host.invoice
    if invoice is None:
        return [], ["CrewCard's own totals: what it said is not kept any more"]
    stated = {name: getattr(invoice.totals, name) for name in _SUMS} if invoice.totals else dict.fromkeys(_SUMS)
    unsaid = [name for name in _SUMS if stated[name] is None]
    missing = [_NO_TOTALS] if len(unsaid) == len(_SUMS) else [f"{name}: CrewCard sent none" for name in unsaid]
    by_lines = invoice.net
    meant = dict(stated)
    if meant["subtotal"] is None and invoice.amounts_are != "inclusive":
        meant["subtotal"] = by_lines
    if meant["total"] is None and invoice.amounts_are != "exclusive":
        meant["total"] = by_lines
    theirs = {"subtotal": posted.subtotal, "tax": posted.tax, "total": posted.total}
    told = [Sum(name, one, theirs[name], stated[name] is not None) for name, one in meant.items() if one is not None]
    return told, missing


_LINES_EDITED = "lines, wording or accounts changed in Xero; the sums are as exported"


@dataclass(frozen=True)
class Belief:
    """What we believe Xero has. `totals` are amounts by name; the date only where the content is known.

    `updated` is when Xero last changed it as far as we know, `copy` the fingerprint of all it said then. `used` of a
    credit note we allocated ourselves.
    """

    number: str
    totals: Mapping[str, str]
    date: str | None = None
    updated: str | None = None
    copy: str | None = None
    document: Document = "invoice"
    used: Decimal = ZERO


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
    paid = payment(posted, belief.document) if posted.paid != belief.used or not belief.used else ()
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


def kept_drift(before: DriftFound | None, found: Sequence[Finding], *, compared: bool) -> DriftFound | None:
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


def payment(posted: Posted, document: Document = "invoice") -> tuple[str, ...]:
    """What is paid of it; nothing where nothing is: an invoice of 0.00 is marked paid by Xero itself."""
    if posted.status != "PAID" and not posted.paid:
        return ()
    if not posted.paid and not posted.total:
        return ()
    whole = posted.status == "PAID" or posted.paid >= posted.total
    used = "paid" if document == "invoice" else "used"
    return (f"{used} in Xero" if whole else f"{posted.paid:.2f} of {posted.total:.2f} {used} in Xero",)
