"""The store: migrations, leases, the vault, and what SQLite alone would hide."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, inspect
from sqlmodel import SQLModel, select
from typer.testing import CliRunner

from cli.main import app
from events.accounting_target import Lane
from store import batches, exports, inbox, migrate, processes, sinks, statements, unit_of_work
from store.tables import Company, Duty, Request
from store.unit_of_work import Store, database_address, engine_for
from store.vault import Unopenable, Vault
from tests import machines
from tests.builders import COMPANY, an_invoice, invoices


def test_the_migrations_make_exactly_the_tables_we_use(database_url):
    engine = create_engine(database_url)
    found = inspect(engine)
    for name, table in SQLModel.metadata.tables.items():
        columns = {column["name"] for column in found.get_columns(name)}
        assert columns == {column.name for column in table.columns}, name
    engine.dispose()
    assert migrate.current(database_url) == migrate.newest()


def test_migrating_again_changes_nothing(database_url):
    assert migrate.upgrade(database_url) == migrate.newest()


def test_counting_from_many_threads_loses_nothing(database_url):
    store = Store(engine_for(database_url))
    with store.write() as work:
        work.session.add(
            Request(
                company="c", id="r", tenant="t", mode="bulk", requested_by="a", source_event="e", created_at=work.now
            )
        )

    def count(_):
        with store.write() as work:
            from store.requests import count_part

            count_part(work, "c", "r", 1, 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(100)))
    with store.read() as work:
        assert work.session.get(Request, ("c", "r")).total == 100
    store.engine.dispose()


@pytest.mark.parametrize("shared", [True, False])
def test_rows_in_bulk_keep_their_moments_whether_they_share_them_or_not(database_url, shared):
    store, now = Store(engine_for(database_url)), datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
    began = [now if shared else now + timedelta(seconds=place) for place in range(6)]
    ended = [moment if shared else moment + timedelta(days=place % 2) for place, moment in enumerate(began)]
    names = [f"duty-{place}" for place in range(6)]
    rows = [{"name": name, "holder": "a", "lease_until": began[place]} for place, name in enumerate(names)]
    later = [{"name": name, "lease_until": ended[place]} for place, name in enumerate(names)]
    with store.write() as work:
        statements.insert(work, Duty, rows)
    assert held(store) == dict(zip(names, began, strict=True))
    with store.write() as work:
        statements.change(work, Duty, "name", later)
    assert held(store) == dict(zip(names, ended, strict=True))
    with store.write() as work:
        over = {"lease_until": "excluded", "holder": "excluded"}
        statements.upsert(work, Duty, [{**row, "lease_until": now} for row in rows], over, ["name"])
    assert set(held(store).values()) == {now}
    store.engine.dispose()


def held(store):
    with store.read() as work:
        return {one.name: one.lease_until.replace(tzinfo=UTC) for one in work.session.exec(select(Duty))}


def test_a_duty_has_one_holder_until_its_lease_is_over(installation):
    def takes(holder):
        with installation.store.write() as work:
            return processes.take_duty(work, "relay", holder, 60)

    assert takes("a")
    assert not takes("b")
    assert takes("a")
    installation.later(61)
    assert takes("b")
    assert not takes("a")


def test_a_fence_lets_nobody_through_with_an_old_token_or_state(installation):
    installation.ask(an_invoice())
    lane = Lane(COMPANY, installation.export("i1").tenant)
    with installation.store.write() as work:
        hold = batches.claim(work, lane, exports.pending(work, lane, 50), lease=90)
    with installation.store.write() as work:
        assert not batches.move(work, batches.Hold(hold.batch_id, "stale"), "claimed", state="sent")
        assert not batches.move(work, hold, "sent", state="settled")
        assert batches.move(work, hold, "claimed", state="sent")


def test_two_workers_never_claim_the_same_invoice(installation):
    installation.ask(*invoices(100))
    lane = Lane(COMPANY, installation.export("i0001").tenant)
    together = threading.Barrier(2)

    def claim(_):
        together.wait()
        with installation.store.write() as work:
            due = exports.pending(work, lane, 50)
            batches.claim(work, lane, due, lease=90)
            return {export.id for export in due}

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(claim, range(2))
    assert not first & second
    assert len(first | second) == 100


def test_the_same_dead_letter_is_kept_once(installation):
    for _ in range(2):
        with installation.store.write() as work:
            inbox.set_aside(work, "http", b"{", ["body: not JSON"], "a:1")
    with installation.store.read() as work:
        (kept,) = inbox.dead_letters(work)
    assert (kept.body, kept.place) == (b"{", "a:1")


def test_a_secret_opens_with_an_old_key_and_is_sealed_with_the_newest():
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Vault([old]).seal("secret")
    assert b"secret" not in sealed
    assert Vault([new, old]).open(sealed) == "secret"
    with pytest.raises(Unopenable, match="ENCRYPTION_KEYS"):
        Vault([new]).open(sealed)
    with pytest.raises(Unopenable):
        Vault([old]).open(Vault([new, old]).seal("secret"))


def test_a_relay_that_says_late_how_far_it_came_never_takes_the_door_back(installation):
    for position in (1, 7, 5):
        with installation.store.write() as work:
            sinks.move_on(work, "webhook", position)
    with installation.store.read() as work:
        assert sinks.position(work, "webhook") == 7


def test_a_transaction_that_is_left_open_ends_before_a_lease_does(postgres):
    engine = engine_for(machines.copy_of_template(postgres, "left_open"))
    with engine.connect() as connection:
        for setting in ("idle_in_transaction_session_timeout", "transaction_timeout"):
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar() == "1min"
    engine.dispose()


def test_a_connection_that_rested_while_the_server_restarted_is_not_used(postgres, monkeypatch):
    address = machines.copy_of_template(postgres, "restarted")
    engine, other = engine_for(address), engine_for(address)
    with engine.connect() as connection:
        session = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with other.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({session}, 5000)")
    monkeypatch.setattr(unit_of_work, "_RESTED_SECONDS", -1.0)  # every connection has rested long enough
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() != session
    engine.dispose()
    other.dispose()


def test_settings_that_a_later_version_added_stop_no_older_process(installation):
    with installation.store.write() as work:
        row = work.session.get_one(Company, COMPANY)
        row.settings = row.settings[:-1] + ', "from_the_future": 1}'
    installation.ask(an_invoice())
    installation.run()
    assert installation.answers()["i1"]["type"] == "succeeded"


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_by_each_name_that_tools_give_it(postgres, name):
    address = re.sub(r"^postgresql(\+\w+)?:", f"{name}:", machines.copy_of_template(postgres, f"named_{len(name)}"))
    assert migrate.current(address) == migrate.newest()
    engine = engine_for(address)
    with Store(engine).read() as work:
        assert work.connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(("asked", "prepared"), [("", True), ("prepare_threshold=0", False)])
def test_behind_a_pooler_no_statement_is_prepared(postgres, asked, prepared):
    address = machines.copy_of_template(postgres, f"pooled_{len(asked)}")
    engine = engine_for(f"{address}{'&' if '?' in address else '?'}{asked}", pool_size=1)
    with Store(engine).write() as work:
        for number in range(12):
            work.connection.exec_driver_sql("SELECT id FROM companies WHERE id = %s", (str(number),))
        count = work.connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar()
        assert bool(count) is prepared
    engine.dispose()


@pytest.mark.parametrize(
    "address",
    [
        "secret",
        "postgresql://u:secret@h:port/db",
        "mysql://u:secret@h/db",
        "postgresql://secret@h/d?prepare_threshold=x",
    ],
)
def test_an_address_of_no_database_ends_with_a_sentence(address):
    with pytest.raises(ValueError, match="must") as said:
        database_address(address)
    assert "secret" not in str(said.value)
    chosen = {"DATABASE_URL": address, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    done = CliRunner().invoke(app, ["migrate"], env=chosen)
    assert isinstance(done.exception, SystemExit)
    assert "DATABASE_URL" in str(done.exception)
    assert "secret" not in str(done.exception)
