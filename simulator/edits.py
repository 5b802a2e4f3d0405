"""What an update may change: transitions, paid invoices, locked periods (facts §8, edits); pure."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from simulator import rules
from simulator.context import Context
from simulator.messages import Say
from simulator.wire import Json

TRANSITIONS = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "AUTHORISED", "DRAFT", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
    "PAID": ("PAID",),
    "DELETED": (),
    "VOIDED": (),
}
_FROZEN = ("Type", "CurrencyCode", "LineAmountTypes", "CurrencyRate")
_FROZEN_IN_LINE = ("Quantity", "UnitAmount", "LineAmount", "TaxAmount", "TaxType", "ItemCode", "DiscountRate")
_QUIET = frozenset({"DueDate", "SentToContact", "InvoiceID", "InvoiceNumber"})


def refusals(context: Context, existing: Json, sent: Json, *, by_number: bool) -> Iterator[str]:
    """Messages about the change as such; the changed invoice's own rules come after."""
    before, wanted = existing["Status"], str(sent.get("Status", existing["Status"]))
    locked = list(rules.locks(context, {"Date": date.fromisoformat(existing["DateString"][:10])}))
    if before in ("DELETED", "VOIDED"):
        yield Say.NOT_MODIFIABLE()
    elif locked:
        yield from locked
    elif has_payment(existing):
        yield from _of_paid(context, existing, sent, wanted, by_number=by_number)
    elif wanted not in TRANSITIONS[before]:
        yield Say.NOT_MODIFIABLE()
    yield from _renumbered(context, existing, sent)


def has_payment(existing: Json) -> bool:
    """Whether a payment or credit note is allocated to the invoice."""
    return bool(existing["AmountPaid"] or existing["AmountCredited"])


def is_quiet(context: Context, existing: Json, sent: Json) -> bool:
    """Whether the edit leaves UpdatedDateUTC alone (facts §4.1)."""
    return context.switches.quiet_edits and has_payment(existing) and set(sent) <= _QUIET


def _of_paid(context: Context, existing: Json, sent: Json, wanted: str, *, by_number: bool) -> Iterator[str]:
    if wanted != existing["Status"]:
        yield Say.STATUS_HAS_PAYMENT(status=wanted)
    if sent.get("Date") and sent["Date"].isoformat() != existing["DateString"][:10]:
        yield Say.DATE_HAS_PAYMENT()
    if _touches_frozen(existing, sent) or context.switches.paid_edits == "none":
        if existing["Status"] == "PAID":
            yield Say.NOT_MODIFIABLE()
        yield Say.HAS_PAYMENT()
    elif by_number and existing["Status"] == "PAID":
        yield Say.NOT_MODIFIABLE()


def _touches_frozen(existing: Json, sent: Json) -> bool:
    if any(name in sent and not _same(sent[name], existing.get(name)) for name in _FROZEN):
        return True
    if existing["AmountCredited"] and "ContactID" in sent.get("Contact", {}):
        return bool(sent["Contact"]["ContactID"] != existing["Contact"]["ContactID"])
    return "LineItems" in sent and _touches_lines(existing["LineItems"], sent["LineItems"])


def _touches_lines(existing: list[Json], sent: list[Json]) -> bool:
    known = {line["LineItemID"]: line for line in existing}
    if {line.get("LineItemID") for line in sent} != set(known):
        return True
    return any(
        name in line and not _same(line[name], known[line["LineItemID"]].get(name))
        for line in sent
        for name in _FROZEN_IN_LINE
    )


def _same(sent: Any, kept: Any) -> bool:
    """Whether a value is the one that is kept; numbers are kept as JSON numbers."""
    return bool(float(sent) == kept if isinstance(sent, Decimal) else sent == kept)


def _renumbered(context: Context, existing: Json, sent: Json) -> Iterator[str]:
    number = sent.get("InvoiceNumber")
    if not number or existing["Type"] != "ACCREC":
        return
    others = [one for one in context.with_number(number) if one["InvoiceID"] != existing["InvoiceID"]]
    if any(one["Type"] == "ACCREC" and one["Status"] != "DELETED" for one in others):
        yield Say.NUMBER_TAKEN()
