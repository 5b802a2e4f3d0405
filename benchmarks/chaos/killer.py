"""Who dies when: blows by the seed, each after some calls were answered, most while another is in flight."""

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import redis

from benchmarks.chaos import postgres
from benchmarks.chaos.evidence import Calls
from benchmarks.chaos.machines import Machines
from benchmarks.chaos.plan import TIMES, Blow, Plan
from cli.up import SupervisedProcess
from tests.machines import wait_for

_PAUSE_SECONDS = (0.2, 1.4)
_CALLS_BETWEEN = 2
_MOST_WAITING_SECONDS = 5.0
_SHARE_IN_FLIGHT = 0.7
# Dramatiq's master waits 30 s for a child that died while booting: the other worker would be alone for long.
_BOOTED_SECONDS = 3.0
# A worker wakes after its lease, when others have its batches; Valkey wakes when those who ask it have given up.
_SUSPENDED_SECONDS = float(TIMES["LEASE_SECONDS"]) + 2.5
_FROZEN_SECONDS = 7.0
_STOPPED = re.compile(r"^State:\s+T", re.MULTILINE)


class Killer:
    """Strikes the blows of a plan one after the other."""

    def __init__(self, plan: Plan, machines: Machines, calls: Callable[[], Calls], flush: Callable[[], None]) -> None:
        self._machines = machines
        self._calls = calls
        self._flush = flush
        self._dice = random.Random(f"{plan.seed}/killer")
        self._blows = plan.timeline()
        self._clock = threading.Event()
        self.struck: Counter[Blow] = Counter()

    @property
    def share(self) -> float:
        """How much of the run is behind us, from just above 0 to 1."""
        return (self.struck.total() + 1) / (len(self._blows) + 1)

    def run(self) -> None:
        """Strike every blow."""
        for blow in self._blows:
            enough = self._calls().answered + _CALLS_BETWEEN
            self._clock.wait(self._dice.uniform(*_PAUSE_SECONDS))
            self._until(lambda enough=enough: self._calls().answered >= enough)
            self.struck[blow] += self._strike(blow)

    def _strike(self, blow: Blow) -> bool:
        """Whether it befell something."""
        if blow == "terminated":
            return postgres.terminate(self._machines.settings.database_url)
        if blow == "frozen":
            return self._suspend(self._alive("valkey"), _FROZEN_SECONDS)
        if blow in ("worker", "group", "suspended"):
            return self._strike_worker(blow)
        if blow == "flush":
            self._until(self._empty)
        else:
            self._kill(self._alive(blow))
        return True

    def _strike_worker(self, blow: Blow) -> bool:
        """A worker process alone (its master then ends by itself), or master and process at once, or both asleep."""
        process = self._alive(f"worker-{self._dice.randint(1, 2)}")
        if self._dice.random() < _SHARE_IN_FLIGHT:
            self._until(lambda: self._calls().flying > 0)
        self._clock.wait(self._dice.uniform(0, 0.2))
        if blow == "suspended":
            return self._suspend(process, _SUSPENDED_SECONDS)
        children = _children(process.child.pid) if process.child else []
        if blow == "worker" and children and time.monotonic() - process.started > _BOOTED_SECONDS:
            process.deaths = 0
            _send(children[-1])
        else:
            self._kill(process)
        return True

    def _suspend(self, process: SupervisedProcess, seconds: float) -> bool:
        """The process and all it started sleep and wake again; whether all of them slept until then."""
        if process.child is None:
            return False
        family = [process.child.pid, *_children(process.child.pid)]
        for pid in family:
            _send(pid, signal.SIGSTOP)
        self._clock.wait(seconds)
        slept = all(_STOPPED.search(_read(Path(f"/proc/{pid}/status"))) for pid in family)
        for pid in family:
            _send(pid, signal.SIGCONT)
        return slept

    def _kill(self, process: SupervisedProcess) -> None:
        """The process and all it started; killing is not a crash loop, so the supervisor is not slowed down."""
        process.deaths = 0
        if process.child is not None:
            children = _children(process.child.pid)
            _send(process.child.pid)
            for child in children:
                _send(child)

    def _alive(self, name: str) -> SupervisedProcess:
        process = self._machines.process(name)
        return wait_for(lambda: process if process.child and process.child.poll() is None else None, 30)

    def _empty(self) -> bool:
        try:
            self._flush()
        except redis.RedisError:
            return False
        return True

    def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, but not for ever."""
        waited = 0.0
        while not condition() and waited < _MOST_WAITING_SECONDS:
            self._clock.wait(0.05)
            waited += 0.05


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in _read(task).split()]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _send(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
