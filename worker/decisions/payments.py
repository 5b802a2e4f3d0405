"""How far an invoice in Xero is paid, and whether that is news; pure."""

from pydantic import ValidationError

from events.accounting_target import Posted
from events.money import ZERO, rounded
from events.payments import OF_STATE, InvoiceEdited, InvoiceInXero, Payment, PaymentState
from worker.decisions import proof


def payment_of(posted: Posted) -> Payment | None:
    """How far it is paid: what is due is worked out of the other amounts; None where they are no amounts of money.

    An invoice of 0.00 is marked paid by Xero itself, and nobody paid it.
    """
    gone = posted.status in ("VOIDED", "DELETED")
    whole = bool(proof.payment(posted)) and (posted.status == "PAID" or posted.paid >= posted.total)
    state: PaymentState = "voided" if gone else "paid" if whole else "part_paid" if posted.paid else "unpaid"
    total, paid, credited = rounded(posted.total), rounded(posted.paid), rounded(posted.credited)
    try:
        return Payment(
            state=state,
            status=posted.status,
            currency=posted.currency,
            total=total,
            paid=paid - credited,
            credited=credited,
            due=rounded(ZERO) if gone else total - paid,
            paid_on=posted.paid_at.date() if posted.paid_at else None,
            updated_at=posted.updated,
        )
    except ValidationError:
        return None


def is_payment_news(before: Payment | None, now: Payment) -> bool:
    """Whether the payment is another than was told; what an older look saw is none."""
    if before is None:
        return now.is_anything
    return before.amounts != now.amounts and not is_older(now, before)


def is_older(seen: Payment, known: Payment) -> bool:
    """Whether Xero has changed the invoice since what was seen here: two looks may end in another order."""
    return bool(seen.updated_at and known.updated_at and seen.updated_at < known.updated_at)


def events_of(before: Payment | None, now: Payment, *, edited: bool) -> list[type[InvoiceInXero]]:
    """What has to be told of an invoice, in order: that it was edited, and that it is paid otherwise than before."""
    told: list[type[InvoiceInXero]] = [InvoiceEdited] if edited else []
    return [*told, OF_STATE[now.state]] if is_payment_news(before, now) else told
