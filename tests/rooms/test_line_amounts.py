"""A line comes to the same in Xero as it does for the host, to the cent, whatever its numbers are."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.invoice import Invoice, LineItem
from tests.builders import an_invoice
from tests.rooms.test_mapping import element_of
from worker.decisions import merge_rules
from xero_adapter import mapping

TIMES = "\N{MULTIPLICATION SIGN}"


def half_up(amount, decimals=2):
    sign = -1 if amount < 0 else 1
    return sign * Fraction(int(abs(amount) * 10**decimals + Fraction(1, 2)), 10**decimals)


def meant(line):
    """What the host means: nothing is rounded but the whole."""
    gross = Fraction(line.quantity) * Fraction(line.unit_amount)
    if line.discount_rate:
        return half_up(gross - gross * Fraction(line.discount_rate) / 100)
    return half_up(gross - Fraction(line.discount_amount or 0))


def in_xero(sent):
    """What Xero makes of a line on the wire: 4 decimals of quantity and unit amount, the whole rounded once."""
    numbers = {name: Fraction(sent[name]) for name in ("Quantity", "UnitAmount")}
    assert all(value == half_up(value, 4) for value in numbers.values()), "Xero would round it"
    gross = numbers["Quantity"] * numbers["UnitAmount"]
    if "DiscountRate" in sent:
        assert 0 < Fraction(sent["DiscountRate"]) <= 100
        assert gross > 0
        return half_up(gross - gross * Fraction(sent["DiscountRate"]) / 100)
    if "DiscountAmount" in sent:
        assert 0 < half_up(Fraction(sent["DiscountAmount"])) == Fraction(sent["DiscountAmount"]) <= gross
    return half_up(gross - Fraction(sent.get("DiscountAmount", 0)))


def wire(*lines, **other):
    """The lines as they go over the wire, numbers as text."""
    element = element_of(Invoice.model_validate(an_invoice(lines=list(lines), **other)))
    return json.loads(mapping.freeze([element]), parse_float=str, parse_int=str)["Invoices"][0]["LineItems"]


def numbers(low, high):
    return st.integers(0, 12).flatmap(lambda places: st.decimals(str(low), str(high), places=places))


@st.composite
def lines(draw):
    line = {
        "description": "Crew",
        "quantity": f"{draw(numbers(-1000, 99_999) | st.sampled_from([Decimal('0.3333333333'), Decimal(0)])):f}",
        "unit_amount": f"{draw(numbers(-200, 90_000) | numbers(0, '0.01')):f}",
    }
    off = draw(st.sampled_from(["discount_rate", "discount_amount", "all of it", None]))
    gross = Decimal(line["quantity"]) * Decimal(line["unit_amount"])
    if off == "discount_rate":
        line[off] = f"{draw(numbers(0, 100)):f}"
    elif off == "discount_amount" and gross > 0:
        part = gross * draw(st.decimals("0", "1", places=3))
        line[off] = f"{part.quantize(Decimal(1).scaleb(-draw(st.integers(0, 9)))):f}"
    elif off and gross > 0:
        line["discount_amount"] = f"{gross:f}"[:40]
    return line


@settings(deadline=None)
@given(lines(), st.sampled_from(["exclusive", "inclusive", "no_tax"]))
def test_whatever_the_numbers_a_line_comes_to_what_is_meant(line, kind):
    large = {"description": "So that the whole is not below zero", "quantity": "1", "unit_amount": "999999999"}
    invoice = Invoice.model_validate(an_invoice(lines=[line, large], amounts_are=kind))
    if merge_rules.problem_with(invoice):
        assert line.get("discount_amount"), "only a discount above its line is refused"
        return
    sent = wire(line, large, amounts_are=kind)[0]
    assert in_xero(sent) == meant(invoice.lines[0])
    assert len(sent["Quantity"].removesuffix(".0")) <= 13
    assert not sent["Quantity"].startswith("-0.0") or Fraction(sent["Quantity"]) < 0
    assert sent["UnitAmount"] != "-0.0"


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (("0.3333333333", "1500.00"), ("1.0", "500.0", f"Crew (0.3333333333 {TIMES} 1500)")),
        (("0.333333", "1000.00"), ("1.0", "333.33", f"Crew (0.333333 {TIMES} 1000)")),
        (("0.666667", "1000.00"), ("1.0", "666.67", f"Crew (0.666667 {TIMES} 1000)")),
        (("8555", "0.000149"), ("1.0", "1.27", f"Crew (8555 {TIMES} 0.000149)")),
        (("0.333333", "1.00"), ("0.3333", "1.0", "Crew")),
        (("1.5", "66.6666"), ("1.5", "66.6666", "Crew")),
        (("-12345678.1234", "1"), ("1.0", "-12345678.12", f"Crew (-12345678.1234 {TIMES} 1)")),
        (("0.12345678901234567", "1000000"), ("1.0", "123456.79", f"Crew (0.12345678901234… {TIMES} 1000000)")),
        (("0", "0"), ("0.0", "0.0", "Crew")),
        (("1", "-0.00"), ("1.0", "0.0", "Crew")),
        (("-1", "0.001"), ("-1.0", "0.001", "Crew")),
    ],
)
def test_a_third_of_an_hour_goes_in_as_it_is_meant_and_the_text_says_how_much_it_was(line, sent):
    large = {"description": "Ship", "quantity": "1", "unit_amount": "999999999"}
    (found, _) = wire({"description": "Crew", "quantity": line[0], "unit_amount": line[1]}, large)
    assert (found["Quantity"], found["UnitAmount"], found["Description"]) == sent


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (("1", "27.8260", {"discount_amount": "27.8260"}), {"DiscountRate": "100.0"}),
        (("3", "95.00", {"discount_rate": "100"}), {"DiscountRate": "100.0"}),
        (("1", "20.00", {"discount_amount": "5.00"}), {"DiscountAmount": "5.0"}),
        (("1", "0.01", {"discount_rate": "50"}), {"DiscountRate": "50.0"}),
        (("1", "100000.00", {"discount_rate": "33.33333333"}), {"DiscountAmount": "33333.33"}),
        (("1", "27.826", {"discount_amount": "13.333"}), {"DiscountAmount": "13.34"}),
        (("1", "100", {"discount_rate": "0.00001"}), {}),
        (("0", "100", {"discount_rate": "10"}), {}),
    ],
)
def test_a_discount_is_never_above_its_line_and_leaves_what_is_meant(line, sent):
    quantity, unit, off = line
    (found,) = wire({"description": "Free day", "quantity": quantity, "unit_amount": unit, **off})
    assert {name: value for name, value in found.items() if name.startswith("Discount")} == sent


def test_a_discount_of_a_line_below_zero_is_part_of_its_amount():
    (found, _) = wire(
        {"description": "Credit", "quantity": "-1", "unit_amount": "20.00", "discount_rate": "10"},
        {"description": "Crew", "quantity": "1", "unit_amount": "50.00"},
    )
    assert (found["Quantity"], found["UnitAmount"]) == ("1.0", "-18.0")
    assert found["Description"] == f"Credit (-1 {TIMES} 20 less 10 %)"
    assert not {"DiscountRate", "DiscountAmount"} & set(found)


def test_a_text_with_no_room_for_the_numbers_stays_as_it_is():
    (found,) = wire({"description": "x" * 3990, "quantity": "0.3333333333", "unit_amount": "1500"})
    assert found["Description"] == "x" * 3990
    assert found["UnitAmount"] == "500.0"


def problem(*lines, **other):
    return merge_rules.problem_with(Invoice.model_validate(an_invoice(lines=list(lines), **other)))


CREW = {"description": "Crew", "quantity": "1", "unit_amount": "50.00"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"discount_rate": "10", "discount_amount": "5.00"}, "discount_twice"),
        ({"discount_amount": "-5.00"}, "discount_below_zero"),
        ({"discount_amount": "50.01"}, "discount_too_large"),
        ({"unit_amount": "-20.00", "discount_amount": "5.00"}, "discount_too_large"),
        ({"quantity": "0", "discount_amount": "5.00"}, "discount_too_large"),
    ],
)
def test_a_discount_that_cannot_be_meant_is_refused_and_its_line_named(line, reason):
    found = problem(CREW, {**CREW, "description": "Odd", **line})
    assert (found.reason.code, found.line) == (reason, 2)
    assert "(Line 2, “Odd”.)" in found.message()


@pytest.mark.parametrize(
    "line",
    [
        {"discount_amount": "50.00"},
        {"discount_amount": "50.004"},
        {"discount_rate": "10", "discount_amount": "0"},
        {"discount_rate": "0", "discount_amount": "5.00"},
        {"unit_amount": "-20.00", "discount_amount": "0.00"},
    ],
)
def test_a_discount_that_can_be_meant_is_taken(line):
    assert problem(CREW, {**CREW, **line}) is None


def test_our_rounding_is_never_charged_to_the_host():
    thirds = {"description": "Labour", "quantity": "0.3333333333", "unit_amount": "1500.00"}
    assert problem(thirds, totals={"subtotal": "500.00", "tax": "75.00", "total": "575.00"}) is None
    assert problem(thirds, totals={"subtotal": "499.95"}).reason.code == "totals_do_not_add_up"
    assert (
        problem({"description": "F", "quantity": "8555", "unit_amount": "0.000149"}, totals={"subtotal": "1.27"})
        is None
    )


def test_what_an_item_brings_is_not_added_up():
    assert LineItem.model_validate({"item_code": "CREW"}).amount is None
    assert problem({"item_code": "CREW"}, totals={"subtotal": "12.00"}) is None
