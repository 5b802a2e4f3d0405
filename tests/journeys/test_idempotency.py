"""docs/idempotency.md: what is asked for again, by cases."""

import copy

import pytest

from store.inbox import OtherBody
from tests.builders import a_request, an_invoice
from worker.intake import intake


def click(installation, button, *wanted, by="anna", mode="single"):
    """A click: the event's id is the button's, as a host makes it."""
    event = a_request(*wanted, request=button, mode=mode, requested_by={"id": by})
    return intake.accept(installation.tools, {**event, "id": button})


def answers(installation, button):
    """The answers of this click, by invoice."""
    told = [event["data"] for event in installation.events() if event["data"].get("request") == button]
    return {one["invoice"]: one for one in told if "invoice" in one}


def test_a_double_click_and_a_lost_answer_count_once_and_the_receipt_is_the_same(installation):
    first = click(installation, "click-a", an_invoice())
    again = click(installation, "click-a", an_invoice())
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.event, again.request, again.invoices) == (first.event, first.request, first.invoices)
    installation.run()
    assert click(installation, "click-a", an_invoice()).repeated
    assert len(installation.books()) == 1
    assert len(installation.events("invoice.export.completed")) == 1


def test_after_mending_another_button_tries_anew_and_the_old_one_does_nothing(installation):
    click(installation, "click-a", an_invoice(currency="EUR"))
    installation.run()
    assert click(installation, "click-a", an_invoice(currency="EUR")).repeated
    with pytest.raises(OtherBody):
        click(installation, "click-a", an_invoice(revision=2))
    installation.run()
    assert installation.books() == []
    click(installation, "click-b", an_invoice(revision=2))
    installation.run()
    assert answers(installation, "click-b")["i1"]["outcome"] == "created"
    assert len(installation.books()) == 1


def test_the_second_bulk_send_of_a_day_answers_each_invoice_and_one_named_by_the_date_is_refused(installation):
    day = [an_invoice("a"), an_invoice("b")]
    click(installation, "bulk-of-today", *day, mode="bulk")
    installation.run()
    later = [*copy.deepcopy(day), an_invoice("c")]
    with pytest.raises(OtherBody):
        click(installation, "bulk-of-today", *later, mode="bulk")
    calls = len(installation.books())
    click(installation, "bulk-b", *later, mode="bulk")
    installation.run()
    told = {invoice: one["outcome"] for invoice, one in answers(installation, "bulk-b").items()}
    assert told == {"a": "unchanged", "b": "unchanged", "c": "created"}
    assert len(installation.books()) == calls + 1


def test_two_clerks_have_one_invoice_and_an_answer_each(installation):
    click(installation, "click-a", an_invoice(), by="anna")
    click(installation, "click-b", an_invoice(), by="bo")
    installation.run()
    assert len(installation.books()) == 1
    whose = {button: answers(installation, button)["i1"]["requested_by"]["id"] for button in ("click-a", "click-b")}
    assert whose == {"click-a": "anna", "click-b": "bo"}
