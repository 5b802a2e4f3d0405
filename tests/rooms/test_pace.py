"""Pace: Lua on a real Valkey, against the simulator's own limits, with time handed in."""

import heapq
import itertools
import random
from types import SimpleNamespace

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.accounting_target import CallSizes, Lane, Organisation
from simulator.limits import Lane as Counted
from simulator.limits import Limits as XerosLimits
from simulator.limits import Rules, Window
from worker.decisions.estimating import time_left, within_limits
from worker.delivery.progress import quota
from xero_adapter.pace import CallLimits, Pace

ORGANISATION = Organisation(Lane("c", "t"), "Org", "!A", "USD", "app", "user")
SISTER = Organisation(Lane("d", "u"), "Other", "!B", "USD", "app", "user")


@pytest.fixture
def client(redis_url):
    made = redis.Redis.from_url(redis_url)
    made.flushall()
    yield made
    made.close()


SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Clock:
    """Time in the test's hand, in seconds."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def paced(client, clock):
    return lambda **limits: Pace(client, CallLimits(**limits), clock=clock)


def left(minute="", day=""):
    return {"x-minlimit-remaining": str(minute), "x-daylimit-remaining": str(day)}


def test_the_minute_is_never_overstepped(paced, clock):
    pace = paced(per_minute=3)
    permits = [pace.ask(ORGANISATION) for _ in range(5)]
    assert [bool(permit.wait) for permit in permits] == [False, False, False, True, True]
    assert permits[3].limit == "minute"
    clock.now += 2
    for permit in permits[:3]:
        pace.done(permit)
    assert pace.ask(ORGANISATION).wait == 60.5
    clock.now += 60.5
    assert not pace.ask(ORGANISATION).wait


def test_an_abandoned_permit_costs_nothing(paced):
    pace = paced(per_minute=1, per_day=1, reserve=0)
    for _ in range(5):
        permit = pace.ask(ORGANISATION)
        assert not permit.wait
        pace.abandon(permit)


def test_no_more_calls_are_in_flight_than_xero_allows(paced):
    pace = paced(at_once=2)
    first, _, third = (pace.ask(ORGANISATION) for _ in range(3))
    assert third.limit == "concurrent"
    pace.done(first)
    assert not pace.ask(ORGANISATION).wait


def test_a_killed_workers_place_in_flight_heals(paced, clock):
    pace = paced(at_once=1, deadline=70)
    pace.ask(ORGANISATION)
    clock.now += 69
    assert pace.ask(ORGANISATION).limit == "concurrent"
    clock.now += 2
    assert not pace.ask(ORGANISATION).wait


def test_a_call_that_timed_out_keeps_its_place_until_it_has_settled(paced, clock):
    pace = paced(at_once=1, deadline=70, settle=100)
    lost = pace.ask(ORGANISATION)
    clock.now += 65
    pace.lost(lost)
    clock.now += 99
    assert pace.ask(ORGANISATION).limit == "concurrent"
    clock.now += 1
    assert not pace.ask(ORGANISATION).wait


def test_bulk_leaves_the_days_reserve_to_single_sends(paced):
    pace = paced(per_minute=1000, per_day=10, at_once=100, reserve=0.2)
    assert [bool(pace.ask(ORGANISATION).wait) for _ in range(9)] == [False] * 8 + [True]
    assert [bool(pace.ask(ORGANISATION, single=True).wait) for _ in range(3)] == [False, False, True]


def test_bulk_leaves_a_call_of_each_minute_to_a_single_send(paced):
    pace = paced(at_once=100)
    asked = [pace.ask(ORGANISATION) for _ in range(60)]
    assert [bool(permit.wait) for permit in asked] == [False] * 59 + [True]
    assert not pace.ask(ORGANISATION, single=True).wait


def test_a_permit_says_how_long_xero_takes_of_late(paced):
    pace = paced()
    assert pace.ask(ORGANISATION).call is None
    pace.note(ORGANISATION, left(minute=50), took=2)
    assert pace.ask(ORGANISATION).call == 2
    pace.note(ORGANISATION, left(minute=49), took=1)
    assert pace.ask(ORGANISATION).call == pytest.approx(1.7)


@pytest.mark.parametrize(
    ("made", "single", "spread", "further"),
    [(0, False, False, 58), (0, True, False, 59), (0, False, True, 28), (20, False, True, 8), (28, False, True, 0)],
)
def test_a_permit_says_how_many_calls_may_follow_at_once(paced, made, single, spread, further):
    pace = paced(at_once=100)
    for _ in range(made):
        pace.done(pace.ask(ORGANISATION))
    permit = pace.ask(ORGANISATION, single=single, spread=spread)
    assert (permit.wait, permit.further) == (0, further)
    more = [pace.ask(ORGANISATION, single=single, spread=spread) for _ in range(further + 1)]
    assert [bool(one.wait) for one in more] == [False] * further + [True]


def test_headers_lower_the_books(paced):
    pace = paced()
    pace.note(ORGANISATION, left(minute=1, day=4000))
    assert not pace.ask(ORGANISATION, single=True).wait
    assert pace.ask(ORGANISATION, single=True).limit == "minute"


def test_an_answer_from_before_does_not_raise_the_books(paced, clock):
    pace = paced()
    pace.note(ORGANISATION, left(minute=0))
    clock.now += 3
    pace.note(ORGANISATION, left(minute=50), took=4)
    assert pace.ask(ORGANISATION, single=True).limit == "minute"


def test_an_answer_from_xeros_next_minute_opens_it(paced, clock):
    """A call sent after Xero said “none left” is told that fifty are: Xero's minute is a new one."""
    pace = paced()
    pace.note(ORGANISATION, left(minute=0))
    clock.now += 3
    pace.note(ORGANISATION, left(minute=50), took=2)
    assert not pace.ask(ORGANISATION, single=True).wait


def test_a_starter_tiers_day_is_learnt_from_the_header_and_its_reserve_with_it(paced):
    pace = paced(per_minute=2000, at_once=2000)
    pace.note(ORGANISATION, left(day=999))
    granted = sum(not pace.ask(ORGANISATION).wait for _ in range(1000))
    assert granted == 999 - 100
    assert pace.ask(ORGANISATION).limit == "day"
    assert not pace.ask(ORGANISATION, single=True).wait


def test_the_next_day_has_all_its_calls(paced, clock):
    pace = paced(reserve=0, per_day=2)
    assert [bool(pace.ask(ORGANISATION).wait) for _ in range(3)] == [False, False, True]
    clock.now += 86_400
    assert not pace.ask(ORGANISATION).wait


def test_retry_after_ends_the_day_whatever_our_book_says(paced, clock):
    pace = paced(reserve=0, per_day=100)
    for _ in range(30):
        pace.done(pace.ask(ORGANISATION))
    clock.now += 3600
    pace.note(ORGANISATION, left(day=0))
    pace.pause(ORGANISATION, "day", 25)
    assert (pace.ask(ORGANISATION).limit, pace.ask(ORGANISATION).wait) == ("day", 25)
    clock.now += 25
    assert not pace.ask(ORGANISATION).wait
    pace.note(ORGANISATION, left(day=99))
    assert pace.outlook("t").day_calls == 99


@pytest.mark.parametrize("before", [0, 1, 300, 4000])
def test_a_header_that_leaves_more_is_a_new_day(paced, clock, before):
    pace = paced(per_minute=1000)
    pace.note(ORGANISATION, left(day=before))
    clock.now += 600
    pace.note(ORGANISATION, left(day=4990), took=1)
    assert pace.outlook("t").day_calls == 4990
    assert not pace.ask(ORGANISATION).wait


@pytest.mark.parametrize("more", [1, 5])
def test_an_answer_that_was_overtaken_is_no_new_day(paced, clock, more):
    pace = paced()
    pace.note(ORGANISATION, left(day=3000))
    clock.now += 2
    pace.note(ORGANISATION, left(day=3000 + more), took=1)
    pace.note(ORGANISATION, left(day=4000), took=3)
    assert pace.outlook("t").day_calls == 3000


@pytest.mark.parametrize(("single", "reserve"), [(True, 0.1), (False, 0.1), (False, 0)])
def test_a_day_that_nobody_knows_the_end_of_is_asked_about_sparingly(paced, clock, single, reserve):
    """After pauses that grow from a quarter of a minute to an hour, one call at a time."""
    pace = paced(reserve=reserve)
    pace.note(ORGANISATION, left(day=4000))
    pace.note(ORGANISATION, left(day=0))
    asked, began = [], clock.now
    while clock.now < began + 86_000:
        permit = pace.ask(ORGANISATION, single=single)
        if permit.wait:
            assert permit.limit == "day"
            clock.now += permit.wait
        else:
            asked.append(clock.now - began)
            pace.done(permit)
            assert permit.further == 0
    assert asked[:5] == [15, 45, 105, 225, 465]
    assert len(asked) < 35
    assert max(after - before for before, after in itertools.pairwise(asked)) == 3600


def test_a_click_need_not_wait_for_the_turn_of_a_bulk_send_to_ask(paced, clock):
    pace = paced(per_minute=1000, at_once=1000)
    pace.note(ORGANISATION, left(day=500))
    for _ in range(12):
        clock.now += pace.ask(ORGANISATION).wait
    assert not pace.ask(ORGANISATION, single=True).wait
    pace.note(ORGANISATION, left(day=0))
    assert pace.ask(ORGANISATION, single=True).wait == 15


def test_the_operators_own_lower_ceiling_is_not_asked_about(paced, clock):
    pace = paced(reserve=0, per_day=2)
    for _ in range(2):
        pace.done(pace.ask(ORGANISATION))
        pace.note(ORGANISATION, left(day=4990))
    assert pace.ask(ORGANISATION).wait == 86_400
    clock.now += 3600
    assert pace.ask(ORGANISATION).wait == 82_800


def test_below_the_operators_own_ceiling_headers_count_as_soon_as_they_say_less(paced):
    pace = paced(reserve=0, per_day=10)
    pace.done(pace.ask(ORGANISATION))
    pace.note(ORGANISATION, left(day=12))
    pace.note(ORGANISATION, left(day=4))
    assert pace.outlook("t").day_calls == 4
    for day in (3, 2, 1, 0):
        pace.note(ORGANISATION, left(day=day))
    assert pace.ask(ORGANISATION).limit == "day"


NO_COUNTS = ["", "²", "٣", "-1000000000000", "1e9", "0x10", "nan", "inf", "-0", "3.5", "3,000", "none"]


@pytest.mark.parametrize("said", NO_COUNTS)
def test_a_header_without_a_whole_number_says_nothing(paced, said):
    pace = paced()
    pace.note(ORGANISATION, left(minute=40, day=3000))
    pace.note(ORGANISATION, left(minute=said, day=said))
    told = pace.outlook("t")
    assert (told.minute_calls, told.day_calls) == (40, 3000)


@pytest.mark.parametrize("digits", [10, 25, 400, 5000])
def test_a_header_that_leaves_calls_without_end_closes_nothing(paced, digits):
    pace = paced()
    pace.note(ORGANISATION, left(minute="9" * digits, day="9" * digits))
    assert not pace.ask(ORGANISATION).wait


def script_errors(client):
    """How many scripts of this server have failed; one that it does not know yet is sent again, and is none."""
    told = client.info("errorstats")
    return sum(one["count"] for name, one in told.items() if name != "errorstat_NOSCRIPT")


counts = st.none() | st.integers(0, 14) | st.integers(0, 6000) | st.sampled_from([*NO_COUNTS, "9" * 30])
happenings = st.one_of(
    st.tuples(st.just("ask"), st.booleans(), st.booleans()),
    st.tuples(st.just("look")),
    st.tuples(st.just("note"), counts, counts, st.floats(0, 90)),
    st.tuples(st.just("pause"), st.sampled_from(["day", "minute", "appminute", ""]), st.floats(0, 90_000)),
    st.tuples(st.just("pass"), st.sampled_from([0.01, 1, 61, 3600, 86_400])),
    st.tuples(st.just("remember"), st.integers(1, 5000)),
)


@SLOW
@given(st.lists(happenings, max_size=25), st.sampled_from([2, 10, 5000]))
def test_no_script_fails_whatever_has_happened_before(client, happened, per_day):
    """A failed correction of the books is silent, as an absent Redis is: here nothing may hide behind that."""
    client.flushall()
    client.config_resetstat()
    clock = Clock()
    pace = Pace(client, CallLimits(per_day=per_day), clock=clock)
    does = {
        "ask": lambda single, spread: pace.done(pace.ask(ORGANISATION, single=single, spread=spread)),
        "look": lambda: pace.lost(pace.ask_to_look(ORGANISATION, "p")),
        "note": lambda minute, day, took: pace.note(
            ORGANISATION, left("" if minute is None else minute, "" if day is None else day), took
        ),
        "pause": lambda limit, seconds: pace.pause(ORGANISATION, limit, seconds),
        "pass": lambda seconds: setattr(clock, "now", clock.now + seconds),
        "remember": lambda calls: pace.remember("t", calls),
    }
    for what, *how in happened:
        does[what](*how)
        pace.outlook("t")
    assert script_errors(client) == 0


def test_an_organisations_calls_of_a_day_are_learnt_kept_and_unlearnt(paced, clock, client):
    pace = paced(per_minute=2000, at_once=2000)
    assert (pace.outlook("t").per_day, pace.outlook("t").learned) == (5000, False)
    pace.note(ORGANISATION, left(day=999))
    pace.note(ORGANISATION, left(day=700))
    assert (pace.outlook("t").per_day, pace.outlook("t").learned) == (1000, True)
    for day in range(2):
        clock.now += 86_400
        pace.done(pace.ask(ORGANISATION))
        assert pace.outlook("t").per_day == 1000, day
        pace.note(ORGANISATION, left(day=499))
    assert pace.outlook("t").per_day == 500, "what was not seen for two days is not so"
    pace.remember("t", 400)
    pace.remember("u", 1000)
    assert [pace.outlook(tenant).per_day for tenant in ("t", "u")] == [500, 1000]
    client.flushall()
    pace.remember("t", 1000)
    granted = sum(not pace.ask(ORGANISATION).wait for _ in range(1000))
    assert granted == 900


def test_a_429_pauses_the_organisation_and_the_apps_limit_all_of_its_organisations(paced, clock):
    pace = paced()
    pace.pause(ORGANISATION, "minute", 30)
    assert pace.ask(ORGANISATION).wait == 30
    assert not pace.ask(SISTER).wait
    pace.pause(ORGANISATION, "appminute", 40)
    pace.pause(ORGANISATION, "appminute", 10)
    assert pace.ask(SISTER).limit == "appminute"
    clock.now += 40
    assert not pace.ask(SISTER).wait


def test_without_redis_there_is_no_call():
    pace = Pace(redis.Redis(port=1, retry=None), CallLimits())
    with pytest.raises(redis.RedisError):
        pace.ask(ORGANISATION)


class Xero:
    """The simulator's own limits. Its windows begin with a call; or, with a `phase`, at fixed moments."""

    def __init__(self, clock, phase=None, **rules):
        self._clock, self._phase = clock, phase
        self.limits = XerosLimits(Rules(**rules))
        self.lane = Counted("t", "app", minute=60)
        self.refused, self.counted, self.flying = [], [], 0

    def count(self):
        if self._phase is not None:
            began = self._phase + (self._clock.now - self._phase) // 60 * 60
            window = self.limits.minutes.setdefault(self.lane.key, Window())
            if window.began != began:
                self.limits.minutes[self.lane.key] = Window(began)
        refused = self.limits.take(self.lane, self.flying, self._clock.now)
        if refused:
            self.refused.append(refused)
        window = self.limits.minutes[self.lane.key]
        self.counted.append(window.began)
        headers = self.limits.headers(self.lane, self._clock.now)
        return {name.lower(): value for name, value in headers.items()}


class World:
    """Callers that want a call as soon as pace grants one. Each step of a call happens at its moment."""

    def __init__(self, pace, xero, clock, *, callers, latency, spread=False):
        self.pace, self.xero, self.clock = pace, xero, clock
        self._latency, self._spread = iter(latency), spread
        self._order = itertools.count()
        self._todo = [(clock.now, next(self._order), self._ask, ()) for _ in range(callers)]
        heapq.heapify(self._todo)

    def run(self, steps):
        for _ in range(steps):
            self.clock.now, _, do, args = heapq.heappop(self._todo)
            do(*args)

    def _later(self, seconds, do, *args):
        heapq.heappush(self._todo, (self.clock.now + seconds, next(self._order), do, args))

    def click(self, waits):
        """A person's own call, as soon as there is one for it; how long that took goes into `waits`."""
        self._click(self.clock.now, waits)

    def _click(self, begun, waits):
        permit = self.pace.ask(ORGANISATION, single=True)
        if permit.wait:
            self._later(permit.wait + 0.005, self._click, begun, waits)
        else:
            waits.append(self.clock.now - begun)
            self._call(permit, lambda: None)

    def _ask(self):
        permit = self.pace.ask(ORGANISATION, spread=self._spread)
        if permit.wait:
            self._later(permit.wait + 0.005, self._ask)
        else:
            self._call(permit, self._ask)

    def _call(self, permit, following):
        self.xero.flying += 1
        there, back, lost = next(self._latency)
        self._later(there, self._counted, permit, self.clock.now, back, lost, following)

    def _counted(self, permit, sent, back, lost, following):
        headers = self.xero.count()
        self._later(back, self._answered, permit, sent, headers, lost, following)

    def _answered(self, permit, sent, headers, lost, following):
        self.xero.flying -= 1
        if lost:
            self.pace.lost(permit)
        else:
            self.pace.note(ORGANISATION, headers, self.clock.now - sent)
            self.pace.done(permit)
        self._later(0, following)

    def until(self, moment):
        """Whatever happens before then."""
        while self._todo and self._todo[0][0] <= moment:
            self.run(1)
        self.clock.now = moment


seconds = st.floats(0, 20)


@SLOW
@given(
    latency=st.lists(st.tuples(seconds, seconds, st.sampled_from([False] * 19 + [True])), min_size=5, max_size=40),
    phase=st.none() | st.floats(0, 60),
    callers=st.integers(1, 7),
    spread=st.booleans(),
)
def test_xero_never_refuses_a_call_whatever_its_windows_and_answers_are(client, latency, phase, callers, spread):
    """No 429 for minute or calls in flight, wherever between sending and answer Xero counts a call."""
    client.flushall()
    clock = Clock()
    pace = Pace(client, CallLimits(per_minute=12, settle=100), clock=clock)
    xero = Xero(clock, phase, per_minute=12)
    World(pace, xero, clock, callers=callers, latency=itertools.cycle(latency), spread=spread).run(250)
    assert xero.refused == [], f"{latency} {phase} {callers} {spread}"


def in_part(tried, *values):
    """Every combination of values: those that are tried always, and the others `thorough`."""
    rows = itertools.product(*values)
    return [pytest.param(*row, marks=() if row in tried else pytest.mark.thorough) for row in rows]


@pytest.mark.parametrize(
    ("phase", "way", "spread"),
    in_part(
        [(17.0, (0.05, 0.05), True), (17.0, (1, 1), False), (None, (2, 0), True), (None, (0, 2), False)],
        (None, 17.0),
        ((0.05, 0.05), (2, 0), (1, 1), (0, 2)),
        (True, False),
    ),
)
def test_from_the_second_minute_on_nearly_every_call_is_used(paced, clock, phase, way, spread):
    xero = Xero(clock, phase)
    latency = itertools.repeat((*way, False))
    World(paced(), xero, clock, callers=3, latency=latency, spread=spread).run(2500)
    used = [len(list(calls)) for _, calls in itertools.groupby(xero.counted)]
    assert xero.refused == []
    assert len(used) > 8
    whole = sorted(used[1:-1])
    assert whole[len(whole) // 10] >= 57
    assert whole[0] >= (57 if phase is None else 50)  # when Xero's windows begin is learnt from its answers


def test_a_click_beside_a_spread_backlog_finds_a_call_at_once(paced, clock):
    """From what is kept back; more of them at the pace at which calls come free."""
    pace, xero = paced(), Xero(clock)
    world = World(pace, xero, clock, callers=3, latency=itertools.repeat((0.1, 0.2, False)), spread=True)
    waits = []
    for _ in range(60):
        world.run(60)
        permit = pace.ask(ORGANISATION, single=True)
        waits.append(permit.wait)
        pace.abandon(permit)
    assert sum(wait == 0 for wait in waits) >= 55
    assert max(waits) <= 3


@pytest.mark.parametrize(("phase", "apart"), in_part([(17.0, 1.7), (None, 20)], (None, 17.0), (1.7, 4.3, 20)))
def test_many_clicks_beside_a_spread_backlog_each_find_a_call_within_seconds(paced, clock, phase, apart):
    """Each takes a call of its own, up to 35 in a minute of 60."""
    xero = Xero(clock, phase)
    world = World(paced(), xero, clock, callers=3, latency=itertools.repeat((0.1, 0.2, False)), spread=True)
    waits = []
    for _ in range(200):
        world.until(clock.now + apart)
        world.click(waits)
    world.until(clock.now + 60)
    assert xero.refused == []
    assert len(waits) == 200
    assert sum(wait == 0 for wait in waits) >= 175
    assert max(waits) <= 10


def test_what_becomes_of_calls_is_tallied_by_the_hour_for_two_days(paced, clock):
    pace, hour = paced(), int(clock.now // 3600)
    for _ in range(2):
        pace.note(ORGANISATION, left(50, 4000))
    pace.note(SISTER, left(50, 4000))
    pace.pause(ORGANISATION, "minute", 9)
    pace.pause(SISTER, "appminute", 9)
    pace.lost(pace.ask(Organisation(Lane("e", "v"), "Third", "!C", "USD", "other-app", "user")))
    told = {"answered": 3, "limited:minute": 1, "limited:appminute": 1, "lost": 1}
    assert pace.tallies() == {(hour, what): count for what, count in told.items()}
    clock.now += 49 * 3600
    pace.note(ORGANISATION, left(50, 4000))
    assert pace.tallies() == {(hour + 49, "answered"): 1}


def test_many_organisations_are_looked_at_in_one_round_trip(paced, clock):
    pace = paced(per_minute=3, per_day=10)
    pace.done(pace.ask(ORGANISATION))
    for _ in range(3):
        pace.done(pace.ask(SISTER))
    clock.now += 10
    pace.pause(ORGANISATION, "day", 20)
    seen = pace.outlooks(["t", "u", "nobody's"])
    assert [(one.minute_calls, one.day_calls) for one in seen.values()] == [(2, 0), (0, 7), (3, 10)]
    assert (seen["t"].limit, seen["t"].paused) == ("day", 20)
    assert seen["u"].minute_frees == pytest.approx(50.5)
    assert pace.outlooks([]) == {}


def test_what_a_window_that_is_over_had_is_not_missing_from_the_next_one(paced, clock):
    """Our own count holds it back a little longer; what Xero said of the window that goes on is nearer the truth."""
    pace = paced(per_minute=60)
    assert (pace.outlook("t").window_left, pace.outlook("t").window_ends) == (59, 0)
    for number in range(40):
        pace.note(ORGANISATION, left(minute=59 - number), took=0.1)
        pace.done(pace.ask(ORGANISATION))
        clock.now += 0.2
    seen = pace.outlook("t")
    assert (seen.window_left, seen.window_ends) == (19, pytest.approx(60.5 - 8, abs=0.1))
    clock.now += 53
    assert pace.outlook("t").window_left == 59
    pace.note(ORGANISATION, left(minute=50), took=0.1)
    clock.now += 1
    assert (pace.outlook("t").window_left, pace.outlook("t").window_ends) == (49, pytest.approx(59.5, abs=0.1))


class Bulk(World):
    """A world in which so many calls are made and no more; each answer, and what was estimated then, is noted."""

    def __init__(self, pace, xero, clock, *, calls, own, latency):
        super().__init__(pace, xero, clock, callers=3, latency=itertools.repeat((latency, 0, False)))
        self._left, self._own = calls, own
        self.answers, self.told = [], []

    def _ask(self):
        if self._left:
            self._spread = self._left > 3
            super()._ask()

    def _call(self, permit, following):
        self._left -= 1
        super()._call(permit, lambda: self._later(self._own, following))

    def _answered(self, *answer):
        super()._answered(*answer)
        self.answers.append((self.clock.now, 50))

    def until_done(self):
        """Every answer; from the first tenth on, what a page says each quarter of a second, too."""
        calls, begun = self._left, self.clock.now
        while self._todo:
            self.until(min(self.clock.now + 0.25, max(at for at, *_ in self._todo)))
            if calls > len(self.answers) >= calls / 10:
                self._estimate(calls - len(self.answers), begun)

    def _estimate(self, calls, begun):
        told = [(at - begun, count) for at, count in self.answers[-120:]]
        measured = time_left(told, calls * 50, self.clock.now - begun)
        target = SimpleNamespace(pace=self.pace, sizes=CallSizes(50, 3_000_000, 45, 45))
        if measured:
            known = quota(target, self.pace.outlook("t"))
            self.told.append((self.clock.now, within_limits(measured, len(told), calls * 50, known)))


def test_when_a_bulk_is_done_is_right_within_thirty_percent_at_sixty_calls_a_minute(client):
    """By what pace knows and what was answered, after the first tenth; with calls of others in the minute before."""
    dice, seen = random.Random(1), []
    for latency, own in itertools.product((0.1, 0.3, 1.0, 2.5), (0.0, 0.1)):
        client.flushall()
        clock = Clock()
        pace, xero = Pace(client, CallLimits(), clock=clock), Xero(clock)
        Bulk(pace, xero, clock, calls=dice.randint(1, 60), own=0.0, latency=0.1).until_done()
        clock.now += dice.randint(0, 50)
        bulk = Bulk(pace, xero, clock, calls=dice.randint(60, 200), own=own, latency=latency)
        begun = clock.now
        bulk.until_done()
        done = bulk.answers[-1][0]
        long = [(left.likely, done - at) for at, left in bulk.told if done - at >= max(2.0, (done - begun) / 10)]
        seen += [likely / true for likely, true in long]
    assert len(seen) > 1000
    assert sum(0.7 <= one <= 1.3 for one in seen) >= 0.95 * len(seen)
    assert 0.9 <= sorted(seen)[len(seen) // 2] <= 1.1
