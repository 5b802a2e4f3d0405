"""830 real orders: to the cent as computed here by other means, each once, in as few calls as can be."""

import csv
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from cli import csv_invoices
from cli.publish import requests_for
from demo import world as demo_world
from events.settings import CompanySettings
from simulator import control, ledger
from store import companies, contacts
from worker.intake import intake

ORDERS = Path(__file__).parents[2] / "../shared/data/northwind_orders.csv"
SAMPLE = Path(__file__).parents[2] / "demo/crew_jobs.csv"
TAX = Fraction(825, 10_000)
COMPANY = demo_world.COMPANY

needs_northwind = pytest.mark.skipif(not ORDERS.exists(), reason="the Northwind orders are not beside this checkout")


def half_up(amount: Fraction) -> int:
    """Whole cents, half away from zero, without a decimal library."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) * 100 + Fraction(1, 2))


def expected_totals() -> dict[str, tuple[int, int]]:
    """Cents of subtotal and tax by number, straight from the file."""
    orders = defaultdict(list)
    with ORDERS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            orders[row["order_id"]].append(row)
    totals = {}
    for order, rows in orders.items():
        net = [
            half_up(Fraction(row["unit_price"]) * Fraction(row["quantity"]) * (1 - Fraction(row["discount"])))
            for row in rows
        ]
        freight = half_up(Fraction(rows[0]["freight"]))
        net += [freight] if freight else []
        taxes = [half_up(Fraction(line, 100) * TAX) for line in net]
        totals[f"NW-{order}"] = (sum(net), sum(taxes))
    return totals


def set_up(installation, orders):
    """The demo's company in this installation."""
    clients = demo_world.clients_in(orders)
    world = installation.simulator.state.world
    installation.company(COMPANY, demo_world.TENANT)
    world.organisations[demo_world.TENANT] = made = control.organisation(demo_world.organisation(clients))
    ledger.write_by_hand(world, made, "HC-77", demo_world.contact_id(clients[0]["id"]))
    with installation.store.write() as work:
        settings = CompanySettings(default_account_code=demo_world.SALES, days_until_due=30)
        companies.set_up(work, COMPANY, "Harbour Crew", settings)
        for client, contact in demo_world.links(clients).items():
            contacts.link(work, COMPANY, client, contact, said_by="test")


def publish(installation, invoices):
    events = requests_for(invoices, COMPANY, "bulk", "anna")
    return [intake.accept(installation.tools, event) for event in events], events[0]["data"]["request"]


def ledger_of(installation):
    return {
        invoice["InvoiceNumber"]: (round(invoice["SubTotal"] * 100), round(invoice["TotalTax"] * 100))
        for invoice in installation.books(demo_world.TENANT)
        if invoice["InvoiceNumber"] != "HC-77"
    }


@needs_northwind
def test_830_orders_arrive_to_the_cent_in_17_calls_and_every_bad_one_is_refused_for_its_reason(installation):
    orders = [one.document for one in csv_invoices.invoices(ORDERS)]
    set_up(installation, orders)
    bad = demo_world.bad_ones(orders)
    receipts, request = publish(installation, demo_world.bulk(orders))
    installation.run()
    assert len(receipts) == 2
    assert len(installation.calls("PUT")) <= 17
    assert ledger_of(installation) == expected_totals()
    assert set(Counter(book["InvoiceNumber"] for book in installation.books(demo_world.TENANT)).values()) == {1}
    answers = installation.answers(request)
    assert len(answers) == 830 + len(bad)
    failed = {name: answer["reason"] for name, answer in answers.items() if answer["type"] == "failed"}
    assert failed == {invoice["id"]: reason for invoice, reason in zip(bad, demo_world.REASONS, strict=True)}
    assert all(answer["verified"] for answer in answers.values() if answer["type"] == "succeeded")


@needs_northwind
def test_the_same_file_again_changes_nothing_in_xero(on_sqlite):
    orders = [one.document for one in csv_invoices.invoices(ORDERS)][:120]
    set_up(on_sqlite, orders)
    publish(on_sqlite, orders)
    on_sqlite.run()
    before, calls = on_sqlite.books(demo_world.TENANT), len(on_sqlite.calls())
    again, _ = publish(on_sqlite, orders)
    on_sqlite.run()
    assert all(receipt.repeated for receipt in again)
    assert on_sqlite.books(demo_world.TENANT) == before
    assert len(on_sqlite.calls()) == calls


def test_the_sample_that_ships_with_the_project_exports_whole(on_sqlite):
    jobs = [one.document for one in csv_invoices.invoices(SAMPLE)]
    set_up(on_sqlite, jobs)
    _, request = publish(on_sqlite, jobs)
    on_sqlite.run()
    answers = on_sqlite.answers(request).values()
    assert len(answers) == 120
    assert all(answer["type"] == "succeeded" and answer["verified"] for answer in answers)
