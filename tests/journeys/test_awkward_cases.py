"""The awkward cases of the protocol, one by one."""

import json
from decimal import Decimal

from sqlmodel import delete

from simulator import ledger
from store.tables import Export, NumberClaim
from tests.builders import TENANT, an_invoice, contact_id
from worker.export import rescuer, turn

OTHER = "99999999-2222-4333-8444-555555555555"


def lose_the_reply(installation, *wanted, **other):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(*wanted, **other)
    installation.run()
    installation.simulator.state.faults.set({})


def numbers(installation):
    return sorted(book["InvoiceNumber"] for book in installation.books())


def test_renumbered_after_a_timeout_the_number_that_was_sent_is_the_one_looked_for(installation):
    lose_the_reply(installation, an_invoice(number="N-old", revision=1))
    installation.ask(an_invoice(number="N-new", revision=2), request="renumbered")
    installation.rings.clear()
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()
    installation.run(1)
    assert numbers(installation) == ["N-old"]
    assert installation.answers()["i1"]["outcome"] == "adopted"
    assert len(installation.calls("PUT")) == 1


def test_renumbered_after_a_definite_refusal_the_new_number_is_sent(installation):
    installation.ask(an_invoice(number="N-old", currency="EUR"))
    installation.run()
    installation.ask(an_invoice(number="N-new", revision=2), request="mended")
    installation.run()
    assert numbers(installation) == ["N-new"]


def test_totals_that_differ_because_of_the_accounts_own_tax_are_shown_not_sent_again(installation):
    lose_the_reply(installation, an_invoice(totals={"subtotal": "100.00", "tax": "0.00", "total": "100.00"}))
    installation.settle_down()
    answer = installation.answers()["i1"]
    assert answer["outcome"] == "adopted"
    assert answer["verified"] is False
    assert len(installation.books()) == 1


def test_a_contact_merged_meanwhile_does_not_hide_our_invoice(installation):
    lose_the_reply(installation, an_invoice())
    installation.books()[0]["Contact"] = {"ContactID": contact_id("bolt"), "Name": "Bolt & Co"}
    installation.settle_down()
    answer = installation.answers()["i1"]
    assert answer["outcome"] == "adopted"
    assert answer["differences"] == ["another contact in Xero than the client's: Bolt & Co"]
    assert len(installation.books()) == 1


def test_a_commit_that_comes_after_the_look_up_ends_in_one_invoice(installation):
    """Looked for too early, sent again, and then both: the second is told that the number must be unique."""
    lose_the_reply(installation, an_invoice())
    (late,) = installation.books()
    appear = hide_from_xero(installation)
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()
    installation.run(1)
    assert installation.export("i1").state == "pending"
    appear()
    installation.settle_down()
    assert [book["InvoiceID"] for book in installation.books()] == [late["InvoiceID"]]
    assert installation.answers()["i1"]["outcome"] == "adopted"


def test_a_worker_suspended_between_commit_and_call_sends_nothing_when_it_wakes(installation):
    """SIGSTOP for ten seconds, right after the freeze: the clock that runs while suspended says so."""
    times = iter([0.0, 10.0])
    installation.ask(an_invoice())
    object.__setattr__(installation.tools, "elapsed", lambda: next(times, 10.0))
    lane, token = installation.rings.pop(0)
    turn.answer_doorbell(installation.tools, turn.Lane.of(lane), token)
    assert installation.calls("PUT") == []
    assert (installation.export("i1").state, installation.export("i1").attempts) == ("pending", 0)
    object.__setattr__(installation.tools, "elapsed", lambda: 10.0)
    installation.settle_down()
    assert len(installation.books()) == 1


def test_an_older_revision_that_arrives_last_gets_the_newer_ones_outcome(installation):
    installation.ask(an_invoice(revision=5, reference="newer"), request="newer")
    installation.ask(an_invoice(revision=4, reference="older"), request="older")
    installation.run()
    assert [book["Reference"] for book in installation.books()] == ["newer"]
    assert installation.answers("older")["i1"]["type"] == "succeeded"
    installation.ask(an_invoice(revision=3, reference="oldest"), request="oldest")
    assert installation.answers("oldest")["i1"]["outcome"] == "unchanged"


def test_newer_content_before_anything_was_sent_simply_replaces_the_older(installation):
    installation.ask(an_invoice(revision=1, reference="first"), request="first")
    installation.ask(an_invoice(revision=2, reference="second"), request="second")
    installation.run()
    assert [book["Reference"] for book in installation.books()] == ["second"]
    assert len(installation.calls("PUT")) == 1
    assert installation.answers("first")["i1"]["type"] == installation.answers("second")["i1"]["type"] == "succeeded"


def test_a_number_that_is_taken_and_not_shown_fails_once_and_never_loops(installation, monkeypatch):
    organisation = installation.simulator.state.world.organisations[TENANT]
    ledger.write_by_hand(installation.simulator.state.world, organisation, "N-i1", contact_id("bolt"))
    monkeypatch.setattr(installation.tools.targets["xero"], "find", lambda *_args, **_kwargs: {"N-I1": []})
    installation.ask(an_invoice())
    installation.settle_down()
    assert installation.answers()["i1"]["reason"] == "number_taken"
    assert len(installation.calls("PUT")) == 1


def test_an_answer_that_leaves_an_invoice_out_leaves_only_that_one_uncertain(installation, monkeypatch):
    real = installation.tools.targets["xero"].create

    def forgetful(*call):
        answers = real(*call)
        answers.by_number.pop("N-B")
        return answers

    monkeypatch.setattr(installation.tools.targets["xero"], "create", forgetful)
    installation.ask(an_invoice("a", number="N-A"), an_invoice("b", number="N-B"))
    installation.run(1)
    assert set(installation.answers()) == {"a"}
    installation.settle_down()
    assert installation.answers()["b"]["outcome"] == "adopted"
    assert numbers(installation) == ["N-A", "N-B"]


def test_our_invoice_is_known_without_its_url_by_app_contact_date_and_currency(installation):
    lose_the_reply(installation, an_invoice())
    installation.books()[0]["Url"] = None
    installation.settle_down()
    assert installation.answers()["i1"]["outcome"] == "adopted"


def test_without_a_url_another_date_is_somebody_elses_invoice(installation):
    lose_the_reply(installation, an_invoice())
    installation.books()[0].update(Url=None, DateString="2026-01-01T00:00:00", Date="/Date(1767225600000+0000)/")
    installation.settle_down()
    assert installation.answers()["i1"]["reason"] == "number_taken"


def test_a_lease_that_expires_with_the_call_under_way_is_settled_and_the_late_answer_ignored(
    installation, monkeypatch
):
    real = installation.tools.targets["xero"].create

    def slow(*call):
        answers = real(*call)
        installation.later(installation.settings.lease_seconds + 1)
        rescuer.sweep(installation.tools, "test")
        return answers

    monkeypatch.setattr(installation.tools.targets["xero"], "create", slow)
    installation.ask(an_invoice())
    installation.run(1)
    assert installation.export("i1").state == "uncertain"
    installation.settle_down()
    assert installation.answers()["i1"]["outcome"] == "adopted"
    assert len(installation.books()) == 1


def test_amounts_are_kept_with_all_their_digits(installation):
    installation.ask(an_invoice(line={"quantity": "3", "unit_amount": "33.3333"}))
    installation.run()
    with installation.store.read() as work:
        row = work.session.get_one(Export, installation.export("i1").id)
    assert Decimal(str(installation.books()[0]["SubTotal"])) == Decimal("100.00")
    assert json.loads(row.xero_totals)["totals"]["subtotal"] == "100.00"


def hide_from_xero(installation):
    """What was committed is not to be seen yet; gives what makes it appear."""
    organisation = installation.simulator.state.world.organisations[TENANT]
    hidden = dict(organisation.invoices), dict(organisation.by_number)
    organisation.invoices.clear()
    organisation.by_number.clear()

    def appear():
        organisation.invoices.update(hidden[0])
        organisation.by_number.update(hidden[1])

    return appear


def test_a_late_commit_of_older_content_is_known_by_what_it_says_and_the_newer_goes_behind_it(installation):
    """Sent, not found, changed by the host, sent again, refused as taken: what Xero has is the first content."""
    lose_the_reply(installation, an_invoice(reference="first", revision=1), request="first")
    appear = hide_from_xero(installation)
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()
    installation.run(1)
    installation.ask(an_invoice(reference="second", revision=2), request="second")
    appear()
    installation.settle_down()
    (book,) = installation.books()
    assert book["Reference"] == "second"
    assert installation.answers("second")["i1"]["type"] == "succeeded"


def test_a_result_of_older_content_is_proven_against_what_was_sent(installation):
    """The newer content is dearer; the older one arrived as it was meant, and that is what its answer says."""
    dearer = an_invoice(revision=2, totals={"total": "220.00"}, line={"unit_amount": "200.00"})
    lose_the_reply(installation, an_invoice(revision=1, totals={"total": "110.00"}), request="older")
    installation.ask(dearer, request="newer")
    installation.settle_down()
    for request, total in (("older", "110.00"), ("newer", "220.00")):
        answer = installation.answers(request)["i1"]
        assert (answer["verified"], answer["differences"], answer["totals"]["total"]) == (True, [], total)


def test_a_number_that_somebody_else_has_is_refused_in_xeros_own_words_too(installation):
    installation.ask(an_invoice("theirs", number="N-1"))
    installation.run()
    (book,) = installation.books()
    book["Url"] = "https://elsewhere.example/1"
    with installation.store.write() as work:
        work.session.exec(delete(NumberClaim))
    installation.ask(an_invoice("ours", number="N-1"), request="second")
    installation.settle_down()
    answer = installation.answers("second")["ours"]
    assert answer["reason"] == "number_taken"
    assert "must be unique" in answer["xero_words"]
