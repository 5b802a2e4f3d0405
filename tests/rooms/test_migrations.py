"""Migrations: from every earlier version, with data in them, and with the version before still at work."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import MetaData, create_engine, func, insert, select, text, types
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel
from typer.testing import CliRunner

from cli.main import app
from store import migrate
from store.unit_of_work import Store, engine_for
from tests import machines
from tests.installation import KEY
from worker.parts import Parts

pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
REVISIONS = [one.revision for one in ScriptDirectory.from_config(migrate._config()).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.sqlite"
    server = request.getfixturevalue("postgres")
    return machines.fresh_postgres_database(server, f"old_{tmp_path.name}"[:60].lower())


def a_value(column, number):
    """Something that fits the column, other for every row."""
    if isinstance(column.type, types.Boolean):
        return False
    if isinstance(column.type, types.Integer | types.Numeric | types.Float):
        return number
    if isinstance(column.type, types.DateTime):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    if isinstance(column.type, types.LargeBinary):
        return f"{column.name}{number}".encode()
    return f"{column.name}{number}"


def tables_of(engine):
    """The tables as they are in the database, by name."""
    metadata = MetaData()
    metadata.reflect(engine)
    return {table.name: table for table in metadata.sorted_tables if table.name != "alembic_version"}


def counts(engine, tables):
    with engine.connect() as connection:
        count = select(func.count())
        return {table.name: connection.scalar(count.select_from(table)) for table in tables.values()}


def fill(engine, tables, numbers):
    """A row of each number in every table, all columns of that version given."""
    with engine.begin() as connection:
        for table in tables.values():
            connection.execute(insert(table), [{c.name: a_value(c, one) for c in table.columns} for one in numbers])


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which SQLite does not tell of
def test_the_tables_are_as_the_migrations_make_them(database_url):
    engine = create_engine(database_url)
    with engine.connect() as connection:
        only_where_trigrams_are = {"include_name": lambda name, *_: name != "invoice_search_parts"}
        context = MigrationContext.configure(connection, opts=only_where_trigrams_are)
        different = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    assert different == []


@pytest.mark.ci
def test_every_earlier_version_upgrades_with_its_data_and_can_still_write_on_the_next_schema(empty_database):
    """Rows that each version wrote are there at every version after it. What a running old process inserts names only
    its own columns: new ones are optional or have a default."""
    written, before = {}, {}
    for step, revision in enumerate(REVISIONS):
        assert migrate.upgrade(empty_database, revision) == revision
        engine = create_engine(empty_database)
        tables = tables_of(engine)
        for name, old in before.items():
            now = tables[name].columns
            lost = [column.name for column in old.columns if column.name not in now]
            assert not lost, f"{revision}: {name} lost columns that the version before still reads: {lost}"
            for new in (column for column in now if column.name not in old.columns):
                assert new.nullable or new.server_default is not None, f"{revision}: {name}.{new.name}"
        kept = counts(engine, tables)
        assert {name: kept[name] for name in written} == written, revision
        fill(engine, tables, range(2 * step + 1, 2 * step + 3))
        written, before = {name: count + 2 for name, count in kept.items()}, tables
        engine.dispose()
    assert written == counts(engine, tables)
    assert revision == migrate.newest()
    engine.dispose()


def test_a_version_goes_on_beside_the_schema_of_the_next_one_and_its_migrate_leaves_that_alone(empty_database):
    """As in an upgrade without a pause, and on the way back: 9999 stands for what a later version added."""
    migrate.upgrade(empty_database)
    engine = create_engine(empty_database)
    found, store = Parts(), Store(engine_for(empty_database))
    assert found._database(store).state == "ok"
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE companies ADD COLUMN of_later VARCHAR"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert found._database(store).state == "ok"
    environment = {"DATABASE_URL": empty_database, "ENCRYPTION_KEYS": "A" * 43 + "="}
    done = CliRunner().invoke(app, ["migrate"], env=environment)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert "revision 9999" in done.stdout
    assert "works on it. Nothing was changed" in done.stdout.replace("\n", " ")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert found._database(store).says == "not migrated: run crewcard-xero migrate"
    store.engine.dispose()
    engine.dispose()


def test_a_second_engine_of_a_process_leaves_the_locks_of_the_first_alone(tmp_path):
    """Readiness has one of its own: SQLite's locks are the process's, and end with any closing of the file."""
    url = f"sqlite:///{tmp_path}/ours.sqlite"
    migrate.upgrade(url)
    store = Store(engine_for(url))
    with store.read() as work:
        work.connection.execute(text("SELECT count(*) FROM companies")).scalar()
    engine_for(url).dispose()
    other = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM companies').fetchall()"
    subprocess.run([sys.executable, "-c", other, f"{tmp_path}/ours.sqlite"], check=True)
    assert (tmp_path / "ours.sqlite-wal").exists(), "what this process writes to from now on"
    store.engine.dispose()


def test_a_table_that_is_held_keeps_the_migration_waiting_and_nobody_behind_it(postgres):
    """Who asks for the table behind a migration that waits is answered within what a door waits, 0.75 s."""
    url = machines.fresh_postgres_database(postgres, "held")
    migrate.upgrade(url, "0025")
    question = "SELECT count(*) FROM companies"  # which 0026 changes
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as behind,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute(question)
        behind.execute("SET lock_timeout = '750ms'")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'companies'::regclass"
        environment = {"DATABASE_URL": url, "MIGRATION_DATABASE_URL": "", "ENCRYPTION_KEYS": KEY}
        migrating = pool.submit(CliRunner().invoke, app, ["migrate"], env=environment)
        try:
            for _ in range(2):
                machines.wait_for(lambda: behind.execute(waiting).fetchone()[0], 60)
                assert behind.execute(question).fetchone() == (0,)
            assert not migrating.done()
        finally:
            holder.rollback()
        done = migrating.result(60)
    assert f"revision {migrate.newest()}" in done.output
    assert done.output.count("A process at work holds a table") == 1


def test_a_database_that_starts_later_is_waited_for(postgres, tmp_path):
    """As at the boot of a machine; one that answers that it will not is not waited for, for nothing mends it."""
    url = machines.fresh_postgres_database(postgres, "late")
    folder = Path(conninfo_to_dict(url)["host"])
    late = url.replace(str(folder), str(tmp_path))
    said = []

    def start(why):
        said.append(why)
        for socket in folder.glob(".s.PGSQL.*[0-9]"):
            (tmp_path / socket.name).symlink_to(socket)

    migrate.wait_for_server(late, 60, start)
    assert len(said) == 1
    assert "No such file" in said[0]
    with pytest.raises(OperationalError, match="does not exist"):
        migrate.wait_for_server(url.replace("/late?", "/nowhere?"), 60, said.append)
    with pytest.raises(OperationalError, match="No such file"):
        migrate.wait_for_server(url.replace(str(folder), str(tmp_path / "never")), 0, lambda _why: None)
    assert len(said) == 1
