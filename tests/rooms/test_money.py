"""Money: exact decimals, rounded half away from zero."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from events.money import CENT, line_amount, rounded
from events.snapshot import Amount

cents = st.decimals(min_value=-99999, max_value=99999, places=2, allow_nan=False)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.125", "0.13"), ("-0.125", "-0.13"), ("0.124999", "0.12"), ("2.675", "2.68"), ("0", "0.00")],
)
def test_half_a_cent_goes_away_from_zero(amount, expected):
    assert rounded(Decimal(amount)) == Decimal(expected)


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "expected"),
    [
        ("1", "10.00", None, "10.00"),
        ("3", "0.3333", None, "1.00"),
        ("7", "9.99", "15", "59.44"),
        ("12", "18.1250", "5", "206.63"),
        ("0.5", "0.01", None, "0.01"),
        ("21", "2.5", "25", "39.38"),
    ],
)
def test_a_line_is_rounded_once_after_its_discount(quantity, unit, rate, expected):
    discount = Decimal(rate) if rate else None
    assert line_amount(Decimal(quantity), Decimal(unit), discount) == Decimal(expected)


@given(cents)
def test_rounding_changes_nothing_that_is_cents_already(amount):
    assert rounded(amount) == amount


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False))
def test_rounding_moves_by_half_a_cent_at_most(amount):
    assert abs(rounded(amount) - amount) <= CENT / 2


@given(st.decimals(min_value=-(10**10), max_value=10**10, allow_nan=False, allow_infinity=False))
def test_amounts_travel_without_exponents(amount):
    said = TypeAdapter(Amount).dump_json(amount).decode()
    assert Decimal(json.loads(said)) == amount
    assert "E" not in said
