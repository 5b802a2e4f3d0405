"""One turn of a lane: one call to Xero, or a few where it answers at once; the whole story in order.

Step by step, with why: docs/explanation/exactly-once.md.

anything due? → permit → a settled uncertain batch first → else claim → map → freeze → send → record

Send what is due next: claim, (for updates: guard,) freeze, call; each step committed before the next begins.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

from events.accounting_target import Lane, Organisation, Permit, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, lanes, pauses
from store.batches import Hold
from store.lanes import Due
from store.unit_of_work import Work
from worker import logs
from worker.decisions import batching, turns
from worker.export import deferral, freezing, raise_anew, recording, recovery, taking_over, updates, xero_call
from worker.export.export_results import ExportRefusal
from worker.export.xero_call import Called
from worker.tools import Tools


def send_next(
    tools: Tools, organisation: Organisation, calls: int, claimed: Callable[[], None], answered: Callable[[], None]
) -> Called:
    """Send the lane's next batch, or as many as `calls`; only new invoices go in several calls of one turn.

    `claimed` is called when their invoices are nobody else's, `answered` when Xero has answered the first call,
    before anything is written down.
    """
    began = time.time_ns()
    holds, kind, all_due = _claim(tools, organisation, calls)
    if not holds:
        return "not"
    claimed()
    with xero_call.turn_span(tools, organisation, holds, began):
        called = _send(tools, organisation, holds, kind, answered)
    return "answered" if called == "done" and not all_due else called


def _send(
    tools: Tools, organisation: Organisation, holds: Sequence[Hold], kind: str, answered: Callable[[], None]
) -> Called:
    if kind == "anew":
        return raise_anew.raise_some(tools, organisation, holds[0])
    if kind == "update":
        return _update(tools, organisation, holds[0])
    target = tools.target(organisation, holds[0].document)
    frozen = freezing.freeze(tools, organisation, holds, kind, lambda _export, posting: target.element(posting))
    return xero_call.send(tools, organisation, frozen, target.create, answered) if frozen else "not"


def _claim(tools: Tools, organisation: Organisation, calls: int) -> tuple[list[Hold], str, bool]:
    """Take the next due invoices, for as long as the lease; a crash with them is counted from here on.

    Gives what goes as what, and whether that is all that was due.
    """
    with tools.store.write() as work:
        pauses.hold_off(work)
        sizes = tools.target(organisation).sizes
        found = exports.pending(work, organisation.lane, sizes.invoices * calls)
        due = taking_over.not_in_xero(work, tools, organisation, found)
        poisonous = [one.id for one in due if batching.quarantined(one)]
        _quarantine(work, poisonous)
        chosen = batching.choose_some([one for one in due if one.id not in poisonous], calls, sizes)
        kind = batching.kind(chosen[0][0]) if chosen else "create"
        lease, me = tools.settings.lease_seconds, tools.process
        all_due = len(found) < sizes.invoices * calls and sum(map(len, chosen)) == len(found)
        return [batches.claim(work, organisation.lane, some, lease, kind, me) for some in chosen], kind, all_due


def _quarantine(work: Work, poisonous: Sequence[int]) -> None:
    """Those that have stopped the exporter too often fail, and are not tried again."""
    if poisonous:
        found = exports.lock_again(work, poisonous).values()
        recording.fail(work, [ExportRefusal(export, Failure(Reason.QUARANTINED)) for export in found])


def _update(tools: Tools, organisation: Organisation, hold: Hold) -> Called:
    """The look at Xero's copies is a call of its own and often all that is needed; an update needs another permit."""
    try:
        copies = updates.copies(tools, organisation, hold)
    except Trouble as trouble:
        deferral.after_look(tools, organisation, hold, trouble)
        return "answered"
    target = tools.target(organisation, hold.document)
    map_one = updates.updates(target, copies)
    if not freezing.answer_known(tools, organisation, hold, map_one):
        return "answered"
    permit = target.pace.ask(organisation, single=True)  # or the look was for nothing
    if permit.wait:
        limited = Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        deferral.give_back(tools, organisation, hold, limited, "claimed")
        return "answered"
    sent: Called = "answered"
    try:
        frozen = freezing.freeze(tools, organisation, [hold], "update", map_one)
        sent = xero_call.send(tools, organisation, frozen, target.update, lambda: None) if frozen else "not"
    finally:
        xero_call.book(target.pace, permit, sent)
    return "answered"


_PROBE_SECONDS = 15.0
_TOGETHER_SECONDS = 0.5
_log = logs.log("exporter")


@dataclass(frozen=True)
class NextTurn:
    """When the lane wants its next turn: `seconds` from now, or None for when it is rung; `most` side by side.

    `stays`: it is wanted at once, and this one still holds the lane.
    """

    seconds: float | None = None
    most: int = 1
    stays: bool = False


@dataclass(frozen=True)
class Manner:
    """How a turn is taken: with at most so many `calls`, one after another; `answered` hears when Xero is free.

    It is told how many turns the lane may have side by side.
    """

    calls: int
    answered: Callable[[int], None]


_ALONE = Manner(1, lambda _most: None)


def answer_doorbell(tools: Tools, lane: Lane, token: str) -> None:
    """Take a turn if the lane has one free, and say when the next one is due."""
    if not tools.bells.begin(lane.key, token):
        return
    following = NextTurn(1.0)
    try:
        tools.witness.compare_soon(tools.store, tools.redis)  # an older database knows not what was sent
        following = _take_turns(tools, lane, token)
    except redis.RedisError as lost:
        _log.warning("exporter.redis_lost", lane=lane.key, error=type(lost).__name__)
    except Exception:
        _log.exception("exporter.failed", lane=lane.key)
        following = NextTurn(tools.settings.sweep_seconds)
    finally:
        tools.bells.end(lane.key, token, following.seconds, following.most)


def _take_turns(tools: Tools, lane: Lane, token: str) -> NextTurn:
    """A turn, and those right behind it while they may stay in this thread; gives when the lane wants its next."""

    def answered(most: int) -> None:
        """Xero is free for the next call while we still write down its answer, which nothing here may prevent."""
        with contextlib.suppress(Exception):
            tools.bells.end(lane.key, token, 0, most)

    following = take_turn(tools, lane, Manner(1, answered))
    for _ in range(1, turns.AT_A_STRETCH):
        if not following.stays or not tools.bells.go_on(lane.key, token, following.most):
            break
        following = take_turn(tools, lane, Manner(turns.CALLS_OF_ONE_THAT_STAYS, answered))
    return following


def take_turn(tools: Tools, lane: Lane, manner: Manner = _ALONE) -> NextTurn:
    """One turn. Everything it does survives being killed on any line."""
    most = max(target.sizes.invoices for target in tools.targets.values())
    with tools.store.read() as work:
        due = lanes.due_work(work, lane, turns.worth_counting(most))
    organisation = tools.of_ours(due.organisation)
    if organisation is None or due.stopped:
        return NextTurn()
    if due.blocked_until and due.blocked_until > due.now:
        return NextTurn((due.blocked_until - due.now).total_seconds())
    if not due.anything:
        return NextTurn(_until(due))
    if not due.settled_batch and turns.holds_back(due):
        return NextTurn(max(1.0, (due.next_at - due.now).total_seconds()) if due.next_at else _PROBE_SECONDS)
    return _call(tools, organisation, due, manner)


def _until(due: Due) -> float | None:
    return max(0.0, (due.next_at - due.now).total_seconds()) if due.next_at else None


def _call(tools: Tools, organisation: Organisation, due: Due, manner: Manner) -> NextTurn:
    """Make the call that matters most, with a permit for it."""
    if due.troubled and not tools.bells.is_alone(organisation.lane.key):
        return NextTurn(_TOGETHER_SECONDS)  # the turns that were under way end first
    target = tools.target(organisation)
    size = target.sizes.invoices
    spread = not due.settled_batch and turns.is_long(due.waiting, size)
    permit = target.pace.ask(organisation, single=due.single, spread=spread)
    most = turns.side_by_side(due.waiting, size, single=due.single, troubled=due.troubled, call=permit.call)
    if permit.wait:
        # The limit is reached: nothing fails, no attempt is charged; a long wait is told. The lane is not
        # blocked: a single send may use what is kept back for it.
        _log.info("exporter.waited", lane=organisation.lane.key, limit=permit.limit, wait=permit.wait)
        if permit.wait >= deferral.WORTH_TELLING_SECONDS and permit.limit != "spread":
            with tools.store.write() as work:
                deferral.tell_of_limit(work, organisation, permit.limit, work.after(permit.wait))
        return NextTurn(permit.wait, most)

    quick, booked = turns.is_quick(permit.call), False

    def free() -> None:
        nonlocal booked
        xero_call.book(target.pace, permit, "answered")
        booked = True
        if not quick and not due.single:  # nothing begins beside us before a person's answer is written down
            manner.answered(most)

    called: Called = "answered"  # should it break: to count a call too many is the safe side
    try:
        called = _use_permit(tools, organisation, due, most, _calls(due, permit, manner, size), free)
    finally:
        if not booked:
            xero_call.book(target.pace, permit, called)
    if called == "done" and due.waiting <= size:  # what came meanwhile has rung
        return NextTurn(_until(due), most)
    return NextTurn(0, 1 if called == "lost" else most, stays=quick and called == "answered")


def _calls(due: Due, permit: Permit, manner: Manner, size: int) -> int:
    most, quick = min(manner.calls, 1 + permit.further), turns.is_quick(permit.call)
    return turns.calls(most, due.waiting, size, single=due.single, troubled=due.troubled, quick=quick)


def _use_permit(
    tools: Tools, organisation: Organisation, due: Due, most: int, calls: int, free: Callable[[], None]
) -> Called:
    """Settle what is owed, or else send; once batches are claimed, others may send beside them."""
    if due.settled_batch:
        return "answered" if recovery.settle(tools, organisation, due.settled_batch) else "not"

    def let_others_begin() -> None:
        if due.waiting > tools.target(organisation).sizes.invoices:
            tools.bells.ring(organisation.lane.key, most=most)

    return send_next(tools, organisation, calls, let_others_begin, free)
