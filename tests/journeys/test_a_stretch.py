"""Where Xero answers at once, a turn stays with its thread and makes several calls; whatever befalls one of them."""

from dataclasses import replace

import pytest
import redis

from store import connections
from tests.builders import an_invoice, invoices
from worker.decisions import turns
from worker.export import turn
from worker.export.turn import Lane, Manner
from xero_adapter.target import XeroTarget

ANY = 60.0


@pytest.fixture
def calls_of_five(monkeypatch):
    """Each call carries five invoices."""
    monkeypatch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=5))


@pytest.fixture
def quick(installation, calls_of_five, monkeypatch):
    """An installation with threads to spare whose calls carry five invoices, and are quick whatever they take."""
    monkeypatch.setattr(turns, "_QUICK_SECONDS", ANY)
    installation.tools.bells.staff("here", 16, 600)
    installation.ask(an_invoice("first"), request="first")  # from now on it is known how long Xero takes
    installation.run()
    installation.simulator.state.world.calls.clear()
    return installation


def a_turn_of_three(installation, tools=None):
    manner = Manner(3, lambda _most: None)
    return turn.take_turn(tools or installation.tools, Lane("harbour", lane_of(installation)), manner)


def lane_of(installation):
    return next(iter(installation.simulator.state.world.organisations))


def states(installation):
    with installation.store.read() as work:
        return sorted(work.connection.exec_driver_sql("SELECT state, count(*) FROM batches GROUP BY state").all())


def all_is_well(installation, count):
    assert len(installation.books()) == count + 1
    assert len({book["Url"] for book in installation.books()}) == count + 1
    assert {answer["type"] for answer in installation.answers().values()} == {"succeeded"}
    assert len(installation.answers()) == count


def test_a_backlog_is_exported_with_a_handful_of_doorbells(quick):
    quick.ask(*invoices(100))
    assert quick.run() <= 3
    assert len(quick.calls("PUT")) == 20
    all_is_well(quick, 100)


def test_a_turn_that_leaves_nothing_asks_for_no_other(installation):
    installation.ask(an_invoice("clicked"), mode="single")
    assert installation.run() == 1
    assert installation.answers()["clicked"]["type"] == "succeeded"


def test_what_changes_while_it_is_on_its_way_follows_at_once_even_if_nobody_rings(installation, monkeypatch):
    target = installation.tools.targets["xero"]
    create = target.create

    def overtaken(*call):
        installation.ask(an_invoice("clicked", revision=1, reference="newer"), request="newer")
        installation.tools.redis.delete("xp:due")
        return create(*call)

    monkeypatch.setattr(target, "create", overtaken)
    installation.ask(an_invoice("clicked"), mode="single")
    installation.run()
    assert [book["Reference"] for book in installation.books()] == ["newer"]


def test_where_xero_takes_its_time_each_call_has_a_doorbell_of_its_own(quick, monkeypatch):
    monkeypatch.setattr(turns, "_QUICK_SECONDS", 0.0)
    quick.ask(*invoices(100))
    assert quick.run() >= 20
    assert len(quick.calls("PUT")) == 20


def test_while_threads_are_scarce_each_call_has_a_doorbell_of_its_own(quick):
    quick.tools.redis.delete("xp:staff")
    quick.tools.bells.staff("here", 2, 600)
    quick.ask(*invoices(100))
    assert quick.run() >= 20


def test_a_turn_that_stays_is_over_some_time(quick, monkeypatch):
    """So that a process that is told to stop does, and lanes change threads."""
    monkeypatch.setattr(turns, "AT_A_STRETCH", 3)
    quick.ask(*invoices(300))
    lane, token = quick.rings.pop(0)
    turn.answer_doorbell(quick.tools, Lane.of(lane), token)
    assert len(quick.calls("PUT")) == 1 + 3 + 3


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("fault", ["commit_then_drop", "drop", "limit_minute", "http_500", "offline"])
@pytest.mark.usefixtures("calls_of_five")
def test_trouble_with_one_call_leaves_the_answers_before_it_and_sends_nothing_behind_it(on_sqlite, place, fault):
    on_sqlite.ask(*invoices(16))
    on_sqlite.tools.targets["xero"].pace.note(organisation(on_sqlite), {}, 0.01)
    on_sqlite.simulator.state.faults.set({fault: [place]})
    a_turn_of_three(on_sqlite)
    assert len(on_sqlite.calls("PUT")) == place
    assert len(on_sqlite.answers()) == 5 * (place - 1)
    handed_back = [attempt for one in invoices(16) for attempt in on_sqlite.attempts(one["id"])]
    unsent = 5 * (3 - place) + (5 if fault == "limit_minute" else 0)
    assert sum(attempt.outcome == "not_sent" for attempt in handed_back) == unsent
    on_sqlite.settle_down()
    assert len(on_sqlite.books()) == 16
    assert {answer["type"] for answer in on_sqlite.answers().values()} == {"succeeded"}
    assert {on_sqlite.export(one["id"]).crashes for one in invoices(16)} == {0}


def organisation(installation):
    with installation.store.read() as work:
        return connections.organisation(work, Lane("harbour", lane_of(installation)))


def test_an_invoice_that_cannot_be_mapped_fails_alone_whichever_of_the_calls_it_was_for(quick):
    wanted = invoices(20)
    for place in (0, 7, 14):
        wanted[place] = an_invoice(
            wanted[place]["id"], line={"account_code": ""}, client={"id": "nobody", "name": "N"}
        )
    quick.ask(*wanted)
    a_turn_of_three(quick)
    answers = quick.answers()
    assert sum(answer["type"] == "succeeded" for answer in answers.values()) == 12
    assert {answer["reason"] for answer in answers.values() if answer["type"] == "failed"} == {"contact_not_mapped"}
    assert [len(call_of) for call_of in carried(quick)] == [4, 4, 4]


def carried(installation):
    with installation.store.read() as work:
        sizes = work.connection.exec_driver_sql("SELECT size FROM batches WHERE body IS NOT NULL AND size > 1").all()
    return [range(size) for (size,) in sizes]


def test_a_batch_of_which_nothing_can_be_sent_is_closed_and_the_others_go(quick):
    nobody = [an_invoice(f"bad{number}", client={"id": "nobody", "name": "N"}) for number in range(5)]
    quick.ask(*invoices(5, "a"), *nobody, *invoices(10, "z"))
    a_turn_of_three(quick)
    assert len(quick.calls("PUT")) == 2
    assert ("claimed", 1) not in states(quick)
    quick.settle_down(2)
    assert len(quick.books()) == 16


def test_what_comes_too_late_is_not_sent(quick):
    """The process was suspended after the first call."""
    now = [0.0]
    tools = replace(quick.tools, elapsed=lambda: now[0])
    quick.ask(*invoices(20))
    quick.simulator.state.limits.in_flight = Passing(now)
    a_turn_of_three(quick, tools)
    assert len(quick.calls("PUT")) == 1
    assert states(quick) == [("given_back", 2), ("settled", 2)]
    quick.settle_down()
    all_is_well(quick, 20)


class Passing(dict):
    """Calls in flight; ten seconds pass while there is one."""

    def __init__(self, now):
        super().__init__()
        self._now = now

    def __setitem__(self, key, count):
        self._now[0] += 10
        super().__setitem__(key, count)


def test_without_redis_what_was_answered_is_written_down_and_nothing_more_is_sent(quick, monkeypatch):
    quick.ask(*invoices(20))
    with monkeypatch.context() as lost:
        lost.setattr(quick.tools.targets["xero"], "pace", Once(quick.tools.targets["xero"].pace))
        a_turn_of_three(quick)
    assert len(quick.calls("PUT")) == 1
    assert len(quick.answers()) == 5
    quick.settle_down(2)
    all_is_well(quick, 20)


class Once:
    """Pace whose Redis goes away after the first permit."""

    def __init__(self, pace):
        self._pace, self._asked = pace, 0

    def __getattr__(self, name):
        return getattr(self._pace, name)

    def ask(self, *args, **kwargs):
        self._asked += 1
        if self._asked > 1:
            raise redis.ConnectionError
        return self._pace.ask(*args, **kwargs)


def test_near_the_limit_no_more_is_claimed_than_may_be_sent(make_installation, sqlite_url, monkeypatch):
    monkeypatch.setattr(turns, "_QUICK_SECONDS", ANY)
    made = make_installation(sqlite_url, calls_per_minute=4)
    made.company()
    made.ask(*invoices(400))
    made.tools.targets["xero"].pace.note(organisation(made), {}, 0.01)
    for _ in range(4):
        a_turn_of_three(made)
    assert len(made.calls("PUT")) == 2  # half of the minute at once, the other half is spread
    assert states(made) == [("settled", 2)]


def test_what_has_stopped_the_exporter_before_takes_no_other_call_along(quick):
    quick.ask(*invoices(20))
    with quick.store.write() as work:
        work.connection.exec_driver_sql("UPDATE exports SET crashes = 1 WHERE invoice = 'i0007'")
    a_turn_of_three(quick)
    assert len(quick.calls("PUT")) == 1
    a_turn_of_three(quick)
    assert len(quick.calls("PUT")) == 2


def test_updates_go_a_call_at_a_time(quick):
    quick.ask(*invoices(20))
    quick.run()
    quick.ask(*(an_invoice(one["id"], revision=2, reference="changed") for one in invoices(20)), request="r2")
    a_turn_of_three(quick)
    assert len(quick.calls("POST")) == 1
    quick.run()
    assert {answer["outcome"] for answer in quick.answers("r2").values()} == {"updated"}


def test_a_click_is_not_kept_waiting_by_calls_it_is_not_in(quick):
    quick.ask(*invoices(40))
    quick.ask(an_invoice("click"), request="click", mode="single")
    a_turn_of_three(quick)
    assert len(quick.calls("PUT")) == 1
    assert set(quick.answers("click")) == {"click"}


def test_a_late_worker_writes_nothing_about_the_batch_that_was_taken_from_it(quick):
    """The lease of one of three batches is over when the answers come; the other two are written down."""
    quick.ask(*invoices(20))
    quick.simulator.state.limits.in_flight = Taking(quick)
    a_turn_of_three(quick)
    assert len(quick.answers()) == 10
    quick.simulator.state.limits.in_flight = {}
    quick.settle_down()
    all_is_well(quick, 20)


class Taking(dict):
    """Calls in flight; while the second is, somebody takes its batch."""

    def __init__(self, installation):
        super().__init__()
        self._installation, self._calls = installation, 0

    def __setitem__(self, key, count):
        self._calls += count
        if self._calls == 2 and count:
            with self._installation.store.write() as work:
                first = "SELECT id FROM batches WHERE state = 'sent' ORDER BY created_at, id LIMIT 1"
                taken = f"UPDATE batches SET token = 'other', lease_until = '2000-01-01' WHERE id = ({first})"
                work.connection.exec_driver_sql(taken)
        super().__setitem__(key, count)
