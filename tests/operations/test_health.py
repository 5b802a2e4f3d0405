"""Health that is true: alive asks nobody, ready writes, and who cannot be served is told so soon."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import anyio
import httpx
import psycopg
import pytest
import structlog
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from cli import care
from cli.main import app
from store import processes
from store.unit_of_work import Patience
from tests import machines
from tests.builders import a_request, an_invoice
from tests.doors.host import Host, problems
from tests.machines import wait_for
from web import answers, main
from worker import database, parts, redis_client, wiring
from worker.intake import intake
from worker.intake.intake import Receipt
from worker.measuring import measuring

HANGING, CONNECTIONS = 44, 12  # more than the threads that the doors have; as many as their connections


@pytest.fixture(autouse=True)
def _parts_are_tried_each_time(monkeypatch):
    monkeypatch.setattr(parts, "REMEMBERED_SECONDS", 0)
    monkeypatch.setattr(redis_client.TellingRedis, "told", {})
    monkeypatch.setattr(care, "CANARY_SECONDS", 0.2)  # where nobody is there that would answer one


@pytest.fixture
def on_postgres(make_installation, kept_postgres):
    machines.empty(kept_postgres)
    made = make_installation(kept_postgres)
    made.company()
    return made


@contextmanager
def doors(installation, patience=None, pool_size=CONNECTIONS):
    """The doors in a process that waits as long as a web process does; gives their address."""
    patience = patience or database.patience(installation.settings, at_the_doors=True)
    installation.store.engine = machines.engine(installation.settings.database_url, pool_size, patience)
    with machines.served(main.serving(main.build(installation.tools), installation.settings)) as url:
        yield url


@contextmanager
def a_lock_on(installation, table):
    """Somebody holds a whole table: a migration, VACUUM FULL, or a transaction that was forgotten."""
    with psycopg.connect(installation.settings.database_url) as somebody:
        somebody.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield somebody


@contextmanager
def read_only(installation):
    """The database takes nothing new, as a standby or one whose disk filled up."""
    with psycopg.connect(installation.settings.database_url, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        machines.disconnect()
        try:
            yield
        finally:
            owner.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            machines.disconnect()


@contextmanager
def posting(host, count):
    """So many events at once, each on a connection of its own; gives what each was answered, and in what time."""

    def post(number):
        began = time.monotonic()
        posted = host.post(a_request(an_invoice(f"i{number}"), request=f"r{number}"))
        return posted, time.monotonic() - began

    with ThreadPoolExecutor(count) as threads:
        yield [threads.submit(post, number) for number in range(count)]


def of_redis(installation, url):
    """The installation, on that Redis."""
    client = redis_client.redis_client(url, patient=False)
    object.__setattr__(installation.tools, "redis", client)
    return client


def told_up(installation):
    """What the metric says of each part."""
    readings = measuring.measure(installation.tools)
    return {reading.labels[0]: reading.value for reading in readings if reading.metric.name == "up"}


def the_doctor(installation, monkeypatch, url=None):
    """How the doctor ends and what it found, by check."""
    chosen = installation.settings
    monkeypatch.setenv("DATABASE_URL", chosen.database_url)
    monkeypatch.setenv("REDIS_URL", url or chosen.redis_url)
    monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(chosen.encryption_keys))
    ended = CliRunner().invoke(app, ["doctor", "--json"])
    return ended.exit_code, json.loads(ended.stdout)


def test_the_process_is_alive_while_every_thread_of_the_doors_hangs(on_postgres):
    patience = Patience(lock=30, connection=30)
    with doors(on_postgres, patience) as url, a_lock_on(on_postgres, "exports") as somebody:
        host = Host(on_postgres, url)
        with posting(host, HANGING) as posts:
            wait_for(lambda: sum("AnyIO worker thread" in one.name for one in threading.enumerate()) >= 40)
            wait_for(lambda: somebody.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
            assert httpx.get(f"{url}/healthz", timeout=5).json() == {"status": "ok"}
            assert httpx.get(f"{url}/readyz", timeout=5).status_code == 200
            assert not any(one.done() for one in posts)
            somebody.rollback()
            assert {one.result()[0].status_code for one in posts} == {202}


def test_behind_a_locked_table_a_503_comes_soon_and_says_when_to_come_again(on_postgres):
    with doors(on_postgres) as url:
        host = Host(on_postgres, url)
        with a_lock_on(on_postgres, "exports"), posting(host, HANGING) as posts:
            answers = [one.result() for one in posts]
        assert {one.status_code for one, _ in answers} == {503}
        assert {one.headers["retry-after"] for one, _ in answers} == {"5"}
        assert any("somebody holds a lock" in problems(one)[0] for one, _ in answers)
        assert max(took for _, took in answers) < 8  # two seconds, on a machine that has something else to do
        assert are_taken(host, CONNECTIONS)  # none of them waits for a connection
        wait_for(lambda: are_taken(host, HANGING))  # of so many one may, for two seconds: its host comes again


def are_taken(host, count):
    with posting(host, count) as posts:
        return {one.result()[0].status_code for one in posts} == {202}


def test_one_event_behind_a_lock_does_not_hold_back_those_it_shares_a_transaction_with(on_postgres):
    on_postgres.ask(an_invoice("i1"), request="before")
    events = [a_request(an_invoice(f"i{number}"), request=f"r{number}") for number in range(4)]
    with doors(on_postgres), psycopg.connect(on_postgres.settings.database_url) as somebody:
        somebody.execute("SELECT 1 FROM exports WHERE invoice = 'i1' FOR UPDATE")
        found = intake.accept_each(on_postgres.tools, events)
    assert [isinstance(one, Receipt) for one in found] == [True, False, True, True]


def test_a_read_only_database_is_a_503_at_the_doors_not_ready_and_not_up(on_postgres, monkeypatch):
    with doors(on_postgres) as url:
        host = Host(on_postgres, url)
        with read_only(on_postgres):
            refused = host.post(a_request())
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert "it is read-only" in problems(refused)[0]
            ready = httpx.get(f"{url}/readyz")
            assert ready.status_code == 503
            assert ready.json() == {"database": "takes nothing new: it is read-only", "redis": "ok"}
            assert told_up(on_postgres) == {"database": 0, "redis": 1}
            ended, found = the_doctor(on_postgres, monkeypatch)
            assert ended == 1
            assert found["database"] == {"ok": False, "says": "takes nothing new: it is read-only"}
        wait_for(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        assert host.post(a_request()).status_code == 202


def test_a_limit_of_temporary_files_is_no_full_disk(on_postgres):
    """Whether there is room is tried with such a file."""
    with psycopg.connect(on_postgres.settings.database_url, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f'ALTER DATABASE "{name}" SET temp_file_limit = 0')
        try:
            with on_postgres.store.write() as work, pytest.raises(OperationalError, match="temporary file size"):
                processes.try_to_grow(limited(work))
            with doors(on_postgres) as url:
                assert httpx.get(f"{url}/readyz").json() == {"database": "ok", "redis": "ok"}
        finally:
            owner.execute(f'ALTER DATABASE "{name}" RESET temp_file_limit')
            machines.disconnect()


def limited(work):
    """A connection of before has the limit as well."""
    work.connection.exec_driver_sql("SET LOCAL temp_file_limit = 0")
    return work


def test_where_no_connection_is_free_a_503_comes_soon(on_postgres):
    with doors(on_postgres, pool_size=1) as url, ExitStack() as taken:
        host = Host(on_postgres, url)
        assert host.post(a_request()).status_code == 202
        for _ in range(5):
            taken.enter_context(on_postgres.store.engine.connect())
        began = time.monotonic()
        refused = host.post(a_request(request="r2"))
        assert time.monotonic() - began < 8  # less than a second; it was half a minute
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "no connection free" in problems(refused)[0]
        assert httpx.get(f"{url}/readyz", timeout=5).status_code == 200, "has one of its own"


def test_a_database_without_room_is_a_503_that_says_so(on_sqlite):
    with doors(on_sqlite) as url:
        host = Host(on_sqlite, url)

        def leave_no_room(connection):
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no less than there are

        event.listen(on_sqlite.store.engine, "begin", leave_no_room)
        refused = host.post(a_request(*(an_invoice(f"i{number}") for number in range(300))))
        event.remove(on_sqlite.store.engine, "begin", leave_no_room)
        on_sqlite.store.engine.dispose()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "no room left" in problems(refused)[0]


UNWELL = [
    (lambda ruler: ruler.config_set("maxmemory", 1), "OOM", "takes nothing new: it is out of memory"),
    (lambda ruler: ruler.replicaof("127.0.0.1", 1), "READONLY", "takes nothing new: it is a read-only replica"),
    (
        lambda ruler: ruler.config_set("min-replicas-to-write", 1),
        "NOREPLICAS",
        "takes nothing new: it has too few replicas",
    ),
]


@pytest.mark.parametrize(("make_unwell", "code", "says"), UNWELL, ids=[code for _, code, _ in UNWELL])
def test_a_redis_that_answers_and_takes_nothing_is_told_everywhere(
    on_sqlite, valkey, monkeypatch, make_unwell, code, says
):
    url, ruler = valkey
    client = of_redis(on_sqlite, url)
    make_unwell(ruler)
    with doors(on_sqlite) as address:
        ready = httpx.get(f"{address}/readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] == "ok"
    assert ready.json()["redis"].startswith(says)
    assert told_up(on_sqlite) == {"database": 1, "redis": 0}
    ended, found = the_doctor(on_sqlite, monkeypatch, url)
    assert ended == 1
    assert found["redis"]["says"] == ready.json()["redis"]
    monkeypatch.setattr(redis_client.TellingRedis, "told", {})
    bells = wiring.assemble(on_sqlite.settings, on_sqlite.store, client).bells
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            bells.ring("harbour/tenant")
    assert [line["error"] for line in lines if line["event"] == "redis.refused"] == [code], "told, and told once"


def test_a_redis_that_shows_nothing_of_itself_is_well_and_what_was_not_seen_is_said(on_sqlite, valkey, monkeypatch):
    url, ruler = valkey
    ruler.acl_setuser(
        "hosted", enabled=True, passwords=["+s3cret"], keys=["*"], commands=["+@all", "-config", "-info"]
    )
    hosted = url.replace("unix://", "unix://hosted:s3cret@")
    of_redis(on_sqlite, hosted)
    assert told_up(on_sqlite) == {"database": 1, "redis": 1}
    _, found = the_doctor(on_sqlite, monkeypatch, hosted)
    assert found["redis"]["ok"]
    assert "cannot be seen from here" in found["redis"]["says"]


def test_the_doctor_says_that_nobody_is_at_work_while_invoices_wait(on_sqlite, monkeypatch):
    on_sqlite.relay()
    _, found = the_doctor(on_sqlite, monkeypatch)
    assert found["at_work"] == {"ok": True, "says": "no worker and no clock at work; nothing waits"}
    on_sqlite.ask(an_invoice())
    ended, found = the_doctor(on_sqlite, monkeypatch)
    assert ended == 1
    assert found["at_work"]["says"].startswith("no worker and no clock at work, and 1 invoices and ")
    with on_sqlite.store.write() as work:
        processes.beat(work, processes.Presence("worker-1", "worker", "test", "here", 1))
    assert the_doctor(on_sqlite, monkeypatch)[1]["at_work"]["says"].startswith("no clock at work, and 1 invoices")
    with on_sqlite.store.write() as work:
        processes.beat(work, processes.Presence("clock-1", "clock", "test", "here", 1))
    assert the_doctor(on_sqlite, monkeypatch)[1]["at_work"]["ok"]


def test_a_part_that_never_answers_holds_up_nobody_who_asks(on_postgres):
    with doors(on_postgres) as url, a_lock_on(on_postgres, "processes"):
        for _ in range(3):
            ready = httpx.get(f"{url}/readyz", timeout=8)
            assert (ready.status_code, ready.json()["redis"]) == (503, "ok")
            assert "lock" in ready.json()["database"]


def test_a_part_is_written_to_once_a_second_at_most_however_many_ask(on_sqlite, monkeypatch):
    monkeypatch.setattr(parts, "REMEMBERED_SECONDS", 3600)
    store, client, asked = on_sqlite.store, on_sqlite.tools.redis, parts.Parts()
    assert asked.conditions(store, client)["redis"].works
    assert client.delete("xp:parts:try") == 1
    assert asked.conditions(store, client)["redis"].works
    assert client.exists("xp:parts:try") == 0
    monkeypatch.setattr(parts, "REMEMBERED_SECONDS", 0)
    asked.conditions(store, client)
    assert client.exists("xp:parts:try") == 1


def test_who_waited_for_a_thread_while_the_database_was_in_trouble_does_not_wait_once_more(monkeypatch):
    monkeypatch.setattr(answers, "_SOON_SECONDS", -1)
    state = SimpleNamespace(database_trouble_at=time.monotonic())
    request, told = SimpleNamespace(app=SimpleNamespace(state=state)), []
    with pytest.raises(answers.RefusedRequest) as refused:
        anyio.run(answers.in_a_thread, request, told.append, "too late")
    assert (refused.value.status, told) == (503, [])
    assert int(refused.value.headers["Retry-After"]) > 0
    state.database_trouble_at = time.monotonic() - 60
    anyio.run(answers.in_a_thread, request, told.append, "long over")
    assert told == ["long over"]


@contextmanager
def a_web_process(installation):
    """The doors as they are in production, a process of their own; gives their address."""
    port, chosen = machines.a_free_port(), installation.settings
    environment = {
        **os.environ,
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": ",".join(chosen.encryption_keys),
        "WEB_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "web.main"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"

    def is_ready():
        with suppress(httpx.HTTPError):
            return httpx.get(f"{url}/readyz", timeout=5).status_code == 200

    try:
        wait_for(is_ready, 60)
        yield url
    finally:
        process.kill()
        process.wait()


@contextmanager
def timing(url):
    """How long /healthz takes to answer, ten times a second."""
    took, ended = [], threading.Event()

    def ask():
        with httpx.Client() as client:
            while not ended.wait(0.1):
                began = time.monotonic()
                assert client.get(url, timeout=30).json() == {"status": "ok"}
                took.append(time.monotonic() - began)

    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(ask)
        try:
            yield took
        finally:
            ended.set()
        asked.result()


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_behind_a_table_that_is_locked_for_75_s_it_is_alive_and_says_no_soon_and_all_recovers(
    on_postgres, record_property
):
    """Limits are for a machine that has something else to do; what was measured is in the report (--junit-xml)."""
    refused = []
    with a_web_process(on_postgres) as url, timing(f"{url}/healthz") as alive:
        host = Host(on_postgres, url)
        assert host.post(a_request(request="before")).status_code == 202
        with a_lock_on(on_postgres, "exports"):
            began = time.monotonic()
            while time.monotonic() - began < 75:
                with posting(host, HANGING) as posts:
                    refused += [one.result() for one in posts]
                threading.Event().wait(2)  # hosts come again
        with posting(host, HANGING) as posts:
            assert {one.result()[0].status_code for one in posts} == {202}
    assert {one.status_code for one, _ in refused} == {503}
    assert {bool(one.headers["retry-after"]) for one, _ in refused} == {True}
    slowest = max(took for _, took in refused)
    alive.sort()
    record_property("refused", f"{len(refused)}, the slowest in {slowest:.2f} s")
    record_property(
        "healthz", f"{len(alive)} times, p99 {alive[len(alive) * 99 // 100]:.3f} s, slowest {alive[-1]:.3f} s"
    )
    assert slowest < 8
    assert alive[-1] < 2
