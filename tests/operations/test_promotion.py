"""The primary is lost and a replica takes its place and its address, with all it had got: nothing is doubled, and
whoever has to send again is told, also where the replica was behind and nobody says a word."""

import json
import os
import signal
from contextlib import contextmanager
from datetime import datetime

import psycopg
import pytest
from typer.testing import CliRunner

from cli import care
from cli.main import app
from store import migrate
from tests.builders import an_invoice, invoices
from tests.machines import wait_for
from tests.operations import test_physical_backup
from tests.operations.test_backup import numbers
from tests.operations.test_physical_backup import folder, run  # noqa: F401
from tests.operations.test_restore_noticed import (
    checked_without_forgetting,
    clock,
    go_on,
    page,
    restored_times,
    seen_until,
)
from web.answers import RefusedRequest

pytestmark = [*test_physical_backup.pytestmark, pytest.mark.timeout(300)]
EARLY = dict.fromkeys([one["number"] for one in invoices(3)], 1)
LATER = [an_invoice("C0", number="C0"), an_invoice("C0", number="REN-C0", revision=2)]  # as go_on sends them


class Servers:
    """A primary and its replica, of Debian's PostgreSQL; who connects asks at an address that is one of the two."""

    def __init__(self, folder):  # noqa: F811
        self.folder = folder
        self.address = folder / "address"
        self.url = f"postgresql://crewcard@/crewcard?host={self.address}"
        for name in ("primary", "replica"):
            run(f"mkdir {folder}/at-{name}", folder)

    def start(self, name):
        options = f"-c fsync=off -c listen_addresses= -c unix_socket_directories={self.folder}/at-{name}"
        log = f"{self.folder}/{name}.log"
        run(f"pg_ctl -D {self.folder}/{name} -w -t 60 -l {log} -o '{options}' start >/dev/null", self.folder)

    def has_the_address(self, name):
        self.address.unlink(missing_ok=True)
        self.address.symlink_to(self.folder / f"at-{name}")

    def asked(self, name, statement):
        with psycopg.connect(
            f"postgresql://crewcard@/crewcard?host={self.folder}/at-{name}", autocommit=True
        ) as connection:
            found = connection.execute(statement)
            return found.fetchone()[0] if found.description else None

    def kill(self, name):
        """As a machine that is gone: the postmaster, and with it all of its backends."""
        pid = int((self.folder / name / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def has_caught_up(self):
        end = self.asked("primary", "SELECT pg_current_wal_insert_lsn()")
        wait_for(lambda: self.asked("replica", f"SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn"), seconds=60)


@pytest.fixture
def servers(folder):  # noqa: F811
    made = Servers(folder)
    run(f"initdb -D {folder}/primary -U crewcard --auth=trust --encoding UTF8 >/dev/null", folder)
    made.start("primary")
    try:
        run("createdb crewcard", folder, PGHOST=f"{folder}/at-primary")
        made.has_the_address("primary")
        run(f"pg_basebackup --pgdata {folder}/replica -R --checkpoint fast", folder, PGHOST=f"{folder}/at-primary")
        made.start("replica")
        yield made
    finally:
        for name in ("primary", "replica"):
            run(f"pg_ctl -D {folder}/{name} -m immediate stop >/dev/null 2>&1 || true", folder)


@pytest.fixture
def on_the_primary(servers, make_installation):
    """Three invoices are exported and told; the replica has all of it."""
    migrate.upgrade(servers.url)
    made = make_installation(servers.url)
    made.company()
    made.ask(*invoices(3))
    made.run()
    made.relay()
    clock(made)
    clock(made)
    servers.has_caught_up()
    return made


def promote(servers, installation):
    """The primary is gone, the replica promoted, and its address is the replica's; no process of ours is told."""
    servers.kill("primary")
    run(f"pg_ctl -D {servers.folder}/replica -w -t 60 promote >/dev/null", servers.folder)
    servers.has_the_address("replica")
    installation.store.engine.dispose()  # every connection of before broke
    installation.later(3600)


def send_again(installation):
    for number, one in enumerate(LATER):
        installation.ask(one, request=f"later{number}")


def events_of(installation):
    """The feed, as a host reads it from its beginning."""
    return [json.loads(one) for one in page(installation, 0).events]


@contextmanager
def environment(installation, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", installation.settings.database_url)
    monkeypatch.setenv("REDIS_URL", installation.settings.redis_url)
    monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(installation.settings.encryption_keys))
    yield


def test_a_replica_that_did_not_get_the_last_is_noticed_and_nothing_is_doubled(on_the_primary, servers, monkeypatch):
    installation = on_the_primary
    known = seen_until(installation)
    servers.asked("replica", "ALTER SYSTEM SET primary_conninfo = ''")  # as a network that is cut
    servers.asked("replica", "SELECT pg_reload_conf()")
    wait_for(lambda: servers.asked("replica", "SELECT count(*) FROM pg_stat_wal_receiver") == 0, seconds=60)
    servers.asked("replica", "SELECT pg_wal_replay_pause()")
    cursor = go_on(installation)
    began = min(datetime.fromisoformat(one["time"]) for one in events_of(installation)[known:])
    calls = len(installation.calls())

    promote(servers, installation)
    assert installation.answers("later0") == {}  # what was accepted last is gone
    installation.ask(an_invoice("C1", number="C1"), request="click")
    installation.run()
    assert len(installation.calls()) == calls  # the first turn noticed, and nothing is sent
    with environment(installation, monkeypatch):
        with pytest.raises(RuntimeError, match=r"not read yet"):
            care._restore(installation.tools, installation.settings)
        assert CliRunner().invoke(app, ["restore-check"]).exit_code == 1

    send_again(installation)  # as the event asks for
    checked_without_forgetting(installation)
    installation.run()
    installation.relay()
    (restored,) = [one for one in events_of(installation) if one["type"] == "database.restored"]
    assert datetime.fromisoformat(restored["data"]["since"]) <= began  # all that is lost was accepted after it
    with pytest.raises(RefusedRequest) as told:
        page(installation, cursor)
    on = int(told.value.problems[0].partition("after=")[2].partition(":")[0])
    assert [json.loads(one) for one in page(installation, on).events] == events_of(installation)[known:]
    answers = {**installation.answers("later1"), **installation.answers("click")}
    assert {name: one["type"] for name, one in answers.items()} == {"C0": "succeeded", "C1": "succeeded"}
    assert numbers(installation) == {**EARLY, "REN-C0": 1, "C1": 1}
    assert restored_times(installation) == [0]
    with environment(installation, monkeypatch):
        assert care._restore(installation.tools, installation.settings).endswith("is checked")


def test_a_replica_that_got_everything_and_had_only_not_replayed_it_lost_nothing(on_the_primary, servers):
    """As PostgreSQL does: what was received is replayed at the promotion, though the replay was paused."""
    installation = on_the_primary
    servers.asked("replica", "SELECT pg_wal_replay_pause()")
    cursor = go_on(installation)
    end = servers.asked("primary", "SELECT pg_current_wal_flush_lsn()")
    wait_for(lambda: servers.asked("replica", f"SELECT pg_last_wal_receive_lsn() >= '{end}'::pg_lsn"), seconds=60)
    calls = len(installation.calls())

    promote(servers, installation)
    send_again(installation)
    installation.run()
    clock(installation)
    assert restored_times(installation) == []
    assert len(installation.calls()) == calls
    assert page(installation, cursor).events == []
    assert numbers(installation) == {**EARLY, "REN-C0": 1}
