"""Who is running: seen while it beats, silent once killed, gone when it ended in good order."""

import itertools
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis
from typer.testing import CliRunner

from cli.main import app
from store import migrate, processes
from store.unit_of_work import Store, engine_for
from tests import machines
from tests.machines import wait_for
from web import main
from worker.heartbeat import Heartbeat
from worker.measuring import catalogue, measuring
from worker.version import VERSION, build_id


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
    installation.later(19)
    assert there(installation) == [("clock", False)]
    installation.later(2)
    assert there(installation) == [("clock", True)]
    Heartbeat(installation.store, "web").beat()
    assert there(installation) == [("clock", True), ("web", False)]
    installation.later(86_400)
    Heartbeat(installation.store, "worker").beat()
    assert there(installation) == [("worker", False)]


def heartbeat_of(installation, seconds):
    """The heartbeat of a web process whose clock is so many seconds ahead."""
    return Heartbeat(installation.store, "web", installation.tools.redis, clock=lambda: time.time() + seconds)


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_process_says_how_far_its_clock_is_off(installation, seconds):
    """PostgreSQL has a clock of its own; beside SQLite it is Redis that is asked."""
    heartbeat = heartbeat_of(installation, seconds)
    heartbeat.beat()
    with installation.store.read() as work:
        (seen,) = processes.everyone(work)
        assert processes.with_wrong_time(work, [seen]) == [seen]
    assert seen.skew_seconds == heartbeat.skew == pytest.approx(seconds, abs=3)
    heartbeat_of(installation, 20).beat()
    with installation.store.read() as work:
        assert processes.with_wrong_time(work, processes.everyone(work)) == [seen], "some seconds harm nobody"


def test_a_clock_that_nothing_can_be_compared_with_is_not_known_to_be_wrong(on_sqlite):
    gone = redis.Redis(port=1, retry=None)
    heartbeat = Heartbeat(on_sqlite.store, "web", gone, clock=lambda: 0.0)
    heartbeat.beat()
    assert heartbeat.skew is None
    with on_sqlite.store.read() as work:
        assert [one.skew_seconds for one in processes.everyone(work)] == [None]


def test_a_round_trip_in_which_the_process_was_suspended_proves_nothing(on_sqlite):
    hours = itertools.count(0, 3600)
    heartbeat = Heartbeat(on_sqlite.store, "web", on_sqlite.tools.redis, clock=lambda: float(next(hours)))
    heartbeat.beat()
    assert heartbeat.skew is None


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
    found = [one.labels for one in measuring.measure(on_sqlite.tools) if one.metric is catalogue.VERSIONS]
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


def connections_of(store):
    """How many connections PostgreSQL counts of those that this store opened."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name')"
    with store.read() as work:
        return work.connection.exec_driver_sql(asked).scalar_one()


def all_at_once(store, count):
    """So many transactions side by side."""
    together = threading.Barrier(count)

    def one(_number):
        with store.read() as work:
            work.connection.exec_driver_sql("SELECT 1")
            together.wait(30)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(one, range(count)))


def test_a_process_keeps_four_connections_at_rest_and_opens_as_many_as_it_needs(postgres):
    store = Store(engine_for(machines.copy_of_template(postgres, "at_rest"), name="crewcard-xero-resting"))
    heartbeat = Heartbeat(store, "worker")
    all_at_once(store, 12)
    assert connections_of(store) == 12
    for _ in range(20):
        all_at_once(store, 5)
        heartbeat.beat()
    assert connections_of(store) == 12, "while it is busy none is closed that is wanted a moment later"
    for _ in range(12):
        all_at_once(store, 3)
        heartbeat.beat()
    wait_for(lambda: connections_of(store) <= 4)
    all_at_once(store, 12)
    assert connections_of(store) == 12
    store.engine.dispose()
