"""Totals as Xero works them out: tax per line, rounded to cents, then summed (facts §8, rounding)."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

CENT = Decimal("0.01")
# Half away from zero is undocumented at Xero: a switch.
ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}


def number(value: Any) -> Decimal:
    """A JSON number or numeric string, exactly."""
    return Decimal(str(value))


def to_step(amount: Decimal, step: Decimal, rounding: str = "half_up") -> Decimal:
    """Rounded to a step."""
    with localcontext() as exact:
        exact.prec = 60
        return amount.quantize(step, rounding=ROUNDING[rounding])


def line_amount(line: dict[str, Any], unitdp: int) -> Decimal:
    """Quantity x UnitAmount less the discount, 2 decimals; UnitAmount kept to `unitdp` decimals."""
    unit = to_step(number(line.get("UnitAmount", 0)), Decimal(1).scaleb(-unitdp))
    gross = to_step(number(line.get("Quantity", 1)), Decimal("0.0001")) * unit
    if line.get("DiscountRate"):
        gross -= gross * number(line["DiscountRate"]) / 100
    elif line.get("DiscountAmount"):
        gross -= number(line["DiscountAmount"])
    return to_step(gross, CENT)


def line_tax(amount: Decimal, rate: Decimal, amounts_are: str) -> Decimal:
    """Tax of one line, 2 decimals."""
    if amounts_are == "NoTax" or not rate:
        return Decimal("0.00")
    share = rate / (100 + rate) if amounts_are == "Inclusive" else rate / 100
    return to_step(amount * share, CENT)
