"""What a request does to an invoice's export: start it, join it, wait behind it, or nothing; pure.

An invoice's number in Xero: the company's prefix before it, never changed once it was sent; or the one that it was
raised anew under; pure.

Which events can be filed together: those that touch nothing in common; pure.

What a door answers to an event it accepted.

When a company has too much waiting to take more; pure. A person's single send is let in a little longer.

What can be said of an invoice without asking anybody; pure.

Which document an invoice becomes, and that one which may be in Xero stays what it is; pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from events.changes import GONE, DriftFound
from events.export import UnreadableInvoice
from events.failures import Failure, fixed_as
from events.invoice import Document, Invoice, folded
from events.money import CENT, ZERO, gross_amount, rounded
from events.reasons import Reason
from events.settings import CompanySettings
from events.snapshot import LARGEST
from events.unreadable import FieldProblem

LIVE = frozenset({"pending", "exporting", "uncertain"})
Move = Literal["start", "join", "replace", "wait", "unchanged"]


class ExportRow(Protocol):
    """What is kept of an invoice's export and tells how it stands."""

    state: str
    wanted_revision: int
    wanted_hash: str
    sent_revision: int
    sent_hash: str
    excluded: bool
    xero_invoice_id: str | None
    sent_contact: str
    found: str | None


@dataclass(frozen=True)
class ExportStanding:
    """How an invoice's export stands: its state, the newest content asked for, the content Xero has.

    `repointed` when its client is linked to another contact than it was sent to; `gone` is the kind of drift after
    which Xero has no living invoice of it any more.
    """

    state: str
    wanted_revision: int
    wanted_hash: str
    sent_revision: int
    sent_hash: str
    excluded: bool = False
    in_xero: bool = False
    repointed: bool = False
    gone: str = ""

    @classmethod
    def from_row(cls, row: ExportRow, *, excluded: bool = False, contact: str | None = None) -> "ExportStanding":
        """How the export of this row stands; `excluded` when the invoice is marked beside it.

        `contact` is the one that its client is linked to now, where that was looked up.
        """
        return cls(
            row.state,
            row.wanted_revision,
            row.wanted_hash,
            row.sent_revision,
            row.sent_hash,
            excluded=row.excluded or excluded,
            in_xero=row.xero_invoice_id is not None,
            repointed=bool(contact and row.sent_contact and contact != row.sent_contact),
            gone=found.kind if (found := DriftFound.kept(row.found)) and found.kind in GONE else "",
        )


def decide(standing: ExportStanding, revision: int, content_hash: str, *, looks: bool = False) -> Move | Failure:
    """The move for a request with this content, or why it fails at once (exactly-once §a).

    Where Xero has this content already, `looks` asks it once more: a person clicked, and is told what is there now.
    Else what is known answers. What a client's new contact or an earlier failure leaves open is asked for anyway.
    """
    if standing.excluded:
        return Failure(Reason.EXCLUDED)
    if standing.state in LIVE:
        if content_hash == standing.wanted_hash or revision < standing.wanted_revision:
            return "join"
        return "replace" if standing.state == "pending" else "wait"
    if not standing.in_xero:
        return "start"
    older = revision < standing.sent_revision and content_hash != standing.sent_hash
    asks = content_hash != standing.sent_hash or looks or standing.repointed or standing.state == "failed"
    if asks and not older:
        return "start"
    return gone(standing.gone) if standing.gone else "unchanged"


def gone(kind: str) -> Failure:
    """Why nothing can be sent to an invoice of which Xero has only the remains, or nothing."""
    return Failure(Reason.GONE_FROM_XERO) if kind == "gone" else Failure(Reason.INVOICE_FINALISED, {"status": kind})


def answers(item_revision: int, item_hash: str, sent_revision: int, sent_hash: str) -> bool:
    """Whether the result of the content that was sent answers a request for this content."""
    return item_hash == sent_hash or item_revision < sent_revision


def each_once(invoices: Sequence[Invoice | UnreadableInvoice]) -> list[Invoice | UnreadableInvoice]:
    """Each invoice once: named twice in an event, its newest revision counts."""
    newest: dict[str, Invoice | UnreadableInvoice] = {}
    for invoice in invoices:
        known = newest.get(invoice.id)
        if known is None or revision(invoice) >= revision(known):
            newest[invoice.id] = invoice
    return list(newest.values())


def revision(invoice: Invoice | UnreadableInvoice) -> int:
    """The invoice's revision; 0 for one that cannot be read."""
    return invoice.revision if isinstance(invoice, Invoice) else 0


_LONGEST = 255  # characters of a number in Xero (facts §3.2)
_SHOWN = 40  # characters of such a number that a sentence repeats
Asked = Invoice | UnreadableInvoice


class NumberedRow(Protocol):
    """What is kept of an invoice's export and matters for its number."""

    number_prefix: str
    attempts: int
    number_bound: bool
    xero_invoice_id: str | None
    state: str
    raised_from: str
    raised_as: str


def numbered(
    asked: Sequence[Asked], rows: Mapping[str, NumberedRow], settings: CompanySettings, *, again: bool
) -> tuple[list[Asked], dict[str, str]]:
    """The invoices under the numbers they have in Xero, and the prefix that each got, by id.

    `again` invoices are repeated as they were kept, with the prefix of that time still before their number.
    """
    told: list[Asked] = []
    given: dict[str, str] = {}
    for invoice in asked:
        if isinstance(invoice, UnreadableInvoice):
            told.append(invoice)
            continue
        row = rows.get(invoice.id)
        number = invoice.number.removeprefix(row.number_prefix) if again and row else invoice.number
        given[invoice.id] = _prefix(row, settings.prefix_of(invoice), number)
        whole = given[invoice.id] + number
        raised = row is not None and bool(row.raised_as) and folded(whole) == folded(row.raised_from)
        told.append(_under(invoice, row.raised_as if row and raised else whole))
    return told, given


def _prefix(row: NumberedRow | None, prefix: str, number: str) -> str:
    """What goes before the number: for one that an attempt carried what it had then, else the company's prefix."""
    if row and _was_sent(row):
        return row.number_prefix
    return "" if number.upper().startswith(prefix.upper()) else prefix


def _was_sent(row: NumberedRow) -> bool:
    return bool(row.attempts or row.number_bound or row.xero_invoice_id or row.state in ("exporting", "uncertain"))


def _under(invoice: Invoice, number: str) -> Asked:
    if number == invoice.number:
        return invoice
    if len(number) > _LONGEST:
        said = f"is longer than {_LONGEST} characters with the company's prefix"
        problem = FieldProblem(field="number", said=said, wrong="length")
        return UnreadableInvoice(id=invoice.id, number=f"{number[:_SHOWN]}…", problems=(problem,))
    return invoice.model_copy(update={"number": number})


Touched = tuple[str, ...]
MOST_INVOICES = 500  # as many as one event may have: a database with one writer is not held for longer


@dataclass(frozen=True)
class Load:
    """What filing an event takes: the things it touches, and its invoices; None for an event that goes alone."""

    touches: frozenset[Touched]
    invoices: int | None


ALONE = Load(frozenset(), None)


def load_of_request(event: tuple[str, str], company: str, request: str, invoices: Collection[str]) -> Load:
    """The load of a request: nobody else touches its event (of company, source, id), itself or its invoices then."""
    mine = {("invoice", company, invoice) for invoice in invoices}
    return Load(frozenset({("event", company, *event), ("request", company, request), *mine}), len(invoices))


def rounds(loads: Sequence[Load], most: int = MOST_INVOICES) -> Iterator[Sequence[int]]:
    """The places of the events, in order, by round: filed round by round they end as if filed one by one."""
    some: list[int] = []
    touched: set[Touched] = set()
    room = most
    for place, load in enumerate(loads):
        if some and (load.invoices is None or load.invoices > room or touched & load.touches):
            yield some
            some, touched, room = [], set(), most
        some.append(place)
        touched |= load.touches
        room -= most if load.invoices is None else load.invoices
    if some:
        yield some


@dataclass(frozen=True)
class Receipt:
    """Whose request it is, how many invoices it moved, and whether we had the event before.

    For an order, `left_out` counts the invoices it named and did not move, by why. `connection` says whom the
    company's exports wait for; None while nothing does.
    """

    event: str
    company: str
    request: str
    invoices: int
    repeated: bool = False
    left_out: Mapping[str, int] | None = None
    connection: str | None = None


_SINGLE_SHARE = 0.1
_SHORTEST, _LONGEST_WAIT = 10.0, 3600.0
_INVOICES_PER_MINUTE = 3000  # 60 calls of 50 (facts §1.3)


class TooMuch(Exception):
    """The company has `pending` invoices waiting, where `most` are taken; ask again after `wait` seconds."""

    def __init__(self, company: str, pending: int, most: int, wait: int) -> None:
        super().__init__(
            f"data.invoices: {company} has {pending:,} invoices waiting, and more than {most:,} are not taken at a "
            f"time; nothing of this event was filed, send it again in {wait} seconds"
        )
        self.wait = wait


def backpressure(company: str, pending: int, most: int, *, single: bool) -> TooMuch | None:
    """Why no more is taken now, or None."""
    allowed = most * (1 + _SINGLE_SHARE) if single else most
    if pending < allowed:
        return None
    minutes = (pending - allowed + 1) / _INVOICES_PER_MINUTE
    return TooMuch(company, pending, most, int(min(_LONGEST_WAIT, max(_SHORTEST, minutes * 60))))


_OFF = "credit notes are not turned on for your company"
_NONE_THERE = "credit notes are not supported for the accounting system of your company"


class SentRow(Protocol):
    """What is kept of an invoice's export and tells whether it may be in Xero, and as what."""

    document: Document
    number_bound: bool
    xero_invoice_id: str | None


def document_of(
    invoice: Invoice, settings: CompanySettings, row: SentRow | None, offered: Collection[Document] | None
) -> tuple[Document, Failure | None]:
    """What it goes to Xero as, of what the accounting system offers (None: not known), and why it cannot go as that.

    That is the settings' to say until an attempt has carried it; an invoice below zero is refused later, as ever.
    """
    sent = row is not None and (row.number_bound or row.xero_invoice_id is not None)
    document = row.document if row and sent else settings.document_of(invoice)
    marked = invoice.document == "credit_note"
    if document == "invoice":
        wrong = fixed_as(document, "credit_note") if sent else Failure(Reason.CREDIT_NOTES_OFF, {"why": _OFF})
        return document, wrong if marked else None
    if not marked and not invoice.is_below_zero:
        return document, fixed_as(document, "invoice")
    there = offered is None or document in offered
    return document, None if there else Failure(Reason.CREDIT_NOTES_OFF, {"why": _NONE_THERE})


def problem_with(invoice: Invoice) -> Failure | None:
    """Why this invoice cannot be exported whatever Xero says, or None.

    The host's own totals may differ from its lines by a cent per line, the dust of another way of rounding.
    """
    return _of_size(invoice) or _of_discounts(invoice) or _of_totals(invoice)


def _of_size(invoice: Invoice) -> Failure | None:
    """What a line may come to in Xero (facts §8)."""
    for number, line in enumerate(invoice.lines, start=1):
        if line.amount is not None and abs(line.amount) > LARGEST:
            facts = {"line_said": line.description or line.item_code or "", "amount": f"{line.amount:,.2f}"}
            return Failure(Reason.LINE_TOO_LARGE, facts, line=number)
    return None


def _of_discounts(invoice: Invoice) -> Failure | None:
    """A discount is a rate or an amount, not below zero and not above its line (facts §6.2 #51)."""
    for number, line in enumerate(invoice.lines, start=1):
        amount, facts = line.discount_amount, {"line_said": line.description or line.item_code or ""}
        if amount is not None and amount < ZERO:
            return Failure(Reason.DISCOUNT_BELOW_ZERO, {**facts, "discount": f"{amount:f}"}, line=number)
        if amount and line.discount_rate:
            both = {"discount": f"{amount:f}", "rate": f"{line.discount_rate:f}"}
            return Failure(Reason.DISCOUNT_TWICE, {**facts, **both}, line=number)
        if amount and line.quantity is not None and line.unit_amount is not None:
            gross = rounded(gross_amount(line.quantity, line.unit_amount))
            if gross < ZERO or (line.amount or ZERO) < ZERO:
                return Failure(Reason.DISCOUNT_TOO_LARGE, {**facts, "discount": f"{amount:f}"}, line=number)
    return None


def _of_totals(invoice: Invoice) -> Failure | None:
    stated = invoice.totals
    lines = invoice.net
    if stated is None or lines is None:
        return None
    dust = CENT * len(invoice.lines)
    if stated.subtotal is not None and invoice.amounts_are != "inclusive" and abs(lines - stated.subtotal) > dust:
        return _do_not_add_up(lines, stated.subtotal)
    if stated.total is not None:
        tax = stated.tax or Decimal(0)
        whole = lines if invoice.amounts_are != "exclusive" else lines + tax
        if abs(whole - stated.total) > dust and (invoice.amounts_are != "exclusive" or stated.tax is not None):
            return _do_not_add_up(whole, stated.total)
    return None


def _do_not_add_up(lines: Decimal, stated: Decimal) -> Failure:
    return Failure(Reason.TOTALS_DO_NOT_ADD_UP, {"lines": f"{lines:f}", "stated": f"{stated:f}"})
