"""Decisions about lanes: turns side by side, when progress is news, when a backlog is done."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decisions import estimating, merge_rules, turns
from worker.decisions.estimating import Quota, seconds_until_done

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waiting", "single", "troubled", "most"),
    [
        (0, False, False, 1),
        (50, False, False, 1),
        (51, False, False, 2),
        (100, False, False, 2),
        (101, False, False, 3),
        (10_000, False, False, 3),
        (10_000, True, False, 4),
        (1, True, False, 2),
        (10_000, True, True, 1),
    ],
)
def test_a_lane_takes_as_many_turns_as_its_backlog_asks_for(waiting, single, troubled, most):
    assert turns.side_by_side(waiting, 50, single=single, troubled=troubled) == most


@pytest.mark.parametrize(("call", "most"), [(None, 3), (2.0, 3), (0.1, 3), (0.02, 2), (0, 2)])
def test_where_xero_answers_at_once_a_third_turn_would_only_wait_for_a_processor(call, most):
    assert turns.side_by_side(10_000, 50, single=False, troubled=False, call=call) == most
    assert turns.side_by_side(10_000, 50, single=True, troubled=False, call=call) == most + 1


@pytest.mark.parametrize(
    ("waiting", "single", "troubled", "quick", "calls"),
    [
        (10_000, False, False, True, 3),
        (151, False, False, True, 3),
        (150, False, False, True, 1),
        (10_000, True, False, True, 1),
        (10_000, False, True, True, 1),
        (10_000, False, False, False, 1),
    ],
)
def test_a_turn_makes_several_calls_only_for_a_backlog_that_nobody_waits_for(waiting, single, troubled, quick, calls):
    assert turns.calls(3, waiting, 50, single=single, troubled=troubled, quick=quick) == calls


@pytest.mark.parametrize(
    ("total", "answered", "told", "seconds", "news"),
    [
        (500, 0, 0, None, False),
        (500, 50, 0, None, True),
        (500, 90, 50, 5, False),
        (500, 100, 50, 5, True),
        (500, 51, 50, 31, True),
        (500, 50, 50, 3600, False),
        (500, 500, 450, 3600, False),
    ],
)
def test_progress_is_news_in_tenths_or_after_half_a_minute(total, answered, told, seconds, news):
    told_at = None if seconds is None else NOW - timedelta(seconds=seconds)
    assert estimating.worth_telling(total, answered, told, told_at, NOW) is news


def quota(**other):
    known = {"call": 0.5, "minute_left": 59, "per_minute": 60, "minute": 60.0, "paused": 0.0}
    return Quota(**{**known, "day_left": 4500, "per_day": 5000, "day_ends": 7200.0, "day": 86_400.0, **other})


@pytest.mark.parametrize(
    ("invoices", "known", "seconds"),
    [
        (0, {}, 0),
        (50, {}, 0.5),
        (1450, {}, 5),  # half of a minute's calls go at once, three side by side
        (3000, {}, 60.5),
        (9000, {}, 180.5),
        (3000, {"call": 6.0}, 126),
        (50, {"paused": 30.0}, 30.5),
        (50, {"day_left": 0}, 7200.5),
        # of the minute that ends in 20 s hardly any call is left: all that follow wait for the next one
        (50, {"minute_left": 1, "frees": 20.0}, 0.5),
        (100, {"minute_left": 1, "frees": 20.0}, 20.5),
        (1550, {"minute_left": 1, "frees": 20.0}, 20.0 + 5),
        # beyond its half they are spread over 52 s, but for the last three
        (1550 + 15 * 50, {"minute_left": 1, "frees": 20.0}, pytest.approx(45, abs=1)),
        (3050, {"minute_left": 1, "frees": 20.0}, pytest.approx(20 + 57, abs=6)),
        (3100, {"minute_left": 1, "frees": 20.0}, 80.5),
    ],
)
def test_the_estimate_of_a_backlog(invoices, known, seconds):
    assert seconds_until_done(invoices, quota(**known)) == seconds


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 5000),
    st.integers(0, 60),
    st.floats(0, 60),
)
def test_more_invoices_are_never_done_earlier(some, more, day_left, minute_left, frees):
    known = quota(day_left=day_left, minute_left=minute_left, frees=frees)
    assert seconds_until_done(some, known) <= seconds_until_done(some + more, known)


def test_a_persons_single_send_is_let_in_a_little_longer():
    assert merge_rules.backpressure("c", 1000, 1000, single=False)
    assert not merge_rules.backpressure("c", 1000, 1000, single=True)
    assert merge_rules.backpressure("c", 1100, 1000, single=True)
    assert not merge_rules.backpressure("c", 999, 1000, single=False)
