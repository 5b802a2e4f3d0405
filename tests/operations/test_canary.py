"""The doctor's canary: through every part as an invoice goes, said where it stops, and nothing of it stays."""

import threading
from contextlib import ExitStack, contextmanager

import httpx
import psycopg
import pytest
import structlog
from sqlmodel import func, select
from typer.testing import CliRunner

from cli import care
from cli.main import app
from store.tables import Canary, Export, InboxEvent, OutboxEvent
from tests import machines
from tests.operations.test_health import the_doctor
from web import main
from worker import actors, broker, database, wiring
from worker.delivery import relay
from worker.pruner import prune
from worker.watching import canary


@contextmanager
def at_work(installation, *kinds):
    """These processes say that they are there, and do what a canary needs of them."""
    made = broker.build(installation.tools.redis)
    actors.declare(made, lambda: installation.tools)
    turn, ended = made.get_actor(broker.TURN).fn, threading.Event()

    def work():
        while not ended.wait(0.01):
            mine = [one for one in installation.rings if one[0] == canary.LANE.key]
            for ring in mine if "worker" in kinds else []:
                installation.rings.remove(ring)
                turn(*ring)
            if "clock" in kinds and mine:
                relay.relay(installation.tools, "test")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def doors(installation, monkeypatch):
    """The doors, where the doctor looks for them; worker and clock say that they are there."""
    installation.a_worker_runs()
    with machines.served(main.serving(main.build(installation.tools), installation.settings)) as url:
        monkeypatch.setenv("PUBLIC_URL", url)
        yield url


def rows(installation):
    """How many there are of what a canary touches."""
    with installation.store.read() as work:
        count = select(func.count())
        tables = (Canary, InboxEvent, OutboxEvent, Export)
        return [work.session.exec(count.select_from(table)).one() for table in tables]


def test_a_canary_goes_through_every_part_and_nothing_of_it_stays(installation, doors, monkeypatch):
    before = rows(installation)
    with at_work(installation, "worker", "clock"):
        for _ in range(2):
            ended, found = the_doctor(installation, monkeypatch)
            assert found["canary"]["says"].startswith("door, inbox, wake-up, worker, relay and feed within ")
            assert ended == 0, found
    assert rows(installation) == before
    assert installation.calls() == []
    assert installation.tools.redis.zcard("xp:due") == 0
    assert httpx.get(f"{doors}/readyz").status_code == 200


@pytest.mark.parametrize(
    ("kinds", "says"), [((), "no worker took it"), (("worker",), "the relay did not come to it")]
)
def test_the_doctor_says_where_a_canary_stopped(installation, doors, monkeypatch, kinds, says):
    """Both say that they are there, and do nothing: suspended between two beats, or stuck."""
    monkeypatch.setattr(care, "CANARY_SECONDS", 1.0)
    before = rows(installation)
    with at_work(installation, *kinds):
        ended, found = the_doctor(installation, monkeypatch)
    assert (ended, found["canary"]["ok"]) == (1, False)
    assert found["canary"]["says"].startswith("stopped after 1.")
    assert found["canary"]["says"].endswith(says)
    assert rows(installation) == before


def test_a_table_that_is_locked_stops_a_canary_as_it_stops_an_invoice(make_installation, kept_postgres, monkeypatch):
    machines.empty(kept_postgres)
    installation = make_installation(kept_postgres, door_wait_seconds=0.2)
    with ExitStack() as stack:
        installation.a_worker_runs()
        monkeypatch.setattr(care, "CANARY_SECONDS", 20.0)
        app_ = main.build(installation.tools)
        url = stack.enter_context(machines.served(main.serving(app_, installation.settings)))
        monkeypatch.setenv("PUBLIC_URL", url)
        patience = database.patience(installation.settings, at_the_doors=True)
        installation.store.engine = machines.engine(kept_postgres, 4, patience)
        somebody = stack.enter_context(psycopg.connect(kept_postgres))
        somebody.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        with structlog.testing.capture_logs():
            _, found = the_doctor(installation, monkeypatch)
        assert "the door answered 503" in found["canary"]["says"]
        assert "somebody holds a lock" in found["canary"]["says"]


def test_without_a_door_a_canary_is_handed_in_here_and_the_doctor_says_so(on_sqlite, monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{machines.a_free_port()}")
    on_sqlite.a_worker_runs()
    monkeypatch.setattr(wiring, "build", lambda _chosen: on_sqlite.tools)
    with at_work(on_sqlite, "worker", "clock"):
        ended, found = the_doctor(on_sqlite, monkeypatch)
    assert ended == 1, "nobody answers at the door"
    assert found["canary"]["ok"]
    assert found["canary"]["says"].startswith("without the door (nobody answers at http://127.0.0.1:")


def test_where_nobody_is_at_work_none_is_sent(on_sqlite, monkeypatch):
    assert the_doctor(on_sqlite, monkeypatch)[1]["canary"]["says"] == "not sent: no worker and no clock at work"


def test_only_who_has_the_keys_lets_a_canary_in(on_sqlite):
    before, rung = rows(on_sqlite), [*on_sqlite.rings]
    with machines.served(main.serving(main.build(on_sqlite.tools), on_sqlite.settings)) as url:
        for sealed in ("", "Bearer nonsense", f"Bearer {on_sqlite.tools.vault.seal('other')}"):
            for method in ("POST", "GET"):
                refused = httpx.request(method, f"{url}/canary", headers={"authorization": sealed})
                assert (refused.status_code, refused.json()["title"]) == (401, "Ticket not valid")
    assert rows(on_sqlite) == before
    assert on_sqlite.rings == rung


def test_what_a_killed_doctor_left_is_gone_after_an_hour(on_sqlite):
    canary.accept(on_sqlite.tools, canary.new_id())
    prune(on_sqlite.tools, "test")
    assert rows(on_sqlite)[0] == 1
    on_sqlite.later(3601)
    prune(on_sqlite.tools, "test")
    assert rows(on_sqlite)[0] == 0


def test_the_doctor_for_people_says_it_in_a_line(on_sqlite, monkeypatch):
    the_doctor(on_sqlite, monkeypatch)
    said = CliRunner().invoke(app, ["doctor"]).stdout
    assert "✔ canary: not sent: no worker and no clock at work" in said
