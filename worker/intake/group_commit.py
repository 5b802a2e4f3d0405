"""Events of many callers in one transaction: what comes while one runs shares the next one."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from worker.decisions.merge_rules import Receipt
from worker.intake.intake import Verdict
from worker.intake.parsed_event import Brought

MOST_AT_ONCE = 64
_PATIENCE_SECONDS = 0.2
_FEW = 20  # invoices

Filer = Callable[[Sequence[Brought]], Sequence[Verdict]]


def is_long(document: Any) -> bool:
    """Whether the event has so many invoices that others would wait for it."""
    data = document.get("data") if isinstance(document, dict) else None
    invoices = data.get("invoices") if isinstance(data, dict) else None
    return isinstance(invoices, list) and len(invoices) > _FEW


class _Caller:
    """Somebody with an event; `called` to file what waits or taken along, `answered` when the event is filed."""

    def __init__(self, brought: Brought) -> None:
        self.brought = brought
        self.leads = False
        self.called = threading.Event()
        self.answered = threading.Event()
        self.verdict: Verdict = RuntimeError("nobody has filed it")


class GroupCommit:
    """Files what its callers bring, with `intake.file_each`. It has no thread of its own: one caller files for all.

    Nobody files for others twice, and who has waited for a moment files beside whoever is at it: a lock that one
    transaction waits for does not hold up the next.
    """

    def __init__(self, file: Filer, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._file = file
        self._patience = patience_seconds
        self._lock = threading.Lock()
        self._queue: list[_Caller] = []
        self._at_it = 0

    def accept(self, brought: Brought) -> Receipt:
        """File one event; one with many invoices by itself. Raises what `intake.accept` raises."""
        verdict = self._file([brought])[0] if is_long(brought.document) else self._beside_others(brought)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def _beside_others(self, brought: Brought) -> Verdict:
        caller = _Caller(brought)
        with self._lock:
            self._queue.append(caller)
            self._call_one()
        caller.called.wait(self._patience)
        some = self._take(caller)
        if some:
            self._serve(some)
        if caller.leads:
            self._leave()
        caller.answered.wait()
        return caller.verdict

    def _call_one(self) -> None:
        """Nobody is at it: whoever waits longest is to be."""
        if self._queue and not self._at_it:
            first = self._queue[0]
            first.leads = True
            self._at_it += 1
            first.called.set()

    def _take(self, caller: _Caller) -> list[_Caller]:
        """The caller and those who wait; nobody when another has taken the caller along."""
        with self._lock:
            if caller not in self._queue:
                return []
            if not caller.leads:
                caller.leads = True
                self._at_it += 1
            self._queue.remove(caller)
            some = [caller, *self._queue[: MOST_AT_ONCE - 1]]
            del self._queue[: MOST_AT_ONCE - 1]
        for one in some:
            one.called.set()
        return some

    def _serve(self, some: Sequence[_Caller]) -> None:
        try:
            verdicts = self._file([caller.brought for caller in some])
        except Exception as trouble:
            verdicts = [trouble] * len(some)
        for caller, verdict in zip(some, verdicts, strict=True):
            caller.verdict = verdict
            caller.answered.set()

    def _leave(self) -> None:
        with self._lock:
            self._at_it -= 1
            self._call_one()
