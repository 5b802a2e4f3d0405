"""An invoice as Xero writes it down: lines worked out, totals summed, dates in Xero's form (facts §2.5, §8)."""

from datetime import date, timedelta
from decimal import Decimal

from simulator import contacts
from simulator.arithmetic import CENT, line_amount, line_tax, number, quantity, to_step, unit_amount
from simulator.context import Context
from simulator.line_rules import account_of, option_of
from simulator.wire import Json
from simulator.world import Contact, new_id, wire_date, wire_moment

_SENDABLE = ("AUTHORISED", "PAID")  # SentToContact is for approved invoices (facts §8)
_AMOUNTS = {"exclusive": "Exclusive", "inclusive": "Inclusive", "notax": "NoTax"}
_COPIED = ("Reference", "Url", "InvoiceNumber")
# One US dollar in other currencies, roughly; what day_rates of an organisation does not say.
_PER_DOLLAR = {"USD": 1, "AUD": 1.5, "CAD": 1.36, "EUR": 0.92, "GBP": 0.79, "NZD": 1.7}
_ANY_OTHER = 1.25


def lines(context: Context, sent: Json) -> list[Json]:
    """The lines, each with its amount and tax."""
    amounts_are = amounts(sent)
    return [_line(context, line, amounts_are) for line in sent.get("LineItems", [])]


def sums(sent: Json, worked_out: list[Json]) -> tuple[Decimal, Decimal, Decimal]:
    """Subtotal, tax and total of lines."""
    net = sum((number(line["LineAmount"]) for line in worked_out), Decimal("0.00"))
    tax = sum((number(line["TaxAmount"]) for line in worked_out), Decimal("0.00"))
    subtotal = net - tax if amounts(sent) == "Inclusive" else net
    return subtotal, tax, subtotal + tax


def amounts(sent: Json) -> str:
    """Exclusive, Inclusive or NoTax; Exclusive where it is not said."""
    return _AMOUNTS.get(sent.get("LineAmountTypes", "").lower(), "Exclusive")


def document(context: Context, sent: Json, contact: Contact, worked_out: list[Json]) -> Json:
    """The whole invoice. Amounts are JSON numbers of 2 decimals."""
    subtotal, tax, total = sums(sent, worked_out)
    day = sent.get("Date") or context.today
    discount = _discount(context, sent)
    return {
        "Type": sent["Type"],
        "InvoiceID": sent.get("InvoiceID") or new_id(),
        **{name: sent[name] for name in _COPIED if name in sent},
        "InvoiceNumber": sent.get("InvoiceNumber") or _next_number(context, sent["Type"]),
        "Reference": sent.get("Reference", ""),
        "Url": sent.get("Url"),
        "BrandingThemeID": _theme(context, sent),
        "Contact": contacts.on_invoice(contact),
        **_dates(sent, day),
        "Status": sent.get("Status", "DRAFT"),
        "LineAmountTypes": amounts(sent),
        **({"SentToContact": True} if sent.get("SentToContact") and sent.get("Status") in _SENDABLE else {}),
        **_currency(context, sent),
        "LineItems": worked_out,
        "SubTotal": float(subtotal),
        "TotalTax": float(tax),
        "Total": float(total),
        **({"TotalDiscount": float(discount)} if discount else {}),
        "AmountDue": float(total),
        **_unpaid(),
        "IsDiscounted": bool(discount),
        "HasAttachments": bool(context.organisation.attachments.get(sent.get("InvoiceID", ""))),
        "UpdatedDateUTC": wire_moment(context.now),
    }


def _theme(context: Context, sent: Json) -> str:
    """The theme sent, even one that was deleted since; the standard one where none was, or none that there is."""
    own = context.organisation
    known = {own.standard_theme, *(one.id for one in own.themes.values())}
    theme = sent.get("BrandingThemeID")
    return theme if theme in known else own.standard_theme


def _currency(context: Context, sent: Json) -> Json:
    """Currency and rate; where no rate is sent, the day's (facts §8): how much of it one unit of the base buys."""
    own = context.organisation
    code = sent.get("CurrencyCode") or own.base_currency
    if "CurrencyRate" in sent:
        rate = float(sent["CurrencyRate"])
    elif code == own.base_currency:
        rate = 1.0
    elif code in own.day_rates:
        rate = float(own.day_rates[code])
    else:
        rate = _PER_DOLLAR.get(code, _ANY_OTHER) / _PER_DOLLAR.get(own.base_currency, _ANY_OTHER)
    return {"CurrencyCode": code, "CurrencyRate": round(rate, 6)}


def _unpaid() -> Json:
    """What an invoice starts with. New lists each time: people allocate payments to them."""
    lists: Json = {name: [] for name in ("Payments", "Prepayments", "Overpayments", "CreditNotes")}
    return {"AmountPaid": 0.0, "AmountCredited": 0.0, **lists}


def visible(invoice: Json) -> Json:
    """The invoice without what it does not have."""
    return (
        invoice if invoice["Url"] is not None else {name: value for name, value in invoice.items() if name != "Url"}
    )


def _dates(sent: Json, day: date) -> Json:
    shown: Json = {"Date": wire_date(day), "DateString": f"{day.isoformat()}T00:00:00"}
    due = sent.get("DueDate") or (day + timedelta(days=1) if sent["Type"] == "ACCPAY" else None)
    if due:
        shown |= {"DueDate": wire_date(due), "DueDateString": f"{due.isoformat()}T00:00:00"}
    for name in ("ExpectedPaymentDate", "PlannedPaymentDate"):
        if sent.get(name):
            shown[name] = wire_date(sent[name])
    return shown


def _line(context: Context, line: Json, amounts_are: str) -> Json:
    rounding = context.switches.rounding
    account = account_of(context, line)
    amount = line_amount(line, context.unitdp, rounding)
    lost = not amount and context.switches.account_of_zero_line == "dropped"
    code = line.get("TaxType") or (account.tax_type if account else "NONE")
    rate = context.organisation.tax_rates.get(code)
    tax = line_tax(amount, number(rate.rate) if rate else Decimal(0), amounts_are, rounding)
    if "TaxAmount" in line and amounts_are != "NoTax":
        tax = to_step(line["TaxAmount"], CENT, rounding)  # an override is allowed (facts §8)
    return {
        "LineItemID": line.get("LineItemID") or new_id(),
        **{name: line[name] for name in ("Description", "ItemCode") if name in line},
        "UnitAmount": float(unit_amount(line, context.unitdp, rounding)),
        "TaxType": "NONE" if amounts_are == "NoTax" else code,
        "TaxAmount": float(tax),
        "LineAmount": float(amount),
        **({"AccountCode": account.code, "AccountID": account.id} if account and not lost else {}),
        **{name: float(line[name]) for name in ("DiscountRate", "DiscountAmount") if name in line},
        "Tracking": [found for one in line.get("Tracking", []) if (found := option_of(context, one))],
        "Quantity": float(quantity(line, rounding)),
    }


def _discount(context: Context, sent: Json) -> Decimal:
    off = Decimal(0)
    for line in sent.get("LineItems", []):
        if line.get("DiscountRate") or line.get("DiscountAmount"):
            plain = {name: value for name, value in line.items() if not name.startswith("Discount")}
            whole = line_amount(plain, context.unitdp, context.switches.rounding)
            off += whole - line_amount(line, context.unitdp, context.switches.rounding)
    return off


def _next_number(context: Context, kind: str) -> str:
    """The organisation's own sequence, INV-0001 and on, past what is taken (facts §3.2). Bills need no number."""
    if kind == "ACCPAY":
        return ""
    organisation = context.organisation
    while True:
        organisation.last_number += 1
        number_ = f"INV-{organisation.last_number:04d}"
        if not organisation.with_number(number_):
            return number_
