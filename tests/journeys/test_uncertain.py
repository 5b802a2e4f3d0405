"""Uncertain stays uncertain: what may be ours is never called another's; it is looked for, then a person is asked."""

import json
from dataclasses import replace

import pytest

from simulator import operations
from tests import builders
from tests.builders import an_invoice, an_order
from worker.commands import adopt
from worker.decisions import turns
from worker.decisions.claiming import Claim
from worker.intake import intake


class Lag:
    """Lists of Xero that do not show what was written, while `on`."""

    def __init__(self, monkeypatch):
        self.on = True
        real = operations.perform

        def perform(state, request, caller, path):
            reply = real(state, request, caller, path)
            if not (self.on and request.method == "GET" and path.lower().startswith("invoices")):
                return reply
            return replace(reply, body=json.dumps({**json.loads(reply.body), "Invoices": []}).encode())

        monkeypatch.setattr(operations, "perform", perform)


@pytest.fixture
def lag(monkeypatch):
    return Lag(monkeypatch)


def lost(installation, **content):
    """The first answer is lost, and lists do not show the invoice when it is looked for."""
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice(revision=1, **content))
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down(2)


def test_what_lists_show_only_later_is_ours_all_the_same(installation, lag):
    lost(installation)
    assert installation.answers() == {}
    assert installation.markers() == {"i1": "uncertain"}
    lag.on = False
    installation.later(900)
    installation.wake()
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "adopted"
    assert len(installation.books()) == 1


def test_neighbours_do_not_wait_for_what_is_uncertain(installation, lag):
    for name in ("a", "b", "c", "d", "e"):
        installation.simulator.state.faults.set({"commit_then_drop": [1]})
        installation.ask(an_invoice(name), request=name)
        installation.run()
        installation.simulator.state.faults.set({})
        installation.settle_down(2)
    assert {installation.export(name).state for name in ("a", "b", "c", "d", "e")} == {"uncertain"}
    installation.ask(an_invoice("z"), request="z")
    installation.run()
    assert installation.answers("z")["z"]["outcome"] == "created"


def watched_to_the_end(installation):
    lost(installation)
    for _ in range(9):
        installation.later(15_000)
        installation.wake()
        installation.run()


def test_after_hours_a_person_is_asked_and_it_is_never_called_anothers(installation, lag):
    watched_to_the_end(installation)
    told = installation.answers()["i1"]
    assert told["reason"] == "perhaps_in_xero"
    assert "another invoice" not in told["notification"]["message"]
    assert "ask support to take it over" in told["how"]
    assert "raise anew" in told["how"]


def test_it_is_ours_and_taken_over(installation, lag):
    watched_to_the_end(installation)
    lag.on = False
    claim = Claim(id="i1", number="N-i1")
    done = adopt.adopt(installation.tools, builders.COMPANY, [claim], "olga", "it is ours", lambda _seconds: None)
    assert set(done.taken) == {"i1"}
    assert installation.export("i1").state == "exported"


def raise_anew(installation, **said):
    intake.accept(installation.tools, an_order("raise_anew", invoices=["i1"], as_request="again", **said))
    installation.run()
    return installation.answers("again")["i1"]


def test_it_is_not_ours_and_goes_under_another_number(installation, lag):
    watched_to_the_end(installation)
    told = raise_anew(installation, number="N-other")
    assert (told["type"], told["number"]) == ("succeeded", "N-other")


def test_raised_anew_after_all_it_is_found_to_be_there_and_not_raised(installation, lag):
    watched_to_the_end(installation)
    lag.on = False
    told = raise_anew(installation)
    assert (told["type"], told["outcome"]) == ("succeeded", "adopted")
    assert len(installation.books()) == 1


def test_a_number_that_was_taken_before_our_first_try_is_anothers(installation, lag):
    installation.ask(an_invoice("i1"), request="first")
    installation.run()
    for book in installation.books():
        book["Url"] = "https://elsewhere.example/"
    with installation.store.write() as work:
        work.session.connection().exec_driver_sql("DELETE FROM numbers")
    installation.ask(an_invoice("i2", number="N-i1"), request="second")
    installation.settle_down(2)
    assert installation.answers("second")["i2"]["reason"] == "number_taken"


def test_neither_mark_nor_app_and_yet_alike_is_not_called_anothers(installation):
    """Lists that give no Url back, and an app that was replaced since."""
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice())
    installation.run()
    installation.simulator.state.faults.set({})
    (book,) = installation.books()
    mark, book["Url"] = book["Url"], ""
    installation.simulator.state.world.organisations[builders.TENANT].made_by[book["InvoiceID"]] = "another"
    installation.settle_down(2)
    assert installation.answers() == {}
    assert installation.export("i1").state == "uncertain"
    book["Url"] = mark
    installation.later(900)
    installation.wake()
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "adopted"


def outage(installation, seconds):
    """Xero answers nothing for so long, and is asked all the while."""
    installation.simulator.state.faults.set({"html_503": 1.0, "reads": True})
    for _ in range(int(seconds / 310)):
        installation.later(310)
        installation.wake()
        installation.run()
    installation.simulator.state.faults.set({})


def test_look_ups_of_an_outage_do_not_count(installation):
    """Xero is away for long, and shows neither mark nor app when it is back: nobody is asked at once."""
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice())
    installation.run()
    (book,) = installation.books()
    mark, book["Url"] = book["Url"], ""
    installation.simulator.state.world.organisations[builders.TENANT].made_by[book["InvoiceID"]] = "another"
    outage(installation, 5400)
    installation.later(310)
    installation.wake()
    installation.run()
    assert installation.answers() == {}
    assert installation.export("i1").state == "uncertain"
    book["Url"] = mark
    installation.later(61)
    installation.wake()
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "adopted"


def test_an_outage_between_two_looks_takes_only_its_time_of_the_half_day(installation, lag):
    lost(installation)
    outage(installation, 5400)
    for _ in range(3):
        installation.later(3700)
        installation.wake()
        installation.run()
    assert installation.answers() == {}
    lag.on = False
    installation.later(14_400)
    installation.wake()
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "adopted"


@pytest.mark.parametrize(
    ("watched", "wait"),
    [
        (0, 60),
        (59.9, 60),
        (60, 300),
        (359, 300),
        (360, 900),
        (1260, 3600),
        (4860, 7200),
        (12_060, 14_400),
        (26_460, 14_400),
        (40_859, 14_400),
        (40_860, None),
        (14 * 86_400, None),
    ],
)
def test_pauses_grow_with_the_time_that_is_watched_from_a_minute_to_hours_and_end(watched, wait):
    assert turns.watch_wait(watched) == wait


def test_who_asks_after_every_pause_asks_eight_times_in_about_half_a_day():
    watched, asked = 0.0, 1
    while (wait := turns.watch_wait(watched)) is not None:
        watched, asked = watched + wait, asked + 1
    assert asked == 8
    assert 10 * 3600 < watched < 14 * 3600
