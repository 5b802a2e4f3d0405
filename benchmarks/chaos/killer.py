"""Who dies when: blows by the seed, each after some calls were answered, most while another is in flight."""

import os
import random
import re
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import redis

from benchmarks.chaos import postgres
from benchmarks.chaos.evidence import Calls
from benchmarks.chaos.machines import Machines, is_ready, is_running, text_of
from benchmarks.chaos.plan import TIMES, Blow, Plan
from tests.machines import wait_for

_PAUSE_SECONDS = (0.2, 1.4)
_CALLS_BETWEEN = 2
_TRIES = 3
_MOST_WAITING_SECONDS = 5.0
_SHARE_IN_FLIGHT = 0.7
# Dramatiq's master waits 30 s for a child that died while booting: the other worker would be alone for long.
_BOOTED_SECONDS = 3.0
# A worker wakes after its lease, when others have its batches; Valkey wakes when those who ask it have given up.
_SUSPENDED_SECONDS = float(TIMES["LEASE_SECONDS"]) + 2.5
_FROZEN_SECONDS = 7.0
_FULL_LOOKS, _MOST_FULL_LOOKS = 12, 60
_MIGRATIONS, _MIGRATING_SECONDS = 4, (0.3, 1.5)
_BACK_SECONDS = 90.0  # until what died is there again, or the run makes no sense
_STOPPED = re.compile(r"^State:\s+T", re.MULTILINE)


class Killer:
    """Strikes the blows of a plan one after the other. `orphans` outlived a killed `up` until the next one began."""

    def __init__(
        self,
        plan: Plan,
        machines: Machines,
        calls: Callable[[], Calls],
        flush: Callable[[], None],
        lose: Callable[[Callable[[], None]], None] = lambda kill: kill(),
    ) -> None:
        self._machines = machines
        self._calls = calls
        self._flush = flush
        self._lose = lose
        self._dice = random.Random(f"{plan.seed}/killer")
        self._blows = plan.timeline()
        self._clock = threading.Event()
        self.struck: Counter[Blow] = Counter()
        self.orphans = 0
        self._behind = 0

    @property
    def share(self) -> float:
        """How much of the run is behind us, from just above 0 to 1."""
        return (self._behind + 1) / (len(self._blows) + 1)

    def run(self) -> None:
        """Strike every blow; one that befell nothing is struck again, some times."""
        for blow in self._blows:
            enough = self._calls().answered + _CALLS_BETWEEN
            self._clock.wait(self._dice.uniform(*_PAUSE_SECONDS))
            self._until(lambda enough=enough: self._calls().answered >= enough)
            self.struck[blow] += any(self._strike(blow) for _ in range(_TRIES))
            self._behind += 1

    def _strike(self, blow: Blow) -> bool:
        """Whether it befell something."""
        strikes: dict[Blow, Callable[[], bool]] = {
            "terminated": lambda: postgres.terminate(self._machines.settings.database_url),
            "frozen": lambda: self._suspend("valkey", _FROZEN_SECONDS),
            "flush": lambda: self._until(self._done(self._flush)),
            "emptied": lambda: self._until(self._done(self._start_empty)),
            "migrate": self._kill_migrations,
            "full": self._fill_disk,
            "login": self._log_in_anew,
            "up": self._orphan,
            "machine": lambda: self._kill("up"),
            **dict.fromkeys(("worker", "group", "suspended"), lambda: self._strike_worker(blow)),
            **dict.fromkeys(("clock", "web"), lambda: self._kill(self._one_of(blow))),
        }
        return strikes.get(blow, lambda: self._kill(blow))()

    def _one_of(self, kind: str) -> str:
        """A process of the first installation or of the second."""
        return f"{kind}-{self._dice.randint(1, 2)}"

    def _strike_worker(self, blow: Blow) -> bool:
        """A worker process alone (its master then ends by itself), or master and process at once, or both asleep."""
        name = self._one_of("worker")
        family = self._alive(name)
        if self._dice.random() < _SHARE_IN_FLIGHT:
            self._until(lambda: self._calls().flying > 0)
        self._clock.wait(self._dice.uniform(0, 0.2))
        if blow == "suspended":
            return self._suspend(name, _SUSPENDED_SECONDS)
        if blow == "worker" and len(family) > 1 and _age(family[0]) > _BOOTED_SECONDS:
            self._machines.forgive(name)
            return _send(family[-1])
        return self._kill(name)

    def _suspend(self, name: str, seconds: float) -> bool:
        """The process and all it started sleep and wake again; whether all of them slept until then."""
        family = self._alive(name)
        for pid in family:
            _send(pid, signal.SIGSTOP)
        self._clock.wait(seconds)
        slept = [_STOPPED.search(text_of(Path(f"/proc/{pid}/status"))) for pid in family]
        for pid in family:
            _send(pid, signal.SIGCONT)
        return bool(slept) and all(slept)

    def _kill(self, name: str) -> bool:
        """The process and all it started, at once."""
        family = self._alive(name)
        self._machines.forgive(name)
        return bool([pid for pid in family if _send(pid)])

    def _orphan(self) -> bool:
        """`up` alone: those it started end by themselves, while the next one begins already."""
        up, *children = self._alive("up")
        self._machines.forgive("up")
        killed = _send(up)
        begun = self._until(lambda: self._machines.family("up")[:1] not in ([], [up]))
        self.orphans += sum(is_running(child) for child in children)
        return killed and begun

    def _start_empty(self) -> None:
        """Valkey dies, its files are gone, the next one begins with nothing. Raises RedisError where it is away."""
        family = self._alive("valkey")

        def kill() -> None:
            for pid in family:
                _send(pid, signal.SIGSTOP)  # or the next one begins before its files are gone
            shutil.rmtree(self._machines.data / "valkey" / "appendonlydir")
            for pid in family:
                _send(pid)

        self._lose(kill)

    def _fill_disk(self) -> bool:
        """No room where the database is, until database or doors have said so for a while; whether one did."""
        felt, known = 0, self._machines.complaints()
        for _ in range(_MOST_FULL_LOOKS):
            self._machines.fill_disk()
            self._clock.wait(0.2)
            felt += self._machines.complaints() > known or not is_ready(self._machines.settings)
            if felt == _FULL_LOOKS:
                break
        self._machines.free_disk()
        self._machines.forgive("postgres")
        return felt > 0

    def _log_in_anew(self) -> bool:
        """A company's person, who tries again until it is connected: Xero may have ended what was before already."""
        company = self._dice.choice(self._machines.companies)
        return bool(wait_for(lambda: self._machines.log_in(company), _BACK_SECONDS, every=1.0))

    def _kill_migrations(self) -> bool:
        """`migrate` beside the service, several times, each killed somewhere on its way; whether one was."""
        latest = [self._dice.uniform(*_MIGRATING_SECONDS) for _ in range(_MIGRATIONS)]
        return sum(map(self._machines.killed_migration, latest)) > 0

    def _alive(self, name: str) -> list[int]:
        return wait_for(lambda: self._machines.family(name), _BACK_SECONDS)

    @staticmethod
    def _done(work: Callable[[], None]) -> Callable[[], bool]:
        def done() -> bool:
            try:
                work()
            except redis.RedisError:
                return False
            return True

        return done

    def _until(self, condition: Callable[[], bool]) -> bool:
        """Whether it came true; it is not waited for for ever."""
        waited = 0.0
        while not condition():
            if waited >= _MOST_WAITING_SECONDS:
                return False
            self._clock.wait(0.05)
            waited += 0.05
        return True


def _age(pid: int) -> float:
    """Seconds since it was started."""
    started = text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    up = float(text_of(Path("/proc/uptime")).split()[0])
    return up - int(started[19]) / os.sysconf("SC_CLK_TCK") if started else 0.0


def _send(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
