"""Cents, from a table made by hand: each line's tax is rounded to cents, then summed (facts §2.5, §8)."""

import pytest

from tests.simulator.desk import a_line, an_invoice

# Worked out on paper at 15 %: lines as (quantity, unit amount, discount rate), amounts are, unitdp,
# and what comes of it: subtotal, tax, total
BY_HAND = [
    ([(1, "100", None)], "Exclusive", 4, "100.00", "15.00", "115.00"),
    ([(1, "100", None)], "Inclusive", 4, "86.96", "13.04", "100.00"),
    ([(1, "100", None)], "NoTax", 4, "100.00", "0.00", "100.00"),
    # 0.10 x 15 % = 0.015 → 0.02 on each of three lines; on the sum of 0.30 it would be 0.05, not 0.06
    ([(1, "0.10", None)] * 3, "Exclusive", 4, "0.30", "0.06", "0.36"),
    # 3 x 33.333 = 99.999 → 100.00, tax 15.00; with 2 decimals 3 x 33.33 = 99.99, tax 14.9985 → 15.00
    ([(3, "33.333", None)], "Exclusive", 4, "100.00", "15.00", "115.00"),
    ([(3, "33.333", None)], "Exclusive", 2, "99.99", "15.00", "114.99"),
    # 10 x 1.2345 = 12.345 → half a cent goes away from zero: 12.35, tax 1.8525 → 1.85
    ([(10, "1.2345", None)], "Exclusive", 4, "12.35", "1.85", "14.20"),
    # 1.2345 is 1.23 with 2 decimals: 12.30, tax 1.845 → 1.85
    ([(10, "1.2345", None)], "Exclusive", 2, "12.30", "1.85", "14.15"),
    # 2 x 49.99 less 12.5 % = 87.4825 → 87.48, tax 13.122 → 13.12
    ([(2, "49.99", "12.5")], "Exclusive", 4, "87.48", "13.12", "100.60"),
    # a line below zero: -10.10 x 15 % = -1.515 → -1.52 and 20.20 x 15 % = 3.03
    ([(1, "20.20", None), (-1, "10.10", None)], "Exclusive", 4, "10.10", "1.51", "11.61"),
    # 7.77 x 15/115 = 1.01347… → 1.01; 7.77 - 1.01 = 6.76, twice
    ([(1, "7.77", None)] * 2, "Inclusive", 4, "13.52", "2.02", "15.54"),
    # a quantity of 4 decimals: 0.3333 x 9.99 = 3.329667 → 3.33, tax 0.4995 → 0.50
    ([("0.3333", "9.99", None)], "Exclusive", 4, "3.33", "0.50", "3.83"),
]


@pytest.mark.parametrize(("lines", "amounts", "unitdp", "subtotal", "tax", "total"), BY_HAND)
def test_totals_are_what_the_table_says(desk, lines, amounts, unitdp, subtotal, tax, total):
    sent = [a_line(Quantity=quantity, UnitAmount=unit, DiscountRate=off) for quantity, unit, off in lines]
    (answer,) = desk.put(an_invoice(LineItems=sent, LineAmountTypes=amounts), unitdp=unitdp)
    found = (answer["SubTotal"], answer["TotalTax"], answer["Total"])
    assert tuple(f"{amount:.2f}" for amount in found) == (subtotal, tax, total)


def test_half_a_cent_is_a_switch(desk):
    desk.switch(rounding="half_even")
    (answer,) = desk.put(an_invoice(LineItems=[a_line(UnitAmount="0.30")]), unitdp=4)
    assert answer["TotalTax"] == 0.04  # 0.045 to the even cent


def test_unit_amounts_have_two_decimals_unless_four_are_asked_for(desk):
    (short,) = desk.put(an_invoice("A", line={"UnitAmount": 1.2345}))
    (long,) = desk.put(an_invoice("B", line={"UnitAmount": 1.2345}), unitdp="4")
    assert (short["LineItems"][0]["UnitAmount"], long["LineItems"][0]["UnitAmount"]) == (1.23, 1.2345)
    assert desk.get(f"Invoices/{long['InvoiceID']}")[0]["LineItems"][0]["UnitAmount"] == 1.23
    assert desk.get(f"Invoices/{long['InvoiceID']}", unitdp="4")[0]["LineItems"][0]["UnitAmount"] == 1.2345


def test_a_tax_amount_that_is_sent_stands(desk):
    (answer,) = desk.put(an_invoice(line={"TaxAmount": 14.99}))
    assert (answer["TotalTax"], answer["Total"]) == (14.99, 114.99)


def test_a_discount_is_shown(desk):
    (answer,) = desk.put(an_invoice(line={"DiscountAmount": 12.34}))
    assert (answer["SubTotal"], answer["TotalDiscount"], answer["IsDiscounted"]) == (87.66, 12.34, True)


def test_right_totals_and_line_amounts_may_be_sent(desk):
    (answer,) = desk.put(an_invoice(line={"LineAmount": 100}, SubTotal=100, TotalTax=15, Total=115))
    assert answer["HasErrors"] is False


TOO_LARGE = "The discount rate '{}' is invalid. Discount must not be greater than the line total."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"UnitAmount": 20, "DiscountAmount": 25}, "25.00"),
        ({"UnitAmount": 20, "DiscountAmount": "20.006"}, "20.01"),
        ({"UnitAmount": 20, "DiscountRate": "100.01"}, "100.01"),
        ({"UnitAmount": "27.826", "DiscountAmount": "27.826"}, "27.83"),  # what was reported: cents off 4 decimals
        ({"UnitAmount": -20, "DiscountAmount": 5}, "5.00"),
        ({"UnitAmount": -20, "DiscountAmount": 0}, "0.00"),
        ({"UnitAmount": 0, "DiscountAmount": "0.01"}, "0.01"),
    ],
)
def test_a_discount_above_its_line_is_refused_though_the_total_stays_positive(desk, line, said):
    (answer,) = desk.put(an_invoice(LineItems=[a_line(**line), a_line()]), unitdp=4)
    assert answer["ValidationErrors"] == [{"Message": TOO_LARGE.format(said)}]


@pytest.mark.parametrize(
    "line",
    [
        {"UnitAmount": 20, "DiscountAmount": 20},
        {"UnitAmount": "27.83", "DiscountAmount": "27.826"},
        {"UnitAmount": 20, "DiscountRate": 100},
        {"UnitAmount": -20, "DiscountRate": 10},
    ],
)
def test_a_discount_of_the_whole_line_is_taken(desk, line):
    (answer,) = desk.put(an_invoice(LineItems=[a_line(**line), a_line()]), unitdp=4)
    assert answer["HasErrors"] is False


def test_by_switch_a_discount_above_its_line_is_taken(desk):
    desk.switch(discount_above_its_line_refused=False)
    (answer,) = desk.put(an_invoice(LineItems=[a_line(UnitAmount=20, DiscountAmount=25), a_line()]))
    assert answer["SubTotal"] == 95
