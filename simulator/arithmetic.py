"""Totals as Xero works them out: tax per line, rounded to cents, then summed (facts §8, rounding)."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Any

CENT = Decimal("0.01")
_QUANTITY = Decimal("0.0001")
_STEPS = {2: CENT, 4: _QUANTITY}
_ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
_EXACT = Context(prec=60)
_ZERO = Decimal("0.00")


def number(value: Any) -> Decimal:
    """A JSON number or numeric string, exactly."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def to_step(amount: Decimal, step: Decimal, rounding: str = "half_up") -> Decimal:
    """Rounded to a step."""
    return amount.quantize(step, rounding=_ROUNDING[rounding], context=_EXACT)


def unit_amount(line: dict[str, Any], unitdp: int, rounding: str) -> Decimal:
    """The UnitAmount kept to 2 or 4 decimals (facts §2.5); a line that is only kept loses none it has."""
    return to_step(number(line.get("UnitAmount", 0)), _STEPS[4 if line.get("Kept") else unitdp], rounding)


def quantity(line: dict[str, Any], rounding: str) -> Decimal:
    """The Quantity, 4 decimals; of a line that has only a description, 0."""
    alone = "UnitAmount" not in line and "LineAmount" not in line
    return to_step(number(line.get("Quantity", 0 if alone else 1)), _QUANTITY, rounding)


def line_amount(line: dict[str, Any], unitdp: int, rounding: str) -> Decimal:
    """Quantity x UnitAmount less the discount, 2 decimals; of a line without UnitAmount its own LineAmount."""
    if "UnitAmount" not in line and "LineAmount" in line:
        return to_step(number(line["LineAmount"]), CENT, rounding)
    gross = quantity(line, rounding) * unit_amount(line, unitdp, rounding)
    if line.get("DiscountRate"):
        gross -= gross * number(line["DiscountRate"]) / 100
    elif line.get("DiscountAmount"):
        gross -= number(line["DiscountAmount"])
    return to_step(gross, CENT, rounding)


def line_tax(amount: Decimal, rate: Decimal, amounts_are: str, rounding: str) -> Decimal:
    """Tax of one line, 2 decimals."""
    if amounts_are == "NoTax" or not rate:
        return _ZERO
    share = rate / (100 + rate) if amounts_are == "Inclusive" else rate / 100
    return to_step(amount * share, CENT, rounding)
