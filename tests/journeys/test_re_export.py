"""An exported invoice sent again after a change: updated by id, never overwritten silently, never a second one."""

import pytest

from tests.builders import an_invoice

TWO_LINES = [
    {"description": "Crew, one day", "quantity": "1", "unit_amount": "100.00"},
    {"description": "Van", "quantity": "2", "unit_amount": "40.00"},
]


def exported(installation, **content):
    installation.ask(an_invoice(revision=1, **content), request="first")
    installation.run()
    (book,) = installation.books()
    return book


def ask_again(installation, **content):
    installation.ask(an_invoice(revision=2, **content), request="second")
    installation.settle_down(2)
    return installation.answers("second")["i1"]


def test_a_change_is_sent_as_an_update_that_drops_and_doubles_nothing(installation):
    before = exported(installation, lines=TWO_LINES)
    changed = [TWO_LINES[0], {**TWO_LINES[1], "quantity": "3"}]
    answer = ask_again(installation, lines=changed)
    (after,) = installation.books()
    assert (answer["type"], answer["outcome"]) == ("succeeded", "updated")
    assert after["InvoiceID"] == before["InvoiceID"]
    assert [line["LineItemID"] for line in after["LineItems"]] == [line["LineItemID"] for line in before["LineItems"]]
    assert float(after["SubTotal"]) == 220.0
    assert [call["method"] for call in installation.calls()] == ["PUT", "GET", "POST"]


def test_a_renumbered_invoice_keeps_its_identity_in_xero(installation):
    before = exported(installation)
    answer = ask_again(installation, number="N-other")
    (after,) = installation.books()
    assert (after["InvoiceID"], after["InvoiceNumber"]) == (before["InvoiceID"], "N-other")
    assert answer["number"] == "N-other"


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        ({"Reference": "edited by hand"}, "edited_in_xero"),
        ({"AmountPaid": 10.0, "AmountDue": 100.0}, "paid_in_xero"),
        ({"Status": "PAID"}, "paid_in_xero"),
        ({"Status": "VOIDED"}, "invoice_finalised"),
        (None, "gone_from_xero"),
    ],
)
def test_what_happened_in_xero_since_is_said_and_nothing_is_overwritten(on_sqlite, meanwhile, reason):
    book = exported(on_sqlite)
    if meanwhile is None:
        on_sqlite.later(4000)
        on_sqlite.simulator.state.world.organisations[book_tenant(on_sqlite)].invoices.clear()
    else:
        book.update(meanwhile)
    answer = ask_again(on_sqlite, reference="changed in CrewCard")
    assert answer["reason"] == reason
    assert on_sqlite.calls("POST") == []


def book_tenant(installation):
    return next(iter(installation.simulator.state.world.organisations))


def test_an_update_whose_reply_was_lost_is_recognised_and_not_sent_again(installation):
    exported(installation)
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice(revision=2, reference="changed"), request="second")
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down()
    assert installation.answers("second")["i1"]["outcome"] == "updated"
    assert len(installation.calls("POST")) == 1
    assert [book["Reference"] for book in installation.books()] == ["changed"]


def test_an_update_that_never_arrived_is_sent_again(installation):
    exported(installation)
    installation.simulator.state.faults.set({"drop": 1.0})
    installation.ask(an_invoice(revision=2, reference="changed"), request="second")
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down()
    assert installation.answers("second")["i1"]["outcome"] == "updated"
    assert [book["Reference"] for book in installation.books()] == ["changed"]


def test_newer_content_behind_a_lost_reply_goes_as_an_update_afterwards(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    installation.simulator.state.faults.set({})
    installation.ask(an_invoice(revision=2, reference="newer"), request="second")
    installation.settle_down()
    assert installation.answers("first")["i1"]["outcome"] == "adopted"
    assert installation.answers("second")["i1"]["outcome"] == "updated"
    assert [book["Reference"] for book in installation.books()] == ["newer"]
