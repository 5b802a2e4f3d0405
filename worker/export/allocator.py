"""Allocations of many companies at a time, a thread for each lane: one whose Xero is slow holds back no other."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from events.accounting_target import Lane
from store import allocations
from worker import logs
from worker.export.allocating import allocate_in
from worker.tools import Tools

DUTY, PASS_SECONDS = "allocations", 10.0
_LANES_AT_ONCE = 8
_log = logs.log("exporter")


class Allocator:
    """Begins a round in each lane of this process's shards where something is due, some at a time, in turn."""

    def __init__(self, tools: Tools, holder: str) -> None:
        self._tools = tools
        self._holder = holder
        self._threads = ThreadPoolExecutor(_LANES_AT_ONCE, thread_name_prefix="allocations")
        self._busy: dict[Lane, Future[None]] = {}
        self._served: dict[Lane, float] = {}

    def begin_rounds(self) -> Sequence[Lane]:
        """Begin in the lanes that are due and not at work, those that were served longest ago first; gives which."""
        with self._tools.store.read() as work:
            if not allocations.lanes_due(work):
                return []
        with self._tools.store.write() as work:
            lease = PASS_SECONDS + self._tools.settings.call_deadline
            held = self._tools.take_shards(work, DUTY, self._holder, lease)
            due = [lane for lane in allocations.lanes_due(work) if held.has(lane.company)] if held.mine else []
        self._busy = {lane: round_ for lane, round_ in self._busy.items() if not round_.done()}
        free = sorted((one for one in due if one not in self._busy), key=lambda one: self._served.get(one, 0.0))
        begun = free[: _LANES_AT_ONCE - len(self._busy)]
        for lane in begun:
            self._served[lane] = self._tools.elapsed()
            self._busy[lane] = self._threads.submit(self._work_for, lane)
        return begun

    def work_off(self) -> None:
        """A round in each lane that is due, to its end."""
        self.begin_rounds()
        wait(list(self._busy.values()))

    def stop(self) -> None:
        """End after the calls in hand."""
        self._threads.shutdown(cancel_futures=True)

    def _work_for(self, lane: Lane) -> None:
        try:
            allocate_in(self._tools, lane)
        except Exception:  # what nobody foresaw in one lane, or Redis that is away; it is due still
            _log.exception("exporter.could_not_allocate", lane=lane.key)
