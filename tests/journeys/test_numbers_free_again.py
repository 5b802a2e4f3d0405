"""A number that is free in Xero again is free here; one that may still be there is not."""

import pytest

from events.invoice import Invoice
from tests.builders import COMPANY, an_invoice
from tests.journeys.test_looking import compared, touched
from worker.preview import preview


def first(installation, **content):
    installation.ask(an_invoice("i1", revision=1, **content), request="first")
    installation.run()
    installation.later(600)
    return installation.books()[0]


def second(installation, number="N-i1"):
    """Another invoice of the same number is foretold, then exported; both say the same."""
    asked = an_invoice("i2", number=number)
    (row,) = preview.preview(installation.tools, COMPANY, [Invoice.model_validate(asked)]).invoices
    installation.ask(asked, request="second")
    installation.run()
    answer = installation.answers("second")["i2"]
    assert [one.reason for one in row.problems] == ([answer["reason"]] if answer["type"] == "failed" else [])
    return answer


def look_at_the_first(installation):
    installation.ask(an_invoice("i1", revision=1), request="click", mode="single")
    installation.run()


def test_of_a_deleted_invoice(installation):
    first(installation)["Status"] = "DELETED"
    look_at_the_first(installation)
    assert second(installation)["type"] == "succeeded"


def test_of_one_that_was_renumbered_in_crewcard(installation):
    first(installation)
    installation.ask(an_invoice("i1", revision=2, number="N-9"), request="renumbered")
    installation.run()
    assert second(installation)["type"] == "succeeded"
    assert {book["InvoiceNumber"] for book in installation.books()} == {"N-9", "N-i1"}


@pytest.mark.parametrize("way", ["a look", "the reconciler"])
def test_of_one_that_was_renamed_in_xero_even_if_it_was_voided_then(installation, way):
    book = first(installation)
    organisation = next(iter(installation.simulator.state.world.organisations.values()))
    book["InvoiceNumber"] = "OLD-1"
    organisation.by_number.clear()
    organisation.by_number["old-1"] = [book["InvoiceID"]]
    if way == "a look":
        look_at_the_first(installation)
    else:
        touched(installation, book)
        compared(installation)
    assert second(installation)["type"] == "succeeded"


@pytest.mark.parametrize("status", ["AUTHORISED", "VOIDED"])
def test_one_that_still_has_it_keeps_it(installation, status):
    first(installation)["Status"] = status
    look_at_the_first(installation)
    told = second(installation)
    assert (told["reason"], len(installation.books())) == ("number_used_twice", 1)


def test_one_whose_outcome_is_unknown_keeps_it(installation):
    installation.simulator.state.faults.set({"drop": [1]})
    installation.ask(an_invoice("i1"), request="first")
    installation.run()
    installation.simulator.state.faults.set({})
    assert second(installation)["reason"] == "number_used_twice"


def test_the_former_owner_is_told_when_it_wants_it_back(installation):
    first(installation)["Status"] = "DELETED"
    look_at_the_first(installation)
    second(installation)
    installation.ask(an_invoice("i1", revision=3, reference="again"), request="back")
    installation.run()
    assert installation.answers("back")["i1"]["reason"] == "number_used_twice"
