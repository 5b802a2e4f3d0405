"""How many turns of a lane run side by side, which stay where they are, how many calls each makes; pure.

Why: docs/explanation/fairness.md. Xero's own bound, five calls in flight, is pace's.

The breaker: when Xero stops answering properly nothing new is sent, what is owed is looked up; pure.
When something is tried again; pure. Minutes to hours: seconds are the client's, people's time is the events'.
"""

import itertools
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

from events.accounting_target import Trouble

MOST, MOST_FOR_BULK = 4, 3
_QUICK_SECONDS, _MOST_WHILE_QUICK = 0.1, 2
AT_A_STRETCH, CALLS_OF_ONE_THAT_STAYS = 10, 3


def worth_counting(size: int) -> int:
    """Up to how many due invoices are counted, of which `size` fit one call: more are simply many."""
    return MOST_FOR_BULK * size + 1


def side_by_side(waiting: int, size: int, *, single: bool, troubled: bool, call: float | None = None) -> int:
    """Turns the lane may hold at once, by what is due in it; `single` when a person waits for one invoice.

    After a call whose outcome is unknown a lane goes on alone: what Xero cannot bear it is not given more of.
    """
    if troubled:
        return 1
    return max(1, min(for_bulk(call), ceil(waiting / size))) + single


def for_bulk(call: float | None) -> int:
    """Turns that a long backlog may hold at once, by the seconds Xero takes of late to answer; None: not known.

    Where it answers at once, a third turn has no answer to wait for, only a processor.
    """
    return _MOST_WHILE_QUICK if is_quick(call) else MOST_FOR_BULK


def is_quick(call: float | None) -> bool:
    """Whether Xero answers so fast of late that to hand a lane on costs more than to wait for its answer.

    A turn keeps its lane then until the answer is written down, and its thread takes the next one as well, up to
    `AT_A_STRETCH` of them, while nobody waits for a thread.
    """
    return call is not None and call < _QUICK_SECONDS


def calls(most: int, waiting: int, size: int, *, single: bool, troubled: bool, quick: bool) -> int:
    """Calls that a turn makes one after another, at most so many.

    More than one only where answers come at once and nobody waits for any of them: what a turn costs beside its
    calls (to claim, freeze and write down) is most of it then.
    """
    return most if quick and is_long(waiting, size) and not single and not troubled else 1


def is_long(waiting: int, size: int) -> bool:
    """Whether a backlog is worth spreading over the minute, so that a click finds a call left."""
    return waiting >= worth_counting(size)


UNKNOWN_IN_A_ROW = 3
UNSETTLED_BATCHES = 4
BROKEN_LANES = 3


class LaneTrouble(Protocol):
    """What the breaker looks at."""

    @property
    def unsettled(self) -> int:
        """Uncertain batches of the lane."""
        ...

    @property
    def unknown_in_a_row(self) -> int:
        """Calls of the lane whose outcome stayed unknown, since the last answer."""
        ...

    @property
    def broken_lanes(self) -> int:
        """Lanes of anybody in fresh trouble, 0 while Xero answers anyone."""
        ...


def holds_back(lane: LaneTrouble) -> bool:
    """Whether nothing new may be sent in this lane now; look-ups that are owed go on, they are the probe."""
    if lane.unsettled >= UNSETTLED_BATCHES:
        return True
    if lane.unknown_in_a_row >= UNKNOWN_IN_A_ROW:
        return lane.unsettled > 0
    return lane.broken_lanes >= BROKEN_LANES


_SOONEST, _FIRST, _LONGEST = 3.0, 15.0, 300.0
_LONGEST_ASKED = 3600.0
_FIRST_REFUSED, _LONGEST_REFUSED = 5.0, 40.0  # so that a lane goes on within a minute of Xero's recovery
_PROOF_REFUSALS, _PROOF_SECONDS = 3, 120.0
_TOGETHER_LANES, _TOGETHER_SECONDS = 3, 43_200.0
_WATCH_PAUSES = (60.0, 300.0, 900.0, 3600.0, 7200.0, 14_400.0, 14_400.0)  # a pause each, one after the other
FAILURES_IN_A_ROW = 8
_DELIVERED_SOON = (5, 15, 30, 60)


def lane_wait(trouble: Trouble, unknown_in_a_row: int) -> float:
    """Seconds a lane waits after trouble; 0 means it goes straight on with other invoices.

    A limit waits as long as Xero says. After three unknown outcomes in a row the breaker opens:
    15 s, doubling up to 5 minutes (exactly-once §l).
    """
    if trouble.effect == "unknown":
        beyond = unknown_in_a_row - UNKNOWN_IN_A_ROW
        return 0.0 if beyond < 0 else _doubled(beyond)
    return trouble.wait if trouble.wait is not None else _FIRST


def refused_wait(in_a_row: int) -> float:
    """Seconds until one call is tried, after so many 401s or 403s that do not prove that a login is dead."""
    return min(_LONGEST_REFUSED, _FIRST_REFUSED * float(2 ** min(max(in_a_row - 1, 0), 10)))


def refusal_lasts(in_a_row: int, seconds: float, others: int) -> bool:
    """Whether a permission that Xero calls missing is: refused for minutes, and not with `others` together."""
    together = others >= _TOGETHER_LANES - 1 and seconds < _TOGETHER_SECONDS
    return in_a_row >= _PROOF_REFUSALS and seconds >= _PROOF_SECONDS and not together


def look_up_wait(look_ups: int) -> float:
    """Seconds until an uncertain batch is asked about again, after a look-up that failed."""
    return _doubled(look_ups - 1)


def watch_wait(watched: float) -> float | None:
    """Seconds until Xero is asked again whether what holds a number is ours; None after about half a day.

    By how many seconds ago it was first asked and could not say: look-ups that failed tell nothing and count nothing.
    """
    ends = itertools.accumulate(_WATCH_PAUSES)
    return next((pause for pause, end in zip(_WATCH_PAUSES, ends, strict=True) if watched < end), None)


def shown_wait(age: float) -> float:
    """Seconds until Xero is asked again for an invoice that it took `age` seconds ago and does not show yet."""
    return min(_LONGEST, max(_SOONEST, age))


def again_after_absence(attempts: int) -> float:
    """Seconds until an invoice that Xero does not have is sent again, by how often it was sent."""
    return 0.0 if attempts <= 1 else _doubled(attempts - 2)


def crash_wait(crashes: int) -> float:
    """Seconds until an invoice with which a worker died is tried again; others in the process go on meanwhile.

    Two tries follow at once: who stops a worker from outside hits whatever is there at that moment.
    """
    return 0.0 if crashes <= 2 else _doubled(crashes - 3)


def delivery_wait(tries: int) -> float | None:
    """Seconds until a webhook is tried again, or None after the thirteenth try (three days)."""
    schedule = (*_DELIVERED_SOON, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    return float(schedule[tries - 1]) if tries <= len(schedule) else None


def is_hastened(tries: int, failures: int) -> bool:
    """Whether an event that waits goes at once when its endpoint takes another one, after so many failures in a row.

    After an outage all do. After a few failures only those of the first minute do: an event that the endpoint never
    takes would use up its tries with each one that it takes.
    """
    return failures >= FAILURES_IN_A_ROW or tries <= len(_DELIVERED_SOON)


def endpoint_wait(failures: int) -> float:
    """Seconds an endpoint rests after so many failed deliveries in a row; 0 means it goes on, one at a time."""
    beyond = failures - FAILURES_IN_A_ROW
    return 0.0 if beyond < 0 else _doubled(beyond)


POSTS_AT_ONCE, MOST_POSTS_AT_ONCE = 8, 64
_WORTH_IT, _ROUNDS_UNTIL_TRIED_AGAIN = 1.2, 20


@dataclass(frozen=True)
class RoundSize:
    """How many events go to an endpoint side by side: twice as many while that makes it faster, half when it errs.

    `rate`: events a second it took when they were half as many (0: not known); `rounds`: so many more until more at
    once is tried again.
    """

    events: int = POSTS_AT_ONCE
    rate: float = 0.0
    rounds: int = 0

    def after(self, taken: int, missed: int, seconds: float) -> "RoundSize":
        """The next one, by what came of a round of this size in so many seconds."""
        if missed:
            return RoundSize(max(POSTS_AT_ONCE, self.events // 2), rounds=_ROUNDS_UNTIL_TRIED_AGAIN)
        if taken < self.events:
            return self  # there was no more: nothing is learnt
        if self.rounds:
            return replace(self, rounds=self.rounds - 1)
        rate = taken / max(seconds, 0.001)
        if rate < _WORTH_IT * self.rate:
            return RoundSize(max(POSTS_AT_ONCE, self.events // 2), rounds=_ROUNDS_UNTIL_TRIED_AGAIN)
        if self.events == MOST_POSTS_AT_ONCE:
            return replace(self, rounds=_ROUNDS_UNTIL_TRIED_AGAIN)
        return RoundSize(min(2 * self.events, MOST_POSTS_AT_ONCE), rate)


def asked_wait(status: int, said: str) -> float:
    """Seconds an endpoint asks us to stay away, by the Retry-After of its 429 or 503; an hour at most."""
    seconds = said.strip()
    return min(_LONGEST_ASKED, float(seconds)) if status in (429, 503) and seconds.isdecimal() else 0.0


def _doubled(times: int) -> float:
    return min(_LONGEST, _FIRST * float(2 ** min(max(times, 0), 10)))
