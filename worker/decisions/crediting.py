"""What a credit note of an invoice says: all that Xero has of it, or what CrewCard wants less since; pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import ValidationError

from events import written
from events.changes import GONE, DriftFound, LinePicture, Picture
from events.invoice import Document, Invoice, LineItem, Tracking
from events.money import ZERO, AmountsAre, total_of
from events.reasons import Reason
from events.settings import CompanySettings

Extent = Literal["difference", "whole"]
EXTENTS: tuple[Extent, ...] = ("difference", "whole")
_AMOUNTS: dict[str, AmountsAre] = {"Exclusive": "exclusive", "Inclusive": "inclusive", "NoTax": "no_tax"}
_ENDING = "-CR"
# Reasons whose way out is a credit note of what Xero has (events/reasons)
REASONS = frozenset({Reason.PAID_IN_XERO, Reason.INVOICE_FINALISED, Reason.LOCKED_IN_XERO})


@dataclass(frozen=True)
class CreditedInvoice:
    """What a credit note is made of: the invoice as CrewCard wants it, its number there, and Xero's copy.

    `found` is what is known to differ there; `live`: it is on its way.
    """

    wanted: Invoice | None
    number: str
    document: Document
    copy: Picture | None
    found: DriftFound | None
    in_xero: bool
    live: bool


def obstacle(known: CreditedInvoice, settings: CompanySettings) -> tuple[str, str]:
    """Why no credit note can be raised for it, and what to do; two empty texts where one can."""
    gone = known.found.kind if known.found and known.found.kind in GONE else ""
    reasons = (
        (
            not settings.credit_notes,
            "Credit notes are off for this company.",
            "Turn on credit notes in the company's Xero settings, then raise it here.",
        ),
        (known.document != "invoice", "It is a credit note itself.", "Change or void it in Xero."),
        (not known.in_xero, "It is not in Xero, so there is nothing to credit.", "Export it first."),
        (bool(gone), f"It is {gone} in Xero, so there is nothing to credit.", "Raise it anew if it is still owed."),
        (known.live, "It is on its way to Xero right now.", "Wait until it has its answer."),
        (
            known.copy is None or known.wanted is None,
            "What Xero has of it is not known here line by line.",
            "Raise the credit note in Xero.",
        ),
    )
    return next(((why, how) for is_so, why, how in reasons if is_so), ("", ""))


def credit_id(invoice: str) -> str:
    """The host's id of an invoice's credit note, always the same: there is one, however often it is ordered."""
    named = f"{invoice}:credit"
    return named if len(named) <= written.LONGEST_ID else f"{hashlib.sha256(invoice.encode()).hexdigest()}:credit"


def credit_note(known: CreditedInvoice, extent: Extent, day: date) -> Invoice | None:
    """The credit note, dated that day; None where it would come to nothing, or to what nobody can tell."""
    wanted, copy = known.wanted, known.copy
    amounts = _AMOUNTS.get((copy.said("amounts") if copy else "") or "")
    if wanted is None or copy is None or amounts is None:
        return None
    there = [_line(line) for line in copy.lines]
    lines = there if extent == "whole" else _difference(there, wanted, amounts)
    sums = [line.amount for line in lines]
    if total_of(one or ZERO for one in sums) <= ZERO or None in sums:
        return None
    said = {
        "id": credit_id(wanted.id),
        "number": f"{known.number[: 255 - len(_ENDING)]}{_ENDING}",
        "job": wanted.job,
        "client": wanted.client,
        "date": day,
        "currency": copy.said("currency") or wanted.currency,
        "amounts_are": amounts,
        "reference": f"Credit of {known.number}"[:255],
        "document": "credit_note",
        "credits": wanted.id,
        "lines": lines,
    }
    try:
        return Invoice.model_validate(said)
    except ValidationError:
        return None


def _line(line: LinePicture) -> LineItem:
    """A line as Xero has it; one with a discount as its amount."""
    plain = not line.said("discount")
    quantity, unit = (line.said("quantity") or "1", line.said("unit_amount")) if plain else ("1", line.said("amount"))
    tracked = [one.partition(": ") for one in (line.said("tracking") or "").splitlines()]
    return LineItem(
        description=line.said("description") or "(no text)",
        quantity=Decimal(quantity),
        unit_amount=Decimal(unit or line.said("amount") or 0),
        account_code=line.said("account") or None,
        tax_type=line.said("tax_type") or None,
        item_code=line.said("item") or None,
        tracking=tuple(Tracking(category=name, option=option) for name, _, option in tracked if option),
    )


def _difference(there: Sequence[LineItem], wanted: Invoice, amounts: AmountsAre) -> list[LineItem]:
    """What Xero has and CrewCard does not want any more, less what it wants instead; what is in both is left out."""
    if wanted.amounts_are != amounts or wanted.net is None:
        return []
    left, charged = list(there), []
    for line in wanted.lines:
        same = next((one for one in left if _said(one) == _said(line)), None)
        if same:
            left.remove(same)
        elif line.amount:
            kept = {"account_code": line.account_code, "tax_type": line.tax_type, "kind": line.kind}
            text = line.description or line.item_code
            charged.append(
                LineItem(
                    description=text, quantity=Decimal(1), unit_amount=-line.amount, tracking=line.tracking, **kept
                )
            )
    return [*(one for one in left if one.amount), *charged]


def _said(line: LineItem) -> tuple[str, Decimal | None]:
    return " ".join((line.description or "").split()), line.amount
