"""Who is running: seen while it beats, silent once killed, gone when it ended in good order."""

import subprocess

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app
from store import migrate, processes
from store.unit_of_work import Store, engine_for
from tests import machines
from tests.machines import wait_for
from web import main
from worker.heartbeat import VERSION, Heartbeat, build_id
from worker.measuring import catalogue, measuring


def there(installation):
    with installation.store.read() as work:
        return [(one.kind, processes.is_silent(work, one)) for one in processes.everyone(work)]


def test_a_process_is_seen_with_its_version_and_since_when(installation):
    heartbeat = Heartbeat(installation.store, "worker")
    heartbeat.beat()
    installation.later(30)
    heartbeat.beat()
    with installation.store.read() as work:
        (seen,) = processes.everyone(work)
    assert (seen.kind, seen.version, seen.pid) == ("worker", f"{VERSION}+{build_id()}", heartbeat.who.pid)
    assert 29 < (seen.seen_at - seen.since).total_seconds() < 40


def test_one_that_was_killed_is_silent_for_a_day_and_then_forgotten(installation):
    Heartbeat(installation.store, "clock").beat()
    assert there(installation) == [("clock", False)]
    installation.later(61)
    assert there(installation) == [("clock", True)]
    Heartbeat(installation.store, "web").beat()
    assert there(installation) == [("clock", True), ("web", False)]
    installation.later(86_400)
    Heartbeat(installation.store, "worker").beat()
    assert there(installation) == [("worker", False)]


def test_one_that_ends_in_good_order_leaves(installation):
    heartbeat = Heartbeat(installation.store, "worker")
    heartbeat.start()
    wait_for(lambda: there(installation))
    heartbeat.stop()
    assert there(installation) == []


def test_a_database_that_is_not_there_yet_stops_no_process(tmp_path):
    url = f"sqlite:///{tmp_path}/late.sqlite"
    store = Store(engine_for(url))
    heartbeat = Heartbeat(store, "web", seconds=0.02)
    heartbeat.start()
    migrate.upgrade(url)

    def seen():
        with store.read() as work:
            return processes.everyone(work)

    assert wait_for(seen)
    heartbeat.stop()
    store.engine.dispose()


@pytest.fixture
def made_as(monkeypatch):
    """This software as an image of that build id has it."""

    def made(build):
        monkeypatch.setenv("BUILD_ID", build)
        build_id.cache_clear()

    yield made
    build_id.cache_clear()


def test_two_builds_of_one_version_are_told_apart(on_sqlite, made_as):
    for build in ("4f1c2ab93d", "77aa00bb11"):
        made_as(build)
        Heartbeat(on_sqlite.store, "web").beat()
    found = [labels for metric, _, labels in measuring.measure(on_sqlite.tools) if metric is catalogue.VERSIONS]
    assert sorted(found) == [("web", f"{VERSION}+4f1c2ab93d"), ("web", f"{VERSION}+77aa00bb11")]


def test_anybody_may_ask_which_build_this_is_and_learns_no_more(on_sqlite, made_as):
    made_as("4f1c2ab93d")
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.stdout) == (0, f"crewcard-xero {VERSION}, build 4f1c2ab93d\n")
    with machines.served(main.serving(main.build(on_sqlite.tools), on_sqlite.settings)) as url:
        assert httpx.get(f"{url}/version").json() == {"version": VERSION, "build": "4f1c2ab93d"}


def test_a_clone_is_known_by_its_commit(made_as):
    made_as("")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    assert build_id() == (commit[:10] or "unknown")
