"""The books: invoices created and updated the way Xero does it."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from simulator import rules
from simulator.arithmetic import line_amount, line_tax, number
from simulator.world import NOTHING, Organisation, World, new_id

Json = dict[str, Any]


def put_invoices(world: World, organisation: Organisation, sent: Sequence[Any], unitdp: int) -> list[Json]:
    """Create each valid invoice; answer for every one, in no particular order (facts §2.4)."""
    answers = [_put(world, organisation, element, unitdp) for element in sent]
    random.shuffle(answers)
    return answers


def find(organisation: Organisation, numbers: Sequence[str]) -> list[Json]:
    """The invoices with these numbers."""
    return [invoice for wanted in dict.fromkeys(numbers) for invoice in organisation.with_number(wanted)]


def write_by_hand(world: World, organisation: Organisation, number_: str, contact: str) -> None:
    """An invoice somebody wrote in Xero itself, without a mark of any app."""
    sent = {"Type": "ACCREC", "InvoiceNumber": number_, "Contact": {"ContactID": contact}, "Status": "AUTHORISED"}
    line = {"Description": "Written by hand", "Quantity": 1, "UnitAmount": 1}
    organisation.keep(_written(world, organisation, sent, [line], 2))


def wire_date(day: date) -> str:
    """Xero's JSON date."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"/Date({int(moment.timestamp()) * 1000}+0000)/"


def _put(world: World, organisation: Organisation, sent: Any, unitdp: int) -> Json:
    if not isinstance(sent, dict):
        return _refused({}, ["Invoice Type must be specified"])
    lines = [line if isinstance(line, dict) else {} for line in sent.get("LineItems") or []]
    own = list(rules.of_invoice(organisation, sent, creating=True)) + list(rules.of_contact(organisation, sent))
    by_line = [list(rules.of_line(organisation, sent, line)) for line in lines]
    if own or any(by_line):
        return _refused(sent, own, by_line)
    invoice = _written(world, organisation, sent, lines, unitdp)
    organisation.keep(invoice)
    return {**invoice, "StatusAttributeString": "OK", "HasErrors": False}


def _refused(sent: Json, messages: Sequence[str], by_line: Sequence[Sequence[str]] = ()) -> Json:
    """The element as Xero echoes it: a GUID of zeros, its messages on it and on its lines."""
    echo = {**sent, "InvoiceID": NOTHING, "HasErrors": True, "StatusAttributeString": "ERROR"}
    flat = [message for told in by_line for message in told]
    echo["ValidationErrors"] = [{"Message": message} for message in [*messages, *flat]]
    if any(by_line):
        echo["LineItems"] = [
            {**line, "ValidationErrors": [{"Message": message} for message in told]} if told else line
            for line, told in zip(sent["LineItems"], by_line, strict=True)
        ]
    return echo


def _written(world: World, organisation: Organisation, sent: Json, lines: Sequence[Json], unitdp: int) -> Json:
    now = world.now()
    amounts_are = sent.get("LineAmountTypes", "Exclusive")
    kept = [_line(organisation, line, amounts_are, unitdp) for line in lines]
    net = sum((number(line["LineAmount"]) for line in kept), Decimal(0))
    tax = sum((number(line["TaxAmount"]) for line in kept), Decimal(0))
    day = rules.as_day(sent.get("Date")) or now.date()
    due = rules.as_day(sent.get("DueDate")) or day
    contact = organisation.contacts[str(sent["Contact"]["ContactID"]).lower()]
    subtotal = net - tax if amounts_are == "Inclusive" else net
    return {
        "Type": sent["Type"],
        "InvoiceID": new_id(),
        "InvoiceNumber": str(sent.get("InvoiceNumber") or f"INV-{len(organisation.invoices) + 1:04d}"),
        "Reference": sent.get("Reference", ""),
        "Url": sent.get("Url"),
        "Contact": {"ContactID": contact.id, "Name": contact.name},
        "Date": wire_date(day),
        "DateString": f"{day.isoformat()}T00:00:00",
        "DueDate": wire_date(due),
        "DueDateString": f"{due.isoformat()}T00:00:00",
        "Status": sent.get("Status", "DRAFT"),
        "LineAmountTypes": amounts_are,
        "CurrencyCode": sent.get("CurrencyCode", organisation.base_currency),
        "LineItems": kept,
        "SubTotal": float(subtotal),
        "TotalTax": float(tax),
        "Total": float(subtotal + tax),
        "AmountDue": float(subtotal + tax),
        "AmountPaid": 0.0,
        "UpdatedDateUTC": f"/Date({int(now.timestamp() * 1000)}+0000)/",
    }


def _line(organisation: Organisation, line: Json, amounts_are: str, unitdp: int) -> Json:
    account = organisation.accounts.get(str(line.get("AccountCode", "")))
    code = line.get("TaxType") or (account.tax_type if account else "NONE")
    rate = organisation.tax_rates.get(code)
    amount = line_amount(line, unitdp)
    tax = line_tax(amount, number(rate.rate) if rate else Decimal(0), amounts_are)
    return {
        **line,
        "LineItemID": new_id(),
        "TaxType": code,
        "LineAmount": float(amount),
        "TaxAmount": float(tax),
    }
