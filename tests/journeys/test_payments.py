"""What becomes of an invoice in Xero is told to the host: paid, in part, voided, edited; once, with its amounts."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from simulator import ledger
from store.tables import KnownPayment
from tests.builders import COMPANY, an_invoice, invoices
from tests.journeys.test_reconciler import exported, look
from tests.rooms.test_orders import a_posted
from worker.decisions import payments
from worker.reconcile import reconciler

KINDS = ("invoice.paid", "invoice.part_paid", "invoice.unpaid", "invoice.voided", "invoice.edited")


def told(installation):
    return [event for event in installation.events() if event["type"] in KINDS]


def kinds(installation):
    return [event["type"].removeprefix("invoice.") for event in told(installation)]


def pay(installation, book, amount=None, *, credit=False):
    installation.later(1)
    ledger.pay(installation.simulator.state.world, book, amount or book["AmountDue"], credit=credit)


def test_an_invoice_as_it_was_exported_is_no_news(installation):
    exported(installation, *invoices(3))
    look(installation)
    assert told(installation) == []


def test_each_payment_and_credit_is_told_once_with_what_is_still_due(installation):
    (book,) = exported(installation)
    pay(installation, book, 40)
    look(installation)
    look(installation)
    pay(installation, book, 10, credit=True)
    look(installation)
    pay(installation, book)
    day = book_day(installation)
    look(installation)
    look(installation)
    assert kinds(installation) == ["part_paid", "part_paid", "paid"]
    first, second, last = (event["data"] for event in told(installation))
    assert (first["paid"], first["credited"], first["due"], first["total"]) == ("40.00", "0.00", "70.00", "110.00")
    assert second["differences"] == ["40.00 of 110.00 USD paid, 10.00 credited, 60.00 due"]
    assert (last["paid"], last["credited"], last["due"], last["status"]) == ("100.00", "10.00", "0.00", "PAID")
    assert last["paid_on"] == day
    assert [one["change"] for one in (first, second, last)] == [1, 2, 3]
    assert installation.markers() == {"i1": "exported"}


def test_a_credit_is_told_though_xero_says_only_what_is_paid_and_what_is_due(on_sqlite):
    """Elements that another says as well may be left out of an answer."""
    on_sqlite.simulator.state.switches.answers_of_later = True
    first, second, third = exported(on_sqlite, *invoices(3))
    pay(on_sqlite, first, 30, credit=True)
    pay(on_sqlite, second, credit=True)
    third.update({"Status": "VOIDED", "AmountDue": 0.0})
    look(on_sqlite)
    said = [(one["type"], *(one["data"][name] for name in ("paid", "credited", "due"))) for one in told(on_sqlite)]
    assert said == [
        ("invoice.part_paid", "0.00", "30.00", "80.00"),
        ("invoice.paid", "0.00", "110.00", "0.00"),
        ("invoice.voided", "0.00", "0.00", "0.00"),
    ]


def test_changes_are_counted_on_where_the_company_exports_to_another_organisation(installation):
    """A host passes over what has a lower count than it knows, whatever the invoice is called in Xero now."""
    (book,) = exported(installation)
    pay(installation, book, 40)
    look(installation)
    with installation.store.write() as work:
        before = work.session.exec(select(KnownPayment)).one()
        before.export_id, before.change, before.xero_invoice_id = before.export_id + 1, 5, "elsewhere"
    pay(installation, book)
    look(installation)
    assert [event["data"]["change"] for event in told(installation)] == [1, 6]


def book_day(installation):
    return installation.simulator.state.world.now().date().isoformat()


def test_a_payment_that_is_taken_back_is_told_and_so_is_the_next(installation):
    (book,) = exported(installation)
    pay(installation, book)
    look(installation)
    installation.later(1)
    ledger.take_payments_back(installation.simulator.state.world, book)
    look(installation)
    installation.later(reconciler.slot(installation.tools, installation.organisation()))  # it was read whole as well
    pay(installation, book)
    look(installation)
    assert kinds(installation) == ["paid", "unpaid", "paid"]
    assert told(installation)[1]["data"]["due"] == "110.00"
    assert len({event["id"] for event in told(installation)}) == 3


@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
def test_a_voided_or_deleted_invoice_has_nothing_due(on_sqlite, status):
    (book,) = exported(on_sqlite)
    book.update({"Status": status})
    look(on_sqlite)
    (event,) = told(on_sqlite)
    assert (event["type"], event["data"]["status"], event["data"]["due"]) == ("invoice.voided", status, "0.00")


def test_an_edit_is_told_before_the_payment_that_came_with_it(on_sqlite):
    (book,) = exported(on_sqlite)
    book.update({"AmountPaid": 10.0, "InvoiceNumber": "X-1"})
    look(on_sqlite)
    assert kinds(on_sqlite) == ["edited", "part_paid"]
    edited = told(on_sqlite)[0]["data"]
    assert edited["differences"] == ["number X-1 in Xero, N-i1 when exported"]
    assert (edited["number"], edited["invoice"]) == ("X-1", "i1")


def test_a_look_that_began_before_another_and_ends_after_it_tells_nothing_old():
    newer = a_posted(paid=Decimal(110), status="PAID", updated=moment(2))
    older = a_posted(paid=Decimal(10), updated=moment(1))
    known, late = payments.payment_of(newer), payments.payment_of(older)
    assert payments.events_of(known, late, edited=False) == []
    assert [kind.TYPE for kind in payments.events_of(late, known, edited=False)] == ["invoice.paid"]


def moment(second):
    return datetime(2026, 11, 20, 10, 0, second, tzinfo=UTC)


def test_an_invoice_of_nothing_that_xero_marks_paid_was_paid_by_nobody():
    posted = a_posted(status="PAID", subtotal=Decimal(0), tax=Decimal(0), total=Decimal(0))
    assert payments.events_of(None, payments.payment_of(posted), edited=False) == []


cents = st.decimals(0, 999_999, places=2)


@given(total=cents, paid=cents, credited=cents)
def test_paid_credited_and_due_come_to_the_total_to_the_cent(total, paid, credited):
    posted = a_posted(total=total, paid=paid + credited, credited=credited)
    found = payments.payment_of(posted)
    assert found.paid + found.credited + found.due == total
    assert (found.paid, found.credited) == (paid, credited)


def test_over_many_payments_what_is_told_agrees_with_the_books_of_xero(on_sqlite):
    """Drawn from a fixed seed; each look tells each invoice's newest amounts, and the last ones are those of Xero."""
    dice = random.Random(23)
    books = exported(on_sqlite, *[an_invoice(f"i{number}") for number in range(8)])
    for _ in range(12):
        for book in dice.sample(books, 3):
            if book["AmountDue"] >= 1:
                most = int(book["AmountDue"] * 100)
                pay(on_sqlite, book, dice.randint(1, most) / 100, credit=dice.random() < 0.4)
        look(on_sqlite)
    last = {event["data"]["invoice"]: event["data"] for event in told(on_sqlite)}
    for book in books:
        one = last[book["InvoiceNumber"].removeprefix("N-")]
        sums = [Decimal(one[name]) for name in ("paid", "credited", "due")]
        assert sums == [Decimal(str(book[name])) for name in ("AmountPaid", "AmountCredited", "AmountDue")]
        assert sum(sums) == Decimal(one["total"])
    assert all(event["data"]["company"] == COMPANY for event in told(on_sqlite))
