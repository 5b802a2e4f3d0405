"""830 real orders in thirteen currencies, half of them changed and exported again: to the cent by other means."""

import copy
import csv
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from cli import csv_invoices
from demo import world as demo_world
from events.invoice import Invoice
from tests.journeys.test_real_orders import COMPANY, ORDERS, TAX, half_up, needs_northwind, publish, set_up
from worker.preview import preview

CURRENCIES = {
    "UK": "GBP",
    "Switzerland": "CHF",
    "Sweden": "SEK",
    "Norway": "NOK",
    "Denmark": "DKK",
    "Poland": "PLN",
    "Brazil": "BRL",
    "Mexico": "MXN",
    "Argentina": "ARS",
    "Venezuela": "VES",
    "USA": "USD",
    "Canada": "CAD",
}


def currency_of(country):
    return CURRENCIES.get(country, "EUR")


def rows_by_order():
    orders = defaultdict(list)
    with ORDERS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            orders[row["order_id"]].append(row)
    return orders


def expected(rows, more=0):
    """Cents of every line and of subtotal, tax and total; the first line has `more` pieces than the file says."""
    net = [
        half_up(
            Fraction(row["unit_price"])
            * (Fraction(row["quantity"]) + (more if place == 0 else 0))
            * (1 - Fraction(row["discount"]))
        )
        for place, row in enumerate(rows)
    ]
    freight = half_up(Fraction(rows[0]["freight"]))
    net += [freight] if freight else []
    taxes = [half_up(Fraction(line, 100) * TAX) for line in net]
    return net, (sum(net), sum(taxes), sum(net) + sum(taxes))


def cents(amount):
    return half_up(Fraction(str(amount)))


def found(book):
    lines = [cents(line["LineAmount"]) for line in book["LineItems"]]
    return lines, tuple(cents(book[name]) for name in ("SubTotal", "TotalTax", "Total"))


def in_their_currency(orders, rows):
    return [{**one, "currency": currency_of(rows[one["id"]][0]["country"]), "revision": 1} for one in orders]


def with_one_more(order):
    first, *rest = order["lines"]
    changed = {**first, "quantity": str(Decimal(first["quantity"]) + 1)}
    return {**order, "lines": [changed, *rest], "revision": 2}


def books_of(installation):
    return {
        book["InvoiceNumber"].removeprefix("NW-"): copy.deepcopy(book)
        for book in installation.books(demo_world.TENANT)
        if book["InvoiceNumber"] != "HC-77"
    }


@needs_northwind
@pytest.mark.timeout(300)
def test_half_of_830_orders_re_exported_with_a_changed_line_are_right_to_the_cent_and_the_others_untouched(
    make_installation, sqlite_url
):
    on_sqlite = make_installation(sqlite_url, calls_per_minute=1000)  # no time passes here that would free a minute
    limits = on_sqlite.simulator.state.limits
    limits.rules = replace(limits.rules, per_minute=1000)
    rows = rows_by_order()
    orders = in_their_currency([one.document for one in csv_invoices.invoices(ORDERS)], rows)
    set_up(on_sqlite, orders)
    organisation = on_sqlite.simulator.state.world.organisations[demo_world.TENANT]
    organisation.currencies = sorted({order["currency"] for order in orders})
    publish(on_sqlite, orders)
    on_sqlite.run()
    before = books_of(on_sqlite)
    assert {id_: found(book) for id_, book in before.items()} == {id_: expected(rows[id_]) for id_ in rows}
    assert {id_: book["CurrencyCode"] for id_, book in before.items()} == {
        id_: currency_of(rows[id_][0]["country"]) for id_ in rows
    }
    assert any(line.get("DiscountRate") for book in before.values() for line in book["LineItems"])

    half = {order["id"] for order in orders[::2]}
    again = [with_one_more(order) if order["id"] in half else order for order in orders]
    foretold = preview.preview(on_sqlite.tools, COMPANY, [Invoice.model_validate(one) for one in again])
    assert (foretold.counts, foretold.fine) == ({"update": 415, "unchanged": 415}, True)
    assert foretold.forecast.calls == 26
    calls = len(on_sqlite.calls())
    _, request = publish(on_sqlite, again)
    on_sqlite.run()

    after = books_of(on_sqlite)
    assert {id_: found(after[id_]) for id_ in half} == {id_: expected(rows[id_], more=1) for id_ in half}
    assert {id_: after[id_] for id_ in after if id_ not in half} == {
        id_: before[id_] for id_ in before if id_ not in half
    }
    assert len(after) == 830
    for id_ in half:
        assert after[id_]["InvoiceID"] == before[id_]["InvoiceID"]
        kept = [line["LineItemID"] for line in before[id_]["LineItems"]]
        assert [line["LineItemID"] for line in after[id_]["LineItems"]] == kept
    answers = on_sqlite.answers(request)
    assert Counter(answer["outcome"] for answer in answers.values()) == {"updated": 415, "unchanged": 415}
    assert all(answer["verified"] for answer in answers.values())
    assert Counter(call["method"] for call in on_sqlite.calls()[calls:]) == {"POST": 9, "GET": 17}
    for row in foretold.invoices:
        if row.invoice in half:
            sums = tuple(cents(getattr(row.totals, name)) for name in ("subtotal", "tax", "total"))
            assert sums == found(after[row.invoice])[1]
            assert answers[row.invoice]["changes"] == [
                one.model_dump(mode="json", exclude_none=True) for one in row.changes
            ]
