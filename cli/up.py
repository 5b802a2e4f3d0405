"""`crewcard-xero up`: every process of one machine, with embedded parts where none are set."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from cryptography.fernet import Fernet

from cli import embedded, output
from cli.supervisor import Supervisor
from store import migrate, users
from store.database import engine_for
from store.unit_of_work import Store
from worker.settings import Settings, load

DATA = Path("var")


def up(
    data: Annotated[Path, typer.Option(help="Folder for what the embedded parts keep")] = DATA,
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
    """Valkey, migrations, then the processes, in the order in which they need each other."""
    if own_valkey:
        process = None
        if not embedded.answers(data):
            process = supervisor.start("valkey", embedded.valkey_command(data), stop_last=True)
        embedded.wait_until_it_answers(data, process.child if process else None)
    migrate.upgrade(chosen.database_url)
    python = sys.executable
    supervisor.start("web", [python, "-m", "web.main"])
    supervisor.start("clock", [python, "-m", "worker.scheduler"])
    for number in range(1, chosen.worker_processes + 1):
        supervisor.start(f"worker-{number}", worker_command(chosen))


def worker_command(chosen: Settings) -> list[str]:
    """One Dramatiq process: a master stops when any of its children dies, so each has one child."""
    patience = str(int((chosen.call_deadline + 5) * 1000))
    threads = str(chosen.worker_threads)
    dramatiq = [sys.executable, "-m", "dramatiq", "worker.main:start", "--processes", "1"]
    return [*dramatiq, "--threads", threads, "--worker-shutdown-timeout", patience, "--queues", "exports"]


def demo() -> None:
    """Send real orders to a simulated Xero and show what became of each.

    Uses the Northwind orders where they are there, else a sample of crew jobs. DEMO_EXIT=1 ends by itself.
    """
    if find_spec("simulator") is None or find_spec("demo") is None:
        output.fail("The simulated Xero is not part of this installation: run the demo from a clone (make demo).")
    from demo import run  # noqa: PLC0415  # a developers' tool, which production has not

    run.run()


def key() -> None:
    """Print a new key for ENCRYPTION_KEYS.

    Example:  echo "ENCRYPTION_KEYS=$(crewcard-xero key)" >> .env
    """
    typer.echo(Fernet.generate_key().decode())
