"""A physical backup and the archived log, brought back to a moment: nothing is doubled, nothing lost."""

import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from store import migrate
from tests.builders import invoices
from tests.machines import wait_for
from tests.operations.test_restore import checked
from tests.security.test_tls import AS_NOBODY, POSTGRES
from worker.reconcile import restore_check

PAGE = (Path(__file__).parents[2] / "docs/operations/backup.md").read_text()
pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not POSTGRES, reason="no PostgreSQL of Debian's here (.ci/run brings it)"),
]


def said(beginning):
    """The line on the page that begins so."""
    return re.search(rf"^ *({re.escape(beginning)}.*)$", PAGE, re.MULTILINE)[1]


@pytest.fixture
def folder():
    """A folder that the server's account may read and write."""
    path = Path(tempfile.mkdtemp(prefix="xp-physical-"))
    (path / "wal").mkdir()
    for one in (path, path / "wal"):
        if AS_NOBODY:
            shutil.chown(one, AS_NOBODY["user"])
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def a_server(folder, data, *settings):
    """PostgreSQL on this data, with the lines of the page about archiving; gives the address of our database."""
    lines = [*settings, "fsync=off", "listen_addresses=", f"unix_socket_directories={folder}"]
    options = [word for line in lines for word in ("-c", line)]
    command = [str(POSTGRES), "-D", str(data), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **AS_NOBODY)

    def takes_writes():
        try:
            with psycopg.connect(f"postgresql://crewcard@/postgres?host={folder}") as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        except psycopg.OperationalError:
            return False

    try:
        wait_for(takes_writes, seconds=60)
        yield f"postgresql://crewcard@/crewcard?host={folder}"
    finally:
        process.send_signal(signal.SIGINT)  # at once, whoever is connected
        process.wait(60)


def setting(name, folder):
    """A line of the page for postgresql.conf, with this test's folder instead of the page's."""
    return said(f"{name} = ").replace(" = '", "=").removesuffix("'").replace("/srv/backup", str(folder))


def run(command, folder, **variables):
    environment = {
        "PATH": f"{POSTGRES.parent}:/usr/bin:/bin",
        "PGHOST": str(folder),
        "PGUSER": "crewcard",
        **variables,
    }
    subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, check=True, timeout=120, **AS_NOBODY)


def test_a_moment_after_a_physical_backup_is_brought_back_and_nothing_is_doubled(make_installation, folder):
    data, back = folder / "data", folder / "restored"
    run(f"initdb -D {data} -U crewcard --auth=trust --encoding UTF8 >/dev/null", folder)
    with a_server(folder, data, "archive_mode=on", setting("archive_command", folder)) as url:
        run("createdb crewcard", folder)
        migrate.upgrade(url)
        before = make_installation(url)
        before.company()
        before.ask(*invoices(3, "early"), request="early")
        before.run()
        run(said("pg_basebackup"), folder, TO=str(back))
        before.ask(*invoices(3, "known"), request="known")
        before.run()
        with psycopg.connect(url, autocommit=True) as connection:
            moment = connection.execute("SELECT clock_timestamp()").fetchone()[0]
        before.ask(*invoices(3, "gone"), request="gone")
        before.run()
        with psycopg.connect(url, autocommit=True) as connection:
            segment = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()[0]
        wait_for((folder / "wal" / segment).exists, seconds=60)
        before.store.engine.dispose()
    before.later(3600)

    run(f"touch {back}/recovery.signal", folder)
    targets = [setting(name, folder) for name in ("restore_command", "recovery_target_action")]
    with a_server(folder, back, *targets, f"recovery_target_time={moment.isoformat()}") as url:
        restored = make_installation(url)
        restored.offset = before.offset
        assert {request: len(restored.answers(request)) for request in ("early", "known")} == {"early": 3, "known": 3}
        restore_check.begin(restored.tools, None, "olga", "a disk was lost")
        restored.ask(*invoices(3, "gone"), request="gone")
        assert restored.answers("gone") == {}
        found = checked(restored)
        assert (found.taken_over, found.twice, bool(found.ended_at)) == (3, 0, True)
        restored.settle_down()
        assert {one["type"] for one in restored.answers("gone").values()} == {"succeeded"}
        assert set(Counter(book["InvoiceNumber"] for book in restored.books()).values()) == {1}
        assert len(restored.books()) == 9
        restored.store.engine.dispose()
