"""What went through is counted by quarters of an hour, once, and again while it can still grow."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import throughput
from tests.builders import an_invoice, an_order
from worker.decisions import estimating
from worker.intake import intake
from worker.watching import throughput as counting


def quarters(installation, hours=12):
    with installation.store.read() as work:
        return throughput.since(work, work.after(-3600 * hours))


def newest(installation):
    return quarters(installation)[-1]


@pytest.fixture
def at_the_quarter(installation):
    """The installation, three minutes after a quarter of an hour began."""
    now = installation.now()
    installation.later((throughput.beginning(now) + throughput.QUARTER + timedelta(minutes=3) - now).total_seconds())
    return installation


def test_exported_and_failed_are_counted_with_how_long_they_took(at_the_quarter):
    installation = at_the_quarter
    installation.ask(an_invoice("i1"), an_invoice("i2"), an_invoice("i3", client={"id": "new", "name": "New"}))
    installation.later(60)
    installation.run()
    counting.count(installation.tools, "clock")
    seen = newest(installation)
    assert (seen.exported, seen.failed) == (2, 1)
    assert seen.begins_at == throughput.beginning(installation.now())
    assert 59 <= seen.median <= seen.slow <= 75


def test_a_quarter_is_counted_again_until_nothing_can_be_added_to_it(at_the_quarter):
    installation = at_the_quarter
    installation.ask(an_invoice("i1"))
    installation.run()
    first = throughput.beginning(installation.now())
    assert counting.count(installation.tools, "clock") == 96
    installation.ask(an_invoice("i2"), request="r2")
    installation.run()
    assert counting.count(installation.tools, "clock") == 1
    assert newest(installation).exported == 2
    installation.later(13 * 60)  # a minute into the next, in which a transaction may still end
    assert [counting.count(installation.tools, "clock") for _ in range(2)] == [2, 2]
    assert {one.begins_at: one.exported for one in quarters(installation)}[first] == 2
    installation.later(60)
    assert [counting.count(installation.tools, "clock") for _ in range(2)] == [2, 1]


def test_an_hour_in_which_no_clock_ran_is_counted_afterwards(at_the_quarter):
    installation = at_the_quarter
    counting.count(installation.tools, "clock")
    installation.ask(an_invoice("i1"))
    installation.run()
    installation.later(3600)
    counting.count(installation.tools, "clock")
    assert [one.exported for one in quarters(installation)[-5:]] == [1, 0, 0, 0, 0]


def test_what_a_person_cancelled_is_no_failure(at_the_quarter):
    installation = at_the_quarter
    installation.ask(an_invoice("i1"))
    intake.accept(installation.tools, an_order("cancel", request="r1"))
    counting.count(installation.tools, "clock")
    seen = newest(installation)
    assert (seen.exported, seen.failed) == (0, 0)


def test_one_clock_counts_at_a_time(installation):
    assert counting.count(installation.tools, "one") == 96
    assert counting.count(installation.tools, "other") == 0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values, share):
    ordered = sorted(values)
    found = estimating.percentile(ordered, share)
    assert sum(one <= found for one in ordered) >= share * len(ordered) - 1e-9
    assert sum(one < found for one in ordered) < share * len(ordered) + 1e-9


def test_nothing_measured_has_no_percentile():
    assert estimating.percentile([], 0.5) is None
