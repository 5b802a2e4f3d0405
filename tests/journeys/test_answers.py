"""What each request is answered: the rows of docs/answers.md, in their order."""

import pytest

from events.codec import Unreadable
from store.inbox import OtherBody
from tests.builders import COMPANY, TENANT, a_request, an_invoice, an_order, invoices
from tests.journeys import test_adopt as older
from worker.commands import excluding
from worker.decisions.claiming import Claim
from worker.intake import intake
from worker.waiting import pausing

OTHER = "99999999-2222-4333-8444-555555555555"


def exported(installation, *wanted, **other):
    installation.ask(*(wanted or [an_invoice(revision=1)]), request="before", **other)
    installation.run()


def unanswered(installation, fault="commit_then_drop"):
    """An invoice that was sent and whose reply was lost: it is in flight until it can be looked up."""
    installation.ask(an_invoice(revision=1), request="before")
    installation.simulator.state.faults.set({fault: 1.0})
    installation.run()
    installation.simulator.state.faults.set({})


def answer_to(installation, *wanted, **other):
    """The answer to a request for the invoice, once everything has settled."""
    installation.ask(*(wanted or [an_invoice(revision=1)]), request="now", **other)
    installation.settle_down(3)
    return installation.answers("now")["i1"]


def outcomes(installation):
    return [installation.answers(name)["i1"]["outcome"] for name in ("before", "now")]


def test_never_seen(installation):
    assert answer_to(installation)["outcome"] == "created"


def test_queued(installation):
    installation.ask(an_invoice(revision=1), request="before")
    answer_to(installation)
    assert outcomes(installation) == ["created", "created"]
    assert len(installation.calls("PUT")) == 1


def test_queued_with_newer_content(installation):
    installation.ask(an_invoice(revision=1), request="before")
    answer_to(installation, an_invoice(revision=2, reference="newest"))
    assert outcomes(installation) == ["created", "created"]
    assert [book["Reference"] for book in installation.books()] == ["newest"]


def test_in_flight(installation):
    unanswered(installation)
    answer_to(installation)
    assert outcomes(installation) == ["adopted", "adopted"]
    assert len(installation.calls("PUT")) == 1


def test_in_flight_with_newer_content(installation):
    """The newer content is not sent beside the older: it waits for the older one's outcome."""
    unanswered(installation)
    installation.ask(an_invoice(revision=2, reference="newest"), request="now")
    installation.run()
    assert installation.answers("before") == installation.answers("now") == {}
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()
    installation.run(1)
    assert installation.answers("before")["i1"]["outcome"] == "adopted"
    assert installation.answers("now") == {}
    assert len(installation.calls("PUT")) == 1


def test_uncertain_and_not_in_xero(installation):
    unanswered(installation, "drop")
    assert answer_to(installation)["outcome"] == "created"
    keys = [call["key"] for call in installation.calls("PUT")]
    assert (len(keys), len(set(keys))) == (2, 2)


def test_exported(installation):
    exported(installation)
    first = installation.answers("before")["i1"]["exported_at"]
    calls = len(installation.calls())
    answer = answer_to(installation)
    assert (answer["outcome"], answer["exported_at"]) == ("unchanged", first)
    assert len(installation.calls()) == calls


def test_exported_and_an_older_revision_comes(installation):
    exported(installation, an_invoice(revision=5, reference="newest"))
    assert answer_to(installation, an_invoice(revision=4))["outcome"] == "unchanged"


def test_exported_and_newer_content_comes(installation):
    """It is not taken for unchanged, and never created a second time."""
    exported(installation)
    installation.ask(an_invoice(revision=2, reference="newest"), request="now")
    assert installation.export("i1").state == "pending"
    installation.run()
    assert len(installation.calls("PUT")) == 1


def test_failed_before(installation):
    exported(installation, an_invoice(revision=1, currency="EUR"))
    assert installation.answers("before")["i1"]["type"] == "failed"
    assert answer_to(installation, an_invoice(revision=2))["outcome"] == "created"


def test_cancelled_before(installation):
    installation.ask(an_invoice(revision=1), request="before")
    intake.accept(installation.tools, an_order("cancel", request="before"))
    assert answer_to(installation)["outcome"] == "created"


def test_marked_do_not_send(installation):
    installation.ask(an_invoice(revision=1), request="before")
    excluding.exclude(installation.tools, COMPANY, ["i1"], "olga", "in cash")
    assert answer_to(installation)["reason"] == "excluded"
    assert installation.calls() == []


def test_taken_over_from_an_older_integration(installation):
    older.written(installation, "N-i1")
    older.adopt(installation, Claim.from_invoice(older._read(an_invoice(revision=1))))
    assert answer_to(installation)["outcome"] == "unchanged"
    assert installation.calls("PUT") == []


def test_a_number_that_another_invoice_has(installation):
    exported(installation, an_invoice("i0", number="N-1"))
    answer = answer_to(installation, an_invoice(number="N-1"))
    assert answer["reason"] == "number_used_twice"
    assert "i0" in answer["notification"]["message"]


def test_not_readable(installation):
    answer = answer_to(installation, {**an_invoice(), "date": "soon"}, an_invoice("i2"))
    assert answer["reason"] == "invoice_unreadable"
    assert installation.answers("now")["i2"]["type"] == "succeeded"


def test_another_company_has_one_of_the_same_id(installation):
    installation.company("quay", OTHER)
    exported(installation, company="quay")
    assert answer_to(installation)["outcome"] == "created"
    assert (len(installation.books(TENANT)), len(installation.books(OTHER))) == (1, 1)


def test_named_twice_in_one_request(installation):
    answer_to(installation, an_invoice(revision=1), an_invoice(revision=2, reference="newest"))
    assert [book["Reference"] for book in installation.books()] == ["newest"]


def test_the_company_is_paused(installation):
    pausing.pause(installation.tools, COMPANY, "olga", "")
    installation.ask(an_invoice(), request="now")
    installation.run()
    assert installation.answers("now") == {}
    (told,) = installation.events("invoice.export.deferred")
    assert (told["data"]["request"], told["data"]["cause"]) == ("now", "paused")


def test_the_same_event_again(installation):
    first, again = installation.ask(an_invoice()), installation.ask(an_invoice())
    assert (again.invoices, again.repeated) == (first.invoices, True)


def test_the_same_event_id_with_another_body(installation):
    installation.ask(an_invoice())
    with pytest.raises(OtherBody):
        installation.ask(an_invoice(reference="other"))
    assert "other" not in installation.export("i1").wanted


def test_a_host_that_sends_everything_again(installation):
    exported(installation, *invoices(120))
    calls = len(installation.calls())
    installation.ask(*invoices(120), request="again")
    installation.run()
    assert {answer["outcome"] for answer in installation.answers("again").values()} == {"unchanged"}
    assert len(installation.answers("again")) == 120
    assert len(installation.calls()) == calls


def test_a_company_that_is_not_set_up(installation):
    with pytest.raises(Unreadable, match="there is no company “nobody” here"):
        intake.accept(installation.tools, a_request(company="nobody"))


def test_a_cancel_of_what_has_its_answer(installation):
    exported(installation)
    receipt = intake.accept(installation.tools, an_order("cancel", request="before"))
    assert (receipt.invoices, receipt.left_out) == (0, {"answered": 1})


def test_a_replay_of_what_is_in_xero_or_on_its_way(installation):
    exported(installation)
    receipt = intake.accept(installation.tools, an_order("replay", request="before"))
    assert (receipt.invoices, receipt.left_out) == (0, {"not_failed": 1})


def test_a_replay_of_what_could_not_be_read(installation):
    exported(installation, {**an_invoice(), "date": "soon"})
    receipt = intake.accept(installation.tools, an_order("replay", request="before"))
    assert (receipt.invoices, receipt.left_out) == (0, {"unreadable": 1})
