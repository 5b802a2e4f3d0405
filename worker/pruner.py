"""The pruner: what is over and older than the retention goes, in short transactions."""

import functools
from collections.abc import Callable, Iterator

from store import deliveries, endpoints, processes, pruning
from worker import logs
from worker.tools import Tools

DUTY = "pruner"
PASS_SECONDS = 600.0
_ROUNDS = 50
MANY = _ROUNDS * pruning.AT_ONCE // 50  # calls of fifty invoices are the fewest rows of a round
_DAY = 86_400.0
# Days; nobody asks for these again.
SHORT_LIVED = {
    "deliveries": 14.0,
    "previews": 7.0,
    "mendings": 30.0,
    "logins": 30.0,
    "message_ids": 0.0,
    "canaries": 1 / 24,
    "attachment_contents": 21.0,  # a week longer than a file is tried
    "changed_invoices": 35.0,  # Xero keeps what was missed for 31 (facts §10)
}
_log = logs.log("pruner")


class Pruner:
    """Deletes what is over, a little of each kind at a time; knows at which endpoints webhooks were tried since."""

    def __init__(self, tools: Tools, holder: str) -> None:
        self._tools = tools
        self._holder = holder
        self._tried_until = 0
        self._doors: set[str] = set()

    def prune(self) -> int:
        """Some rounds of each kind, if this process has the duty; gives how many rows went.

        Where a kind is not through after that, `MANY` rows went at least.
        """
        with self._tools.store.write() as work:
            if not processes.take_duty(work, DUTY, self._holder, PASS_SECONDS * 2):
                return 0
        moves: dict[str, Callable[[], int]] = {
            what: functools.partial(_prune, self._tools, what) for what in pruning.RULES
        }
        gone = {what: sum(_rounds(move)) for what, move in moves.items()}
        gone["deliveries"] += sum(_rounds(self._deliveries_of_one))
        gone["events_out"] = sum(_rounds(self._events_out))
        if sum(gone.values()):
            _log.info("pruner.pruned", **{what: count for what, count in gone.items() if count})
        return sum(gone.values())

    def _deliveries_of_one(self) -> int:
        """Of endpoints at which something was tried since; others have no more than they had."""
        with self._tools.store.read() as work:
            tried, self._tried_until = deliveries.doors_tried(work, self._tried_until)
        self._doors |= tried
        gone = 0
        for door in sorted(self._doors):
            with self._tools.store.write() as work:
                some = deliveries.prune_door(work, door)
            gone += some
            if not some:
                self._doors.discard(door)
        return gone

    def _events_out(self) -> int:
        """What every endpoint has passed; those with nothing to get are taken along once all of it is gone."""
        before = self._tools.settings.retention_days * _DAY
        gone = 0
        for _ in range(2):
            with self._tools.store.write() as work:
                gone += pruning.events_out(work, work.after(-before), self._tools.settings.shut_doors)
            if gone:
                break
            with self._tools.store.write() as work:
                if not endpoints.pass_over(work):
                    break
        return gone


def prune(tools: Tools, holder: str) -> int:
    """The same by a process that has just started: it looks at every endpoint."""
    return Pruner(tools, holder).prune()


def _rounds(move: Callable[[], int]) -> Iterator[int]:
    for _ in range(_ROUNDS):
        gone = move()
        if not gone:
            return
        yield gone


def _prune(tools: Tools, what: str) -> int:
    days = SHORT_LIVED.get(what, tools.settings.retention_days)
    with tools.store.write() as work:
        return pruning.RULES[what](work, work.after(-days * _DAY))
