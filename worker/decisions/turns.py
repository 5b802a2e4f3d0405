"""How many turns of a lane run side by side, which stay where they are, how many calls each makes; pure.

Why: docs/explanation/fairness.md. Xero's own bound, five calls in flight, is pace's.
"""

from math import ceil

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
