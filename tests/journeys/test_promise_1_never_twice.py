"""Promise 1: an invoice is never in Xero twice."""

from collections import Counter

from simulator import ledger
from tests.builders import TENANT, an_invoice, invoices


def numbers_in(installation):
    return Counter(invoice["InvoiceNumber"] for invoice in installation.books())


def test_a_bulk_send_puts_each_invoice_into_xero_once(installation):
    installation.ask(*invoices(120))
    installation.run()
    assert set(numbers_in(installation).values()) == {1}
    assert len(installation.books()) == 120
    assert len(installation.calls("PUT")) == 3


def test_the_same_event_again_changes_nothing(installation):
    first = installation.ask(an_invoice())
    installation.run()
    again = installation.ask(an_invoice())
    installation.run()
    assert (first.repeated, again.repeated) == (False, True)
    assert len(installation.calls("PUT")) == 1
    assert len(installation.answers()) == 1


def test_a_double_click_before_the_first_is_sent_makes_one_invoice_and_two_answers(installation):
    installation.ask(an_invoice(), request="first")
    installation.ask(an_invoice(), request="second", mode="single")
    installation.run()
    assert numbers_in(installation) == {"N-i1": 1}
    assert installation.answers("first")["i1"]["type"] == "succeeded"
    assert installation.answers("second")["i1"]["type"] == "succeeded"


def test_an_exported_invoice_sent_again_unchanged_says_so_and_makes_no_call(installation):
    installation.ask(an_invoice(), request="first")
    installation.run()
    before = installation.answers("first")["i1"]
    calls = len(installation.calls())
    installation.ask(an_invoice(), request="second")
    installation.run()
    answer = installation.answers("second")["i1"]
    assert answer["outcome"] == "unchanged"
    assert answer["exported_at"] == before["exported_at"]
    assert len(installation.calls()) == calls


def test_a_reply_lost_after_xero_committed_is_adopted_not_sent_again(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(*invoices(5))
    installation.run()
    assert set(installation.markers().values()) == {"uncertain"}
    installation.simulator.state.faults.set({})
    installation.settle_down()
    assert numbers_in(installation) == {f"N-i{n:04d}": 1 for n in range(1, 6)}
    assert {answer["outcome"] for answer in installation.answers().values()} == {"adopted"}
    assert len(installation.calls("PUT")) == 1


def test_a_call_that_never_arrived_is_sent_again_with_a_new_key(installation):
    installation.simulator.state.faults.set({"drop": 1.0})
    installation.ask(an_invoice())
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down()
    keys = [call["key"] for call in installation.calls("PUT")]
    assert len(keys) == 2
    assert len(set(keys)) == 2
    assert numbers_in(installation) == {"N-i1": 1}


def test_our_own_invoice_under_that_number_is_adopted_when_xero_says_it_is_taken(installation):
    """The late commit: looked up too early, sent again, and Xero says the number must be unique."""
    installation.ask(an_invoice())
    installation.run()
    export = installation.export("i1")
    with installation.store.write() as work:
        row = work.session.get_one(type(export), export.id)
        row.state, row.xero_invoice_id, row.sent_hash = "pending", None, ""
        work.session.add(row)
    installation.tools.bells.ring(f"{export.company}/{export.tenant}")
    installation.settle_down()
    assert numbers_in(installation) == {"N-i1": 1}
    assert installation.export("i1").state == "exported"


def test_two_invoices_with_one_number_never_meet_in_xero(installation):
    installation.ask(an_invoice("i1", number="N-7"), an_invoice("i2", number="n-7"))
    installation.run()
    assert len(installation.books()) == 1
    refused = [answer for answer in installation.answers().values() if answer["type"] == "failed"]
    assert [answer["reason"] for answer in refused] == ["number_used_twice"]


def test_a_number_that_somebody_used_in_xero_is_never_overwritten(installation):
    organisation = installation.simulator.state.world.organisations[TENANT]
    by_hand = next(iter(organisation.contacts))
    ledger.write_by_hand(installation.simulator.state.world, organisation, "N-i1", by_hand)
    installation.ask(an_invoice())
    installation.settle_down()
    assert [invoice["Url"] for invoice in installation.books()] == [None]
    answer = installation.answers()["i1"]
    assert answer["reason"] == "number_taken"
    assert "ACME Ltd" in answer["notification"]["message"]
