"""Totals as Xero works them out: tax per line, rounded to the cent, then summed; pure (facts §8)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from events.accounting_target import Element
from events.money import ZERO, line_amount, rounded
from events.settings import Books, Sums
from xero_adapter.pictures import lines

_NO_TAX = "NONE"


def sums(element: Element, books: Books, copy: Element | None = None) -> Sums | None:
    """Subtotal, tax and total of an element; `copy` is what an update changes.

    None where the tax, or the price that an item brings, cannot be known.
    """
    if books.tax_rates is None or books.accounts is None:
        return None
    before = {line.get("LineItemID"): line for line in lines(copy or {}) if line.get("LineItemID")}
    kind = element.get("LineAmountTypes")
    net, tax = ZERO, ZERO
    for line in lines(element):
        whole = {**before.get(line.get("LineItemID"), {}), **line}
        amount = _amount(whole, books)
        if amount is None:
            return None
        net += amount
        rate = (books.tax_rates or {}).get(tax_type(whole, books))
        tax += _tax(amount, rate.percent if rate else ZERO, kind)
    subtotal = net - tax if kind == "Inclusive" else net
    return Sums(subtotal=rounded(subtotal), tax=rounded(tax), total=rounded(subtotal + tax))


def tax_type(line: Mapping[str, Any], books: Books) -> str:
    """The tax rate a line gets: its own, else its item's, else its account's."""
    item = (books.items or {}).get(str(line.get("ItemCode") or ""))
    account = (books.accounts or {}).get(account_code(line, books))
    own = line.get("TaxType") or (item.tax_type if item else "") or (account.tax_type if account else "")
    return str(own or _NO_TAX)


def account_code(line: Mapping[str, Any], books: Books) -> str:
    """The account a line gets: its own, else its item's."""
    item = (books.items or {}).get(str(line.get("ItemCode") or ""))
    return str(line.get("AccountCode") or (item.account if item else ""))


def _tax(amount: Decimal, percent: Decimal, kind: Any) -> Decimal:
    if kind == "NoTax" or not percent:
        return ZERO
    return rounded(amount * percent / (100 + percent if kind == "Inclusive" else 100))


def _amount(line: Mapping[str, Any], books: Books) -> Decimal | None:
    unit = line.get("UnitAmount")
    if unit is None and line.get("ItemCode"):
        item = (books.items or {}).get(str(line["ItemCode"]))
        unit = item.price if item else None
        if unit is None:
            return None
    quantity = line.get("Quantity") if line.get("Quantity") is not None else int(unit is not None)
    numbers = (quantity, unit, line.get("DiscountRate"), line.get("DiscountAmount"))
    return line_amount(*(Decimal(str(number or 0)) for number in numbers))
