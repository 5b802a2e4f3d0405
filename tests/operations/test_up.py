"""`crewcard-xero up` brings its own Valkey, and commands beside it find that (run: `security/test_files.py`)."""

import inspect
import os
import pydoc
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import redis
import typer.main
from cryptography.fernet import Fernet

from cli import common, embedded, main
from store import migrate
from tests.machines import a_free_port, wait_for

COMMAND = Path(sys.executable).parent / "crewcard-xero"


def test_an_address_that_is_set_goes_before_the_embedded_one(tmp_path, monkeypatch):
    (tmp_path / "var/valkey").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "given back at the end")
    monkeypatch.delenv("REDIS_URL")
    (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere:6379/0\n")
    embedded.lead_to(Path("var"))
    assert "REDIS_URL" not in os.environ
    (tmp_path / ".env").unlink()
    embedded.lead_to(Path("var"))
    assert os.environ["REDIS_URL"] == embedded.redis_url(tmp_path / "var")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    embedded.lead_to(Path("var"))
    assert os.environ["REDIS_URL"] == "redis://elsewhere:6379/0"


@pytest.mark.xdist_group("live")
def test_up_that_was_killed_and_begins_again_has_its_doors_at_once_and_a_valkey_that_it_watches(tmp_path):
    """Where a killed `up` leaves its Valkey behind (on Linux it does not), the next one takes its place.

    Doors that would be drained first, for a proxy's sake, are left to the next ones: none of them has to try twice.
    """
    data, port = tmp_path / "var", str(a_free_port())
    chosen = {
        "PATH": os.environ["PATH"],
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": port,
        "WORKER_PROCESSES": "1",
        "DRAIN_SECONDS": "60",
    }

    def valkey():
        with redis.Redis.from_url(embedded.redis_url(data), retry=None) as client:
            return client.info("server")["process_id"]

    def ready():
        try:
            return httpx.get(f"{chosen['PUBLIC_URL']}/readyz", timeout=2).json() == {"database": "ok", "redis": "ok"}
        except httpx.HTTPError:
            return False

    def all_began(log):
        text = Path(log).read_text()
        return text if all(f"{kind}.started" in text for kind in ("web", "worker", "clock")) else ""

    data.mkdir()
    left = subprocess.Popen(embedded.valkey_command(data), stdout=subprocess.DEVNULL)
    embedded.wait_until_it_answers(data, left)
    for _ in range(2):
        with (tmp_path / "log").open("a") as log:
            up = subprocess.Popen([COMMAND, "up"], env=chosen, cwd=tmp_path, stdout=log, stderr=log)
        try:
            assert left.wait(30) == 0
            wait_for(ready, seconds=90)
            assert valkey() != left.pid
            assert "starting it again" not in wait_for(lambda: all_began(log.name))
            children = Path(f"/proc/{up.pid}/task/{up.pid}/children")
            assert not children.exists() or str(valkey()) in children.read_text().split()
        finally:
            up.kill()
            up.wait()
            Path(log.name).replace(tmp_path / "log of before")


@pytest.mark.thorough  # it measures, and so runs with nothing beside it
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("live")
def test_up_that_was_killed_is_ready_again_within_a_few_times_what_it_takes_to_read_a_workers_code(tmp_path):
    """Four processes on two processors; one after the other they took twice as long. A ratio, for busy machines."""
    port = str(a_free_port())
    chosen = {
        "PATH": os.environ["PATH"],
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": port,
    }

    def ready(log):
        if not all(f"{kind}.started" in log.read_text() for kind in ("web", "worker", "clock")):
            return False
        try:
            return httpx.get(f"{chosen['PUBLIC_URL']}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    plain, took = [], []
    for number in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import worker.main"], check=True)
        plain.append(time.monotonic() - began)
        log = tmp_path / f"log {number}"
        began = time.monotonic()
        with log.open("w") as written:
            up = subprocess.Popen([COMMAND, "up"], env=chosen, cwd=tmp_path, stdout=written, stderr=written)
        try:
            wait_for(lambda log=log: ready(log), seconds=150)
            took.append(time.monotonic() - began)
        finally:
            up.kill()
            up.wait()
    assert min(took[1:]) <= 5 * max(plain), (took, plain)


def test_only_migrating_reads_alembic_and_starting_again_does_not(tmp_path):
    """It is a third of a second of each process at its start."""
    code = "import sys, web.main, cli.up; from store import migrate; migrate.upgrade('sqlite:///made.sqlite'); "
    code += "print('alembic' in sys.modules)"
    said = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]


HEAVY = {"xero_python", "fastapi", "uvicorn", "dramatiq", "sqlalchemy", "sqlmodel", "redis", "httpx", "alembic"}


def imported_by(*words):
    """What the command said, and which of our modules and of these libraries it had to read for that."""
    code = f"""
import sys
sys.argv = ["crewcard-xero", *{words!r}]
from cli.main import run
try:
    run()
except SystemExit:
    print("\\n", *(name for name in sys.modules if name.count(".") < 2))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, _, modules = done.stdout.rstrip().rpartition("\n")
    rooms = {"store.", "worker.", "xero_adapter.", "web.", "cli."}
    names = set(modules.split())
    return said, names & HEAVY, {one for one in names if one.startswith(tuple(rooms))}


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("--version",)])
def test_what_the_command_says_of_itself_needs_none_of_its_parts(words):
    said, libraries, ours = imported_by(*words)
    assert "crewcard-xero" in said
    assert (libraries, ours) == (set(), {"cli.main", "worker.version"})


def test_up_reads_nothing_of_xero_the_doors_or_the_queue_before_its_processes_do():
    said, libraries, _ = imported_by("key")  # which is in the same file as `up`
    assert len(Fernet(said.strip())._encryption_key) == 16
    assert libraries == {"sqlalchemy", "sqlmodel"}


@pytest.mark.parametrize("command", ["failures", "log", "why", "companies"])
def test_the_help_of_a_command_needs_no_database(command):
    said, libraries, ours = imported_by(command, "--help")
    assert "Example" in said or "Commands" in said
    assert libraries == set()
    assert not {one for one in ours if one.startswith(("store.", "worker."))} - {"worker.version"}


@pytest.mark.parametrize("command", ["failures", "log"])
def test_a_command_that_shows_what_stands_in_the_database_needs_neither_redis_nor_xero(
    command, tmp_path, monkeypatch
):
    at = f"sqlite:///{tmp_path}/kept.sqlite"
    migrate.upgrade(at)
    monkeypatch.setenv("DATABASE_URL", at)
    monkeypatch.setenv("ENCRYPTION_KEYS", Fernet.generate_key().decode())
    _, libraries, ours = imported_by(command, "--json")
    assert libraries == {"sqlalchemy", "sqlmodel"}
    assert not {one for one in ours if one.startswith(("xero_adapter.", "web."))}


def test_what_ends_a_command_with_a_sentence_is_named_as_it_is_called():
    found = {name: pydoc.locate(name) for name in common.REFUSALS}
    assert {name for name, kind in found.items() if not (isinstance(kind, type) and kind.__name__ in name)} == set()


def test_the_list_of_commands_says_of_each_what_its_own_help_says():
    named = typer.main.get_command(main.app).commands
    assert {name: main._summary(name).help for name in named} == {
        name: inspect.cleandoc(one.help) for name, one in named.items()
    }


def test_the_module_runs_the_command():
    done = subprocess.run([sys.executable, "-m", "cli.main", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("crewcard-xero ")
