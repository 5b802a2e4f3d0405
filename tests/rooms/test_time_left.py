"""How long a bulk still takes, from the speed of its own answers: right within a third, whatever was in between."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.console import rendering
from worker.decisions.estimating import time_left

SIZE = 50


def sent(seed, batches, call, at_once, pauses):
    """Moments at which so many batches are answered, calls side by side, and pauses in which nothing goes on."""
    dice = random.Random(seed)
    free = [dice.random() * call for _ in range(at_once)]
    ends = []
    for _ in range(batches):
        place = free.index(min(free))
        free[place] += call * (0.9 + 0.2 * dice.random())
        ends.append(free[place])
    ends.sort()
    stops = sorted(dice.sample(range(2, batches), k=pauses))
    return [(end + 600 * sum(stop <= place for stop in stops), SIZE) for place, end in enumerate(ends)]


@given(
    seed=st.integers(0, 10_000),
    batches=st.integers(40, 400),
    call=st.sampled_from([0.2, 1.5, 6.0]),
    at_once=st.sampled_from([1, 4]),
    share=st.floats(0.1, 0.95),
    paused=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_it_is_right_within_thirty_percent_after_the_first_tenth(seed, batches, call, at_once, share, paused):
    batches = batches * at_once
    seen = max(4, int(batches * share))
    pauses = max(1, seen // 20) if paused else 0
    answers = sent(seed, batches, call, at_once, pauses)
    steady = sent(seed, batches, call, at_once, 0)
    truth = steady[-1][0] - steady[seen - 1][0]
    told = time_left(answers[:seen], (batches - seen) * SIZE, answers[seen - 1][0])
    assert abs(told.likely - truth) <= 0.3 * truth + 2 * call
    assert told.soonest <= told.likely <= told.latest


@pytest.mark.parametrize("call", [0.2, 1.5, 6.0])
def test_it_counts_down_while_nothing_is_answered_and_stands_when_that_takes_too_long(call):
    answers = sent(1, 200, call, 1, 0)[:40]
    at = answers[-1][0]
    told = [time_left(answers, 8000, at + call * passed / 10).likely for passed in range(11)]
    assert told == sorted(told, reverse=True)
    assert told[0] - told[5] == pytest.approx(call / 2, rel=0.2)
    assert time_left(answers, 8000, at + 1000).likely > 0.9 * told[-1]


def test_with_more_answers_the_spread_is_narrower():
    answers = sent(1, 200, 1.5, 1, 0)
    wide, narrow = (time_left(answers[:count], 2000, answers[count - 1][0]) for count in (5, 150))
    assert wide.latest / wide.soonest > 2 * narrow.latest / narrow.soonest / 1.5
    assert narrow.latest / narrow.soonest == pytest.approx(1.1 / 0.9)


@pytest.mark.parametrize("answers", [[], [(0.0, 50)], [(0.0, 50), (1.0, 50), (2.0, 50)]])
def test_nobody_guesses_from_too_few_answers(answers):
    assert time_left(answers, 1000, 3.0) is None


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (2, 4, "in about 5 seconds"),
        (21, 39, "in 20 to 40 seconds"),
        (100, 125, "in about 2 minutes"),
        (119, 181, "in 2 to 3 minutes"),
        (4 * 3600, 6 * 3600, "in 4 to 6 hours"),
        (2 * 86_400, 4 * 86_400, "in 2 to 4 days"),
    ],
)
def test_the_spread_is_told_in_one_unit(least, most, said):
    assert rendering.span(least, most) == said
