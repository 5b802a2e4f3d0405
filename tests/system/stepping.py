"""Kill or suspend a process at a chosen step: every SQL statement, commit, Redis command and call to Xero is one."""

import os
import signal
from collections.abc import Callable
from typing import Self

import redis
from sqlalchemy import event

from xero_adapter.client import XeroClient


class Steps:
    """Counts steps of this process and sends it a signal, for real, at the chosen one."""

    def __init__(self, fatal: int | None, with_signal: int = signal.SIGKILL) -> None:
        self.fatal = fatal
        self.signal = with_signal
        self.count = 0

    def step(self, *_args, **_kwargs) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), self.signal)

    def watch(self, engine) -> None:
        event.listen(engine, "before_cursor_execute", self.step)
        event.listen(engine, "commit", self.step)
        self._before(redis.Redis, "execute_command")
        self._before(XeroClient, "_call", after=True)

    def _before(self, owner, name: str, *, after: bool = False) -> None:
        real = getattr(owner, name)

        def stepping(*args, **kwargs):
            self.step()
            result = real(*args, **kwargs)
            if after:
                self.step()
            return result

        setattr(owner, name, stepping)


class Suspended:
    """A forked process that runs a story and is stopped (SIGSTOP) at a step, until it is woken."""

    def __init__(self, story: Callable[[Steps], None], at: int) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                story(Steps(at, signal.SIGSTOP))
            finally:
                os._exit(0)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        self.lived = not os.WIFSTOPPED(status)

    def wake(self) -> None:
        """Let it go on to its end."""
        os.kill(self.pid, signal.SIGCONT)
        os.waitpid(self.pid, 0)
        self.lived = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.lived:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def run_and_die(story: Callable[[Steps], None], fatal: int | None) -> int | None:
    """Run the story in a forked process that dies at a step; give the number of steps when it lived to the end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        steps = Steps(fatal)
        try:
            story(steps)
            os.write(writing, str(steps.count).encode())
        finally:
            os._exit(0)
    os.close(writing)
    said = os.read(reading, 20)
    os.close(reading)
    os.waitpid(child, 0)
    return int(said) if said else None
