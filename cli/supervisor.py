"""Runs and watches processes: one that dies is started again; Ctrl-C or SIGTERM stops all of them cleanly."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_STABLE_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 10.0


@dataclass
class SupervisedProcess:
    """One process to keep alive. `stop_last` ones end after the others, which may need them."""

    name: str
    command: Sequence[str]
    stop_last: bool = False
    patience: float = 75.0
    child: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    deaths: int = 0
    next_start: float = 0.0


@dataclass
class Supervisor:
    """Keeps processes running, each in a session of its own so that Ctrl-C reaches only this one."""

    environment: Mapping[str, str]
    logs: Path | None = None
    told: Callable[[str], None] = lambda line: print(line, file=sys.stderr)  # noqa: T201  # the terminal is its face
    processes: list[SupervisedProcess] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, command: Sequence[str], *, stop_last: bool = False) -> SupervisedProcess:
        """Start a process and keep it alive from now on."""
        process = SupervisedProcess(name, command, stop_last)
        self.processes.append(process)
        self._spawn(process)
        return process

    def watch(self, until: Callable[[], bool] = lambda: False, pause: float = 0.2) -> None:
        """Start again what dies, until told to stop or `until` says so."""
        while not self.stopping.is_set() and not until():
            self.restart_dead()
            self.stopping.wait(pause)

    def restart_dead(self) -> None:
        """Start again what has died, later each time when it keeps dying."""
        now = time.monotonic()
        for process in self.processes:
            if process.child is None and now >= process.next_start:
                self._spawn(process)
            elif process.child is not None and process.child.poll() is not None:
                self._bury(process, now)

    def stop_on_signals(self) -> None:
        """Let SIGTERM and Ctrl-C end `watch`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def stop(self) -> None:
        """Stop everything: first the ones at work, then what they stand on."""
        self.stopping.set()
        for last in (False, True):
            group = [one for one in self.processes if one.stop_last is last and one.child is not None]
            for process in group:
                _send(process, signal.SIGTERM)
            for process in group:
                self._wait_for(process)

    def _spawn(self, process: SupervisedProcess) -> None:
        process.started = time.monotonic()
        with self._log_of(process.name) as output:
            process.child = subprocess.Popen(  # noqa: S603  # our own commands
                list(process.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # one libc call, nothing of Python's
            )

    def _log_of(self, name: str) -> IO[bytes]:
        if self.logs is None:
            return os.fdopen(os.dup(sys.stderr.fileno()), "ab")
        self.logs.mkdir(parents=True, exist_ok=True)
        return (self.logs / f"{name}.log").open("ab")

    def _bury(self, process: SupervisedProcess, now: float) -> None:
        code = process.child.returncode if process.child else 0
        process.deaths = 1 if now - process.started > _STABLE_SECONDS else process.deaths + 1
        pause = 0.0 if process.deaths == 1 else min(_LONGEST_PAUSE_SECONDS, 0.5 * 2 ** (process.deaths - 2))
        process.child, process.next_start = None, now + pause
        self.told(f"{process.name} ended with {code}; starting it again")

    def _wait_for(self, process: SupervisedProcess) -> None:
        child = process.child
        if child is None:
            return
        try:
            child.wait(process.patience)
        except subprocess.TimeoutExpired:
            _send(process, signal.SIGKILL)
            child.wait()
        process.child = None


def _send(process: SupervisedProcess, number: signal.Signals) -> None:
    if process.child is not None and process.child.poll() is None:
        try:
            process.child.send_signal(number)
        except ProcessLookupError:
            return


def _die_with_parent() -> None:
    """Ask Linux to end this child when the supervisor is killed; elsewhere the next start finds what is left."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
