"""How a line's amount is said to Xero, so that it comes to what the host means, to the cent; pure.

Xero keeps 4 decimals of a quantity and of a unit amount (facts §2.5, §8), works the line out from them and
rounds it. 0.3333333333 x 1500.00 is 500.00 to the host and would be 499.95 there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from events.invoice import LineItem
from events.money import CENT, UNIT, ZERO, gross_amount, line_amount, rounded

LONGEST_DESCRIPTION = 4000
_LONGEST_QUANTITY = 13  # characters (facts §8)
_MOST_SHOWN = 16
_ONE, _WHOLE = Decimal(1), Decimal(100)


@dataclass(frozen=True)
class SaidAmount:
    """The numbers of a line as they are sent; None is left out.

    `note` is what the line's text has to say because the numbers do not: how many of what price.
    """

    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    note: str = ""


_Off = tuple[Decimal | None, Decimal | None]  # a rate, or an amount


def said_of(line: LineItem) -> SaidAmount:
    """The line's own numbers where they come to what is meant with 4 decimals; else 1 x its amount, and a note."""
    if line.quantity is None or line.unit_amount is None:
        return _of_item(line)
    quantity, unit = rounded(line.quantity, UNIT), rounded(line.unit_amount, UNIT)
    meant = line_amount(line.quantity, line.unit_amount, line.discount_rate, line.discount_amount)
    if len(f"{quantity.normalize():f}") <= _LONGEST_QUANTITY:
        for rate, amount in _discounts(line, gross_amount(quantity, unit), meant):
            if line_amount(quantity, unit, rate, amount) == meant:
                return SaidAmount(quantity, unit, rate, amount)
    return SaidAmount(_ONE, meant, note=_note(line))


def without_discount(line: LineItem) -> LineItem:
    """The line as 1 x its amount, its text saying what that is made of; as it is where an item brings its price."""
    if line.amount is None:
        return line
    whole = f"{line.description} ({_note(line)})"
    fits = line.description and len(whole) <= LONGEST_DESCRIPTION
    bare = {"quantity": _ONE, "unit_amount": line.amount, "discount_rate": None, "discount_amount": None}
    return line.model_copy(update={**bare, "description": whole if fits else line.description})


def _of_item(line: LineItem) -> SaidAmount:
    """What an item of Xero's completes: its numbers as far as they are said, with the decimals Xero keeps."""
    rate = rounded(line.discount_rate, UNIT) if line.discount_rate else None
    amount = rounded(line.discount_amount) if line.discount_amount and not rate else None
    quantity = rounded(line.quantity, UNIT) if line.quantity is not None else None
    unit = rounded(line.unit_amount, UNIT) if line.unit_amount is not None else None
    return SaidAmount(quantity, unit, rate or None, amount or None)


def _discounts(line: LineItem, gross: Decimal, meant: Decimal) -> Iterator[_Off]:
    """Ways to say the discount, the host's own first: none above its line, and none of 0 (facts §6.2 #22, #51).

    A line below zero has none at all: Xero takes no amount off it, and what it makes of a rate nobody knows.
    """
    if gross > ZERO:
        if line.discount_rate and rounded(line.discount_rate, UNIT):
            yield rounded(line.discount_rate, UNIT), None
        elif not line.discount_rate and line.discount_amount and ZERO < rounded(line.discount_amount) <= gross:
            yield None, rounded(line.discount_amount)
        if line.discount_rate or line.discount_amount:
            # All of it off, or the cents that leave what is meant
            if meant == ZERO:
                yield _WHOLE, None
            for way in (ROUND_FLOOR, ROUND_CEILING):
                amount = (gross - meant).quantize(CENT, way)
                if ZERO < amount <= gross:
                    yield None, amount
    yield None, None


def _note(line: LineItem) -> str:
    off = ""
    if line.discount_rate:
        off = f" less {_shown(line.discount_rate)} %"
    elif line.discount_amount:
        off = f" less {_shown(line.discount_amount)}"
    return f"{_shown(line.quantity or ZERO)} \N{MULTIPLICATION SIGN} {_shown(line.unit_amount or ZERO)}{off}"


def _shown(number: Decimal) -> str:
    """A number for people: two decimals of what has no more, all of what has some more, the first of very many."""
    if number == number.to_integral_value() or number == rounded(number):
        return f"{rounded(number):f}".removesuffix(".00")
    whole = f"{number.normalize():f}"
    return whole if len(whole) <= _MOST_SHOWN else f"{whole[:_MOST_SHOWN]}…"
