"""Money as exact decimals, rounded the way Xero rounds: half away from zero.

Half away from zero is undocumented at Xero (xero/facts.md §8, rounding); it is what its invoices show.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

AmountsAre = Literal["exclusive", "inclusive", "no_tax"]

CENT = Decimal("0.01")
UNIT = Decimal("0.0001")
ZERO = Decimal(0)
_EXACT = Context(prec=60)


def rounded(amount: Decimal, to: Decimal = CENT) -> Decimal:
    """Round to a step, half away from zero: 0.125 → 0.13, -0.125 → -0.13."""
    return amount.quantize(to, ROUND_HALF_UP, _EXACT)


def line_amount(
    quantity: Decimal,
    unit_amount: Decimal,
    discount_rate: Decimal | None = None,
    discount_amount: Decimal | None = None,
) -> Decimal:
    """Amount of one line in currency units, 2 decimals: quantity x unit amount less its discount.

    Quantity, unit amount and rate count with 4 decimals, an amount off with 2, because so they are sent.
    """
    gross = _EXACT.multiply(rounded(quantity, UNIT), rounded(unit_amount, UNIT))
    if discount_rate:
        off = _EXACT.divide(_EXACT.multiply(gross, rounded(discount_rate, UNIT)), 100)
        gross = _EXACT.subtract(gross, off)
    elif discount_amount:
        gross = _EXACT.subtract(gross, rounded(discount_amount))
    return rounded(gross)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Sum, as a decimal even when there is nothing to sum."""
    return sum(amounts, ZERO)


def plain(amount: Decimal) -> str:
    """The amount as events carry it: a decimal string without an exponent."""
    return format(amount, "f")
