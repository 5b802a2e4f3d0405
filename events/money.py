"""Money as exact decimals, half a cent rounded away from zero.

How Xero rounds half a cent is documented nowhere (facts §8, rounding): this is what we assume.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

AmountsAre = Literal["exclusive", "inclusive", "no_tax"]

CENT = Decimal("0.01")
UNIT = Decimal("0.0001")
ZERO = Decimal(0)
_EXACT = Context(prec=250)  # three numbers of an event, 40 characters each, multiplied lose nothing


def rounded(amount: Decimal, to: Decimal = CENT) -> Decimal:
    """Round to a step, half away from zero: 0.125 → 0.13, -0.125 → -0.13; never to minus zero."""
    return amount.quantize(to, ROUND_HALF_UP, _EXACT) + 0


def gross_amount(quantity: Decimal, unit_amount: Decimal) -> Decimal:
    """Quantity x unit amount with all its decimals."""
    return _EXACT.multiply(quantity, unit_amount)


def line_amount(
    quantity: Decimal,
    unit_amount: Decimal,
    discount_rate: Decimal | None = None,
    discount_amount: Decimal | None = None,
) -> Decimal:
    """Amount of one line in currency units, 2 decimals: quantity x unit amount less its discount.

    Nothing is rounded on the way: what counts is what the numbers say. A rate goes before an amount off.
    """
    gross = gross_amount(quantity, unit_amount)
    if discount_rate:
        gross = _EXACT.subtract(gross, _EXACT.divide(_EXACT.multiply(gross, discount_rate), 100))
    elif discount_amount:
        gross = _EXACT.subtract(gross, discount_amount)
    return rounded(gross)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Sum, as a decimal even when there is nothing to sum."""
    return sum(amounts, ZERO)
