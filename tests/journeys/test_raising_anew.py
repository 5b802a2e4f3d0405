"""What is voided, deleted or gone in Xero can be raised anew by a person, once; what lives there never is."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlmodel import col, select

from store.tables import AuditLine, Export, Generation
from tests import builders
from tests.builders import an_invoice, an_order
from worker.export import raise_anew as raising_anew
from worker.export import rescuer
from worker.intake import intake
from xero_adapter import links


def exported(installation, *wanted):
    installation.ask(*(wanted or [an_invoice(revision=1)]), request="first")
    installation.run()
    installation.later(4000)
    return installation.books()


def raise_anew(installation, request="again", run=True, **said):
    order = an_order("raise_anew", as_request=request, **{"invoices": ["i1"], **said})
    receipt = intake.accept(installation.tools, order)
    if run:
        installation.run()
    return receipt


def answer(installation, request="again"):
    return installation.answers(request)["i1"]


def earlier(installation):
    with installation.store.read() as work:
        rows = work.session.exec(select(Generation).order_by(col(Generation.generation))).all()
        return [(row.generation, row.number, row.xero_invoice_id, row.ended, row.by, row.why) for row in rows]


def hide(installation):
    """Xero shows none of its invoices any more."""
    organisation = installation.simulator.state.world.organisations[builders.TENANT]
    organisation.invoices.clear()
    organisation.by_number.clear()


def living(installation):
    return [book for book in installation.books() if book["Status"] not in ("VOIDED", "DELETED")]


def test_a_voided_invoice_is_raised_under_a_further_number_beside_the_old_one(installation):
    (old,) = exported(installation)
    old["Status"] = "VOIDED"
    receipt = raise_anew(installation)
    assert receipt.invoices == 1
    told = answer(installation)
    assert (told["outcome"], told["number"], told["generation"]) == ("created", "N-i1-2", 2)
    (new,) = living(installation)
    assert new["InvoiceID"] != old["InvoiceID"]
    assert links.marked(new["Url"]) == (builders.COMPANY, "i1")
    assert links.generation(new["Url"]) == 2
    assert earlier(installation) == [(1, "N-i1", old["InvoiceID"].lower(), "voided", "olga", "because")]
    with installation.store.read() as work:
        (line,) = work.session.exec(select(AuditLine)).all()
        assert (line.what, line.who, line.why, line.count) == ("raise anew", "olga", "because", 1)


def test_a_deleted_one_keeps_its_number_where_xero_lets_it(installation):
    (old,) = exported(installation)
    old["Status"] = "DELETED"
    raise_anew(installation)
    assert (answer(installation)["type"], answer(installation)["number"]) == ("succeeded", "N-i1")
    assert len(living(installation)) == 1


def test_one_that_is_gone_is_raised_under_its_number(installation):
    exported(installation)
    hide(installation)
    raise_anew(installation)
    assert (answer(installation)["number"], len(installation.books())) == ("N-i1", 1)
    assert earlier(installation)[0][3] == "gone"


def test_what_was_exported_a_moment_ago_and_is_not_shown_yet_is_not_gone(installation):
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    organisation = installation.simulator.state.world.organisations[builders.TENANT]
    hidden = dict(organisation.invoices)
    hide(installation)
    raise_anew(installation)
    assert installation.answers("again") == {}
    organisation.invoices.update(hidden)
    installation.settle_down(2)
    assert answer(installation)["reason"] == "still_in_xero"
    assert len(installation.books()) == 1


def test_a_person_may_choose_the_number(installation):
    (old,) = exported(installation)
    old["Status"] = "VOIDED"
    raise_anew(installation, number="N-new")
    assert answer(installation)["number"] == "N-new"
    assert [book["InvoiceNumber"] for book in living(installation)] == ["N-new"]


@pytest.mark.parametrize("status", ["AUTHORISED", "PAID", "DRAFT", "SUBMITTED"])
def test_what_lives_in_xero_is_not_raised_a_second_time(installation, status):
    (old,) = exported(installation)
    old["Status"] = status
    old["AmountPaid"] = 110.0 if status == "PAID" else 0.0
    raise_anew(installation)
    told = answer(installation)
    assert (told["type"], told["reason"]) == ("failed", "still_in_xero")
    assert len(installation.books()) == 1
    assert earlier(installation) == []
    old["Status"] = "VOIDED"
    raise_anew(installation, "later")
    assert answer(installation, "later")["generation"] == 2


def test_an_invoice_of_nothing_that_xero_marked_paid_has_a_way_out(installation):
    nothing = [{"description": "Visit", "quantity": "1", "unit_amount": "0.00"}]
    (old,) = exported(installation, an_invoice(revision=1, lines=nothing))
    old["Status"] = "PAID"
    installation.ask(an_invoice(revision=2), request="changed", mode="single")
    installation.run()
    assert installation.answers("changed")["i1"]["reason"] == "zero_marked_paid"
    raise_anew(installation)
    told = answer(installation)
    assert (told["type"], told["number"], float(told["totals"]["total"])) == ("succeeded", "N-i1-2", 110.0)


def test_ordered_twice_it_is_raised_once(installation):
    (old,) = exported(installation)
    old["Status"] = "VOIDED"
    raise_anew(installation, "one", run=False)
    second = raise_anew(installation, "two")
    assert second.left_out == {"under_way": 1}
    raise_anew(installation, "three")
    assert answer(installation, "three")["reason"] == "still_in_xero"
    assert len(living(installation)) == 1


def test_it_can_be_raised_again_and_again_each_time_once(installation):
    exported(installation)
    for time, number in ((2, "N-i1-2"), (3, "N-i1-3")):
        for book in installation.books():
            book["Status"] = "VOIDED"
        raise_anew(installation, f"time-{time}")
        told = answer(installation, f"time-{time}")
        assert (told["generation"], told["number"]) == (time, number)
        installation.later(4000)
    assert [one[:2] for one in earlier(installation)] == [(1, "N-i1"), (2, "N-i1-2")]
    assert len({book["Url"] for book in installation.books()}) == 3


def test_the_host_goes_on_with_its_own_number(installation):
    """It knows the invoice as N-i1 for ever; in Xero it is N-i1-2 since."""
    exported(installation)[0]["Status"] = "VOIDED"
    raise_anew(installation)
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.run()
    assert installation.answers("click")["i1"]["outcome"] == "unchanged"
    installation.ask(an_invoice(revision=2, reference="PO"), request="newer")
    installation.run()
    told = installation.answers("newer")["i1"]
    assert (told["outcome"], told["number"]) == ("updated", "N-i1-2")
    assert [(book["InvoiceNumber"], book["Reference"]) for book in living(installation)] == [("N-i1-2", "PO")]


@pytest.mark.parametrize("fault", ["commit_then_drop", "drop", "commit_then_500", "http_500"])
def test_an_answer_that_is_lost_does_not_raise_it_twice(installation, fault):
    exported(installation)[0]["Status"] = "VOIDED"
    installation.simulator.state.faults.set({fault: [1]})
    raise_anew(installation)
    installation.simulator.state.faults.set({})
    installation.settle_down(4)
    assert answer(installation)["type"] == "succeeded"
    assert len(living(installation)) == 1


@pytest.mark.parametrize("lag", [0.0, 5000.0], ids=["shown at once", "shown later"])
@pytest.mark.parametrize("fault", ["commit_then_drop", "drop", "commit_then_500", "http_500"])
def test_a_deleted_one_is_raised_once_though_the_answer_is_lost(installation, fault, lag):
    """Lists show the deleted one alone: it has its number no more, and says nothing of the one that was raised."""
    exported(installation)[0]["Status"] = "DELETED"
    state = installation.simulator.state
    state.switches = replace(state.switches, reads_lag_seconds=lag)
    installation.simulator.state.faults.set({fault: [1]})
    raise_anew(installation)
    installation.simulator.state.faults.set({})
    installation.settle_down(8)
    installation.later(5000)
    installation.settle_down(8)
    assert answer(installation)["type"] == "succeeded"
    assert len(living(installation)) == 1


@pytest.mark.parametrize("fault", ["drop", "http_500", "html_503", "limit_minute"])
def test_a_look_that_fails_is_made_again(installation, fault):
    exported(installation)[0]["Status"] = "VOIDED"
    installation.simulator.state.faults.set({fault: [1], "reads": True})
    raise_anew(installation)
    installation.simulator.state.faults.set({})
    installation.settle_down(2)
    assert (answer(installation)["type"], len(living(installation))) == ("succeeded", 1)


def test_the_number_of_another_invoice_is_not_taken(installation):
    exported(installation, an_invoice(revision=1), an_invoice("i2", number="N-i1-2"))
    next(book for book in installation.books() if book["InvoiceNumber"] == "N-i1")["Status"] = "VOIDED"
    raise_anew(installation)
    assert answer(installation)["reason"] == "number_used_twice"
    raise_anew(installation, "free", number="N-free")
    assert answer(installation, "free")["number"] == "N-free"


def test_a_cancelled_order_raises_nothing_afterwards_either(installation):
    exported(installation)[0]["Status"] = "VOIDED"
    raise_anew(installation, run=False)
    intake.accept(installation.tools, an_order("cancel", request="again"))
    installation.run()
    assert answer(installation)["reason"] == "cancelled"
    assert earlier(installation) == []
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.run()
    assert installation.answers("click")["i1"]["reason"] == "invoice_finalised"
    assert living(installation) == []


def test_a_worker_that_dies_after_the_look_raises_it_once(installation, monkeypatch):
    exported(installation)[0]["Status"] = "VOIDED"

    class Killed(BaseException):
        pass

    def die(*_args):
        raise Killed

    raise_anew(installation, run=False)
    with monkeypatch.context() as patched:
        patched.setattr(raising_anew, "_decide", die)
        with pytest.raises(Killed):
            installation.run()
    installation.later(400)
    rescuer.sweep(installation.tools, "test")
    installation.settle_down(2)
    assert (answer(installation)["type"], len(living(installation))) == ("succeeded", 1)


def test_many_are_raised_in_one_order_each_for_itself(installation):
    exported(installation, *(an_invoice(f"i{number}", revision=1) for number in range(1, 5)))
    for book in installation.books():
        if book["InvoiceNumber"] in ("N-i1", "N-i3"):
            book["Status"] = "VOIDED"
    raise_anew(installation, invoices=["i1", "i2", "i3", "i4", "i9"])
    told = installation.answers("again")
    assert Counter(one["type"] for one in told.values()) == {"succeeded": 2, "failed": 2}
    assert {name for name, one in told.items() if one["type"] == "succeeded"} == {"i1", "i3"}
    assert len(living(installation)) == 4
    assert len(installation.events("invoice.export.completed", request="again")) == 1


def test_what_was_never_sent_is_left_out_and_counted(installation):
    installation.ask(an_invoice("i5", client={"id": "nobody", "name": "Nobody"}), request="first")
    installation.run()
    receipt = raise_anew(installation, invoices=["i5", "i6"])
    assert (receipt.invoices, receipt.left_out) == (0, {"never_sent": 2})


def test_who_exports_as_usual_beside_a_refused_order_is_told_what_xero_has(installation):
    exported(installation)
    raise_anew(installation, run=False)
    installation.ask(an_invoice(revision=1), request="bulk")
    installation.settle_down(2)
    assert answer(installation)["reason"] == "still_in_xero"
    told = answer(installation, "bulk")
    assert (told["type"], told["outcome"]) == ("succeeded", "unchanged")
    assert installation.markers("bulk") == {"i1": "exported"}


def test_lists_that_lag_for_long_are_no_crash(installation):
    """It was set aside after eight looks: each had counted as one."""
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    organisation = installation.simulator.state.world.organisations[builders.TENANT]
    hidden = dict(organisation.invoices)
    hide(installation)
    raise_anew(installation)
    for _ in range(11):
        installation.later(301)
        installation.wake()
        installation.run()
    assert installation.answers("again") == {}
    assert installation.export("i1").crashes == 0
    organisation.invoices.update(hidden)
    installation.later(301)
    installation.wake()
    installation.run()
    assert answer(installation)["reason"] == "still_in_xero"


def test_a_call_without_an_answer_may_still_arrive_and_nothing_is_raised_beside_it(installation):
    """Cancelled while nobody knew, ordered anew at once: Xero took the first one, its lists did not show it yet."""
    state = installation.simulator.state
    state.switches = replace(state.switches, reads_lag_seconds=1200)
    state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    state.faults.set({})
    intake.accept(installation.tools, an_order("cancel", request="first"))
    installation.later(200)
    installation.wake()
    installation.run()
    assert installation.answers("first")["i1"]["reason"] == "cancelled"
    raise_anew(installation)
    installation.settle_down(8)
    assert len(installation.books()) == 1
    assert answer(installation)["outcome"] == "adopted"


def test_an_order_that_is_cancelled_beside_a_click_raises_nothing(installation):
    exported(installation)[0]["Status"] = "VOIDED"
    raise_anew(installation, run=False)
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    intake.accept(installation.tools, an_order("cancel", request="again"))
    installation.run()
    assert answer(installation)["reason"] == "cancelled"
    assert installation.answers("click")["i1"]["reason"] == "invoice_finalised"
    assert living(installation) == []


def test_an_order_that_found_the_invoice_ours_does_not_steer_a_later_one(installation):
    state = installation.simulator.state
    state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    state.faults.set({})
    intake.accept(installation.tools, an_order("cancel", request="first"))
    with installation.store.write() as work:
        export = work.session.get_one(Export, installation.export("i1").id)
        export.state = "failed"
    raise_anew(installation, number="N-former")
    installation.settle_down(3)
    assert answer(installation)["outcome"] == "adopted"
    installation.later(4000)
    installation.books()[0]["Status"] = "VOIDED"
    raise_anew(installation, "later", number="N-later")
    installation.settle_down(2)
    assert answer(installation, "later")["number"] == "N-later"


def test_a_refused_order_leaves_the_invoice_exported_and_watched(installation):
    exported(installation)
    raise_anew(installation)
    assert answer(installation)["reason"] == "still_in_xero"
    assert installation.export("i1").state == "exported"


def test_whose_number_went_to_another_is_raised_under_the_number_that_was_chosen(installation):
    exported(installation)[0]["Status"] = "DELETED"
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.run()
    installation.ask(an_invoice("i2", number="N-i1"), request="other")
    installation.run()
    assert installation.answers("other")["i2"]["type"] == "succeeded"
    raise_anew(installation, number="N-chosen")
    assert answer(installation)["number"] == "N-chosen"
