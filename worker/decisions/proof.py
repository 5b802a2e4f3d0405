"""Proof of match: what Xero keeps, compared with what was sent and what the host meant; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from events.accounting_target import Posted
from events.changes import Difference, Picture, carried, named
from events.cleaning import Cleaned
from events.invoice import Invoice, folded
from worker.decisions.checks import net_of_lines

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
    unseen = [f"{named(name)}: Xero's answer does not carry it" for name in absent]
    if sent.lines and not kept.lines:
        return [named(name) for name in compared], [*unseen, _NO_LINES]
    unseen += [f"{named(name)} of lines: Xero's answer does not carry it" for name in lost]
    told = [f"{named(name)} of lines" for name in of_lines]
    return [*(named(name) for name in compared), "number of lines", *told], unseen


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
    by_lines = net_of_lines(invoice)
    meant = dict(stated)
    if meant["subtotal"] is None and invoice.amounts_are != "inclusive":
        meant["subtotal"] = by_lines
    if meant["total"] is None and invoice.amounts_are != "exclusive":
        meant["total"] = by_lines
    theirs = {"subtotal": posted.subtotal, "tax": posted.tax, "total": posted.total}
    told = [Sum(name, one, theirs[name], stated[name] is not None) for name, one in meant.items() if one is not None]
    return told, missing
