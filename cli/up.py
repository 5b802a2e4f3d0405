"""`crewcard-xero up`: every process of one machine, with embedded parts where none are set.

Runs and watches processes: one that dies is started again; Ctrl-C or SIGTERM stops all of them cleanly.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Annotated

import typer
from cryptography.fernet import Fernet

from cli import embedded, output
from store import migrate, users
from store.unit_of_work import Store, engine_for
from worker.ending import when_asked_to_end
from worker.settings import Settings, load

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
        when_asked_to_end(self.stopping.set)

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
    """Ask Linux to end this child when the supervisor is killed; elsewhere the next start finds what is left.

    As Ctrl-C does: the doors are left at once, whatever DRAIN_SECONDS says, so that the next ones can have them.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def up(
    data: Annotated[Path, typer.Option(help="Folder for what the embedded parts keep")] = embedded.DATA,
) -> None:
    """Run and supervise web, workers and clock on this machine; Ctrl-C stops them cleanly.

    Without REDIS_URL a Valkey is started for this folder; without DATABASE_URL it is SQLite.

    Example:  ENCRYPTION_KEYS=$(crewcard-xero key) crewcard-xero up
    """
    embedded.private_folder(data)
    given = embedded.given()
    environment = environment_for(data, given)
    chosen = checked(environment)
    with only_one(data):
        supervisor = Supervisor(environment)
        supervisor.stop_on_signals()
        try:
            start_all(supervisor, data, chosen, own_valkey=not given.get("REDIS_URL"))
            output.echo(f"The doors are open at {chosen.public_url}. Ctrl-C stops everything.", err=True)
            _say_how_to_enter(chosen)
            supervisor.watch()
        finally:
            output.echo("Stopping; calls in flight are finished first ...", err=True)
            supervisor.stop()


def _say_how_to_enter(chosen: Settings) -> None:
    """The console is of use only to somebody who can sign in."""
    address = f"{chosen.public_url.rstrip('/')}/console"
    engine = engine_for(chosen.database_url)
    with Store(engine).read() as work:
        nobody = not users.everyone(work)
    engine.dispose()
    told = "Nobody can sign in yet: crewcard-xero users add you@example.com --role admin" if nobody else ""
    output.echo(f"The console is at {address}. {told}".rstrip(), err=True)


def environment_for(data: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of all processes: what is given, and the embedded defaults."""
    data.mkdir(parents=True, exist_ok=True)
    environment = dict(given)
    environment.setdefault("REDIS_URL", embedded.redis_url(data))
    environment.setdefault("DATABASE_URL", f"sqlite:///{data.resolve()}/crewcard-xero.sqlite")
    return environment


def checked(environment: Mapping[str, str]) -> Settings:
    """The settings as the processes will see them; ends naming everything that is missing."""
    os.environ.update(environment)
    return load()


_DOORS_FIRST_SECONDS = 3.0


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold this folder: two installations on one folder would write the same files."""
    with (data / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            output.echo(f"Another `crewcard-xero up` already runs on {data.resolve()}.", err=True)
            raise typer.Exit(2) from None
        yield


def start_all(supervisor: Supervisor, data: Path, chosen: Settings, *, own_valkey: bool) -> None:
    """Valkey, migrations beside it, web and clock, then the workers; comes back once the doors are open.

    All of them read for seconds at their start: the doors need not share the processor with the workers for that.
    """
    if own_valkey:
        embedded.end_orphan(data)
        process = supervisor.start("valkey", embedded.valkey_command(data), stop_last=True)
    migrate.upgrade(chosen.database_url)
    web = supervisor.start("web", [sys.executable, "-m", "web.main"])
    supervisor.start("clock", [sys.executable, "-m", "worker.scheduler"])
    if own_valkey:
        embedded.wait_until_it_answers(data, process.child)
    soon = time.monotonic() + _DOORS_FIRST_SECONDS
    supervisor.watch(until=lambda: time.monotonic() > soon or web.deaths > 0 or _listens(chosen), pause=0.05)
    for number in range(1, chosen.worker_processes + 1):
        supervisor.start(f"worker-{number}", worker_command(chosen))
    supervisor.watch(until=lambda: web.deaths > 0 or _listens(chosen), pause=0.05)


def _listens(chosen: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(chosen.web_host, chosen.web_host)  # noqa: S104  # compared only
    try:
        with socket.create_connection((host.strip("[]"), chosen.web_port), timeout=1):
            return True
    except OSError:
        return False


def worker_command(chosen: Settings) -> list[str]:
    """One Dramatiq process: a master stops when any of its children dies, so each has one child."""
    patience = str(int((chosen.call_deadline + 5) * 1000))
    threads = str(chosen.worker_threads)
    worker = [sys.executable, "-m", "worker.main", "--processes", "1"]
    return [*worker, "--threads", threads, "--worker-shutdown-timeout", patience, "--queues", "exports"]


def demo() -> None:
    """Send real orders to a simulated Xero and show what became of each.

    Uses the Northwind orders where they are there, else a sample of crew jobs. DEMO_EXIT=1 ends by itself.
    """
    if find_spec("simulator") is None or find_spec("demo") is None:
        output.fail("The simulated Xero is not part of this installation: run the demo from a clone (make demo).")
    from demo import run  # a developers' tool, which production has not

    run.run()


def key() -> None:
    """Print a new key for ENCRYPTION_KEYS.

    Example:  echo "ENCRYPTION_KEYS=$(crewcard-xero key)" >> .env
    """
    typer.echo(Fernet.generate_key().decode())
