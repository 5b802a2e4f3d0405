"""The mark “never send”: nothing marked reaches Xero until the mark is taken off."""

from store import audit, pauses
from tests.builders import COMPANY, an_invoice, an_order
from worker.commands import excluding
from worker.intake import intake


def exclude(installation, *names):
    return excluding.exclude(installation.tools, COMPANY, names, "olga", "settled in cash")


def include(installation, *names):
    return excluding.include(installation.tools, COMPANY, names, "olga", "not settled after all")


def test_a_pending_invoice_that_is_marked_is_answered_and_not_sent(installation):
    installation.ask(an_invoice("a"), an_invoice("b"))
    done = exclude(installation, "N-a")
    assert (done.changed, done.unknown) == (["a"], [])
    installation.run()
    assert [book["InvoiceNumber"] for book in installation.books()] == ["N-b"]
    answer = installation.answers()["a"]
    assert (answer["reason"], answer["marker"]) == ("excluded", "excluded")
    assert installation.markers()["a"] == "excluded"


def test_a_marked_invoice_that_is_asked_for_again_fails_and_says_why(installation):
    installation.ask(an_invoice(), request="r1")
    exclude(installation, "i1")
    installation.ask(an_invoice(revision=2), request="r2")
    installation.run()
    answer = installation.answers("r2")["i1"]
    assert answer["notification"]["message"] == "Invoice N-i1 is marked “never send”."
    assert installation.books() == []


def test_in_flight_and_then_not_in_xero_it_is_not_sent_again(installation):
    installation.ask(an_invoice())
    installation.simulator.state.faults.set({"drop": 1.0})
    installation.run()
    installation.simulator.state.faults.set({})
    assert exclude(installation, "i1").in_flight == ["i1"]
    installation.settle_down()
    assert installation.answers()["i1"]["reason"] == "excluded"
    assert installation.books() == []


def test_in_flight_and_then_found_in_xero_it_is_exported_and_later_changes_stay_out(installation):
    installation.ask(an_invoice(revision=1))
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.run()
    installation.simulator.state.faults.set({})
    exclude(installation, "i1")
    installation.settle_down()
    assert installation.answers()["i1"]["outcome"] == "adopted"
    assert installation.markers()["i1"] == "exported"
    installation.ask(an_invoice(revision=2, reference="changed"), request="r2")
    installation.run()
    assert installation.answers("r2")["i1"]["reason"] == "excluded"
    assert installation.calls("POST") == []


def test_without_the_mark_it_can_be_replayed_with_the_newest_content(installation):
    installation.ask(an_invoice(), request="r1")
    exclude(installation, "i1")
    installation.ask(an_invoice(revision=2, reference="newest"), request="r2")
    assert include(installation, "N-i1").changed == ["i1"]
    intake.accept(installation.tools, an_order("replay", reason="excluded"))
    installation.run()
    assert [book["Reference"] for book in installation.books()] == ["newest"]


def test_the_mark_stays_when_the_company_connects_another_organisation(installation):
    installation.ask(an_invoice())
    exclude(installation, "i1")
    other = "99999999-2222-4333-8444-555555555555"
    installation.company(tenant=other)
    installation.ask(an_invoice(), request="r2")
    installation.run()
    assert installation.answers("r2")["i1"]["reason"] == "excluded"
    assert installation.books(other) == []


def test_marking_twice_changes_nothing_and_unknown_names_are_told(installation):
    installation.ask(an_invoice())
    exclude(installation, "i1")
    again = exclude(installation, "i1", "N-typo")
    assert (again.changed, again.so_before, again.unknown) == ([], ["i1"], ["N-typo"])
    assert include(installation, "i1").changed == ["i1"]
    assert include(installation, "i1").changed == []


def test_a_number_names_the_invoices_that_have_it_also_when_it_is_another_ones_in_xero(installation):
    installation.ask(an_invoice("i1", number="N-1"))
    installation.ask(an_invoice("i2", number="N-1"), request="second")
    installation.ask(an_invoice("i3", number="N-3"), request="third")
    assert sorted(exclude(installation, "N-1", "n-3").changed) == ["i1", "i2"]


def test_the_same_name_at_another_company_is_not_touched(installation):
    installation.company("quay", "99999999-2222-4333-8444-555555555555")
    installation.ask(an_invoice(), company="quay")
    assert exclude(installation, "i1").unknown == ["i1"]
    installation.run()
    assert len(installation.books("99999999-2222-4333-8444-555555555555")) == 1


def test_who_marked_it_and_why_is_kept(installation):
    installation.ask(an_invoice())
    exclude(installation, "i1")
    with installation.store.read() as work:
        mark = pauses.exclusion_of(work, COMPANY, "i1")
        (line,) = audit.newest(work)
    assert (mark.by, mark.why) == ("olga", "settled in cash")
    assert (line.what, line.chosen, line.count) == ("exclude", '{"invoices": ["i1"]}', 1)
