"""Cancelling: what has not been sent is not sent; a cancel lets go of its own request only."""

import pytest

from events.codec import Unreadable
from store import audit
from tests.builders import a_request, an_invoice, an_order, invoices
from worker.intake import intake


def cancel(installation, request="r1", **said):
    return intake.accept(installation.tools, an_order("cancel", request=request, **said))


def lose_the_reply(installation, fault="commit_then_drop"):
    """Send, and never hear of it."""
    installation.simulator.state.faults.set({fault: 1.0})
    installation.run()
    installation.simulator.state.faults.set({})


def test_what_was_not_sent_is_answered_cancelled_and_never_sent(installation):
    installation.ask(*invoices(60))
    receipt = cancel(installation)
    assert (receipt.invoices, receipt.left_out) == (60, {})
    installation.settle_down(2)
    assert installation.books() == []
    answers = installation.answers()
    assert {answer["reason"] for answer in answers.values()} == {"cancelled"}
    assert len(answers) == 60
    (completed,) = installation.events("invoice.export.completed")
    assert completed["data"]["reasons"] == {"cancelled": 60}


def test_only_the_invoices_that_are_named_are_cancelled(installation):
    installation.ask(*invoices(3))
    cancel(installation, invoices=["i0002"])
    installation.run()
    outcomes = {invoice: answer["type"] for invoice, answer in installation.answers().items()}
    assert outcomes == {"i0001": "succeeded", "i0002": "failed", "i0003": "succeeded"}


def test_an_invoice_that_another_request_wants_too_goes_on_for_that_one(installation):
    installation.ask(an_invoice(), request="r1")
    installation.ask(an_invoice(), request="r2")
    cancel(installation, request="r1")
    (told,) = installation.events("invoice.export.failed")
    assert (told["data"]["request"], told["data"]["marker"]) == ("r1", "queued")
    installation.run()
    assert installation.answers("r2")["i1"]["type"] == "succeeded"
    assert len(installation.books()) == 1


def test_in_flight_and_then_found_in_xero_it_is_answered_by_what_xero_says(installation):
    installation.ask(an_invoice())
    lose_the_reply(installation)
    receipt = cancel(installation)
    assert (receipt.invoices, receipt.left_out) == (0, {"in_flight": 1})
    assert installation.answers() == {}
    installation.settle_down()
    assert installation.answers()["i1"]["outcome"] == "adopted"


def test_in_flight_and_then_not_in_xero_it_is_answered_cancelled_and_not_sent_again(installation):
    installation.ask(an_invoice())
    lose_the_reply(installation, "drop")
    cancel(installation)
    installation.settle_down()
    assert installation.answers()["i1"]["reason"] == "cancelled"
    assert installation.books() == []


def test_a_new_request_for_what_was_cancelled_in_flight_goes_on_without_the_one_that_cancelled(installation):
    installation.ask(an_invoice(), request="r1")
    lose_the_reply(installation, "drop")
    cancel(installation)
    installation.ask(an_invoice(), request="r2")
    assert installation.answers("r1")["i1"]["reason"] == "cancelled"
    installation.settle_down()
    assert installation.answers("r2")["i1"]["type"] == "succeeded"
    assert len(installation.books()) == 1


def test_newer_content_that_was_cancelled_behind_an_older_one_in_flight_is_not_sent(installation):
    installation.ask(an_invoice(revision=1), request="older")
    lose_the_reply(installation)
    installation.ask(an_invoice(revision=2, reference="newer"), request="newer")
    cancel(installation, request="newer")
    assert installation.answers("newer")["i1"]["reason"] == "cancelled"
    installation.settle_down()
    assert installation.answers("older")["i1"]["type"] == "succeeded"
    assert installation.export("i1").state == "exported"
    assert installation.calls("POST") == []


def test_both_cancelled_the_newer_content_behind_the_one_in_flight_is_not_sent_either(installation):
    installation.ask(an_invoice(revision=1), request="older")
    lose_the_reply(installation)
    installation.ask(an_invoice(revision=2, reference="newer"), request="newer")
    intake.accept(installation.tools, an_order("cancel", invoices=["i1"]))
    installation.settle_down()
    assert installation.answers("older")["i1"]["type"] == "succeeded"
    assert installation.answers("newer")["i1"]["reason"] == "cancelled"
    assert installation.calls("POST") == []


def test_a_cancelled_invoice_can_be_exported_again(installation):
    installation.ask(an_invoice(), request="r1")
    cancel(installation)
    installation.ask(an_invoice(), request="r2")
    installation.run()
    assert installation.answers("r2")["i1"]["type"] == "succeeded"


def test_a_part_that_comes_after_its_request_was_cancelled_is_cancelled_too(installation):
    """The request completes with what had come, without waiting for parts that may never come."""
    installation.ask(*invoices(2, "a"), part=1, parts=2)
    cancel(installation)
    (completed,) = installation.events("invoice.export.completed")
    assert (completed["data"]["total"], completed["data"]["failed"]) == (2, 2)
    installation.ask(*invoices(2, "b"), part=2, parts=2)
    installation.run()
    assert installation.books() == []
    assert {answer["reason"] for answer in installation.answers().values()} == {"cancelled"}
    assert len(installation.answers()) == 4
    assert len(installation.events("invoice.export.completed")) == 1


def test_what_has_its_answer_keeps_it(installation):
    installation.ask(an_invoice())
    installation.run()
    receipt = cancel(installation, invoices=["i1", "never-seen"])
    assert (receipt.invoices, receipt.left_out) == (0, {"answered": 1, "unknown": 1})
    assert installation.answers()["i1"]["type"] == "succeeded"


def test_the_same_cancel_again_changes_nothing(installation):
    installation.ask(an_invoice())
    order = an_order("cancel", request="r1", event_id="o1")
    first = intake.accept(installation.tools, order)
    again = intake.accept(installation.tools, order)
    assert (first.invoices, again.invoices, again.repeated) == (1, 1, True)
    assert len(installation.answers()) == 1


def test_a_request_that_never_was_is_refused_in_words(installation):
    with pytest.raises(Unreadable, match="harbour has no request “nope”"):
        cancel(installation, request="nope")


def test_a_company_cannot_cancel_what_another_company_asked_for(installation):
    installation.company("quay", "99999999-2222-4333-8444-555555555555")
    installation.ask(an_invoice())
    order = an_order("cancel", company="quay", invoices=["i1"])
    assert intake.accept(installation.tools, order).left_out == {"unknown": 1}
    installation.run()
    assert installation.answers()["i1"]["type"] == "succeeded"


def test_who_cancelled_what_and_why_is_kept(installation):
    installation.ask(*invoices(3))
    cancel(installation, why="wrong month")
    with installation.store.read() as work:
        (line,) = audit.newest(work, "harbour")
    assert (line.who, line.what, line.chosen, line.count, line.why) == (
        "olga",
        "cancel",
        '{"request": "r1"}',
        3,
        "wrong month",
    )


def test_a_cancel_of_thousands_is_one_order(on_sqlite):
    for part in range(1, 4):
        some = invoices(500, f"p{part}-")
        intake.accept(on_sqlite.tools, a_request(*some, part=part, parts=3))
    assert cancel(on_sqlite).invoices == 1500
    assert len(on_sqlite.answers()) == 1500
