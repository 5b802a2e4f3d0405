"""Migrations: from every earlier version, with data in them, and with the version before still at work."""

import itertools
from datetime import UTC, datetime

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, insert, inspect, select, types

from store import migrate
from tests import machines

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
        return datetime(2026, 1, number, tzinfo=UTC)
    if isinstance(column.type, types.LargeBinary):
        return f"{column.name}{number}".encode()
    return f"{column.name}{number}"


def fill(engine, rows=2):
    """Rows in every table, all columns of that version given; gives how many there are then, by table."""
    metadata = MetaData()
    metadata.reflect(engine)
    tables = [table for table in metadata.sorted_tables if table.name != "alembic_version"]
    with engine.begin() as connection:
        for table in tables:
            for number in range(1, rows + 1):
                values = {c.name: a_value(c, number) for c in table.columns}
                connection.execute(insert(table).values(values))
        return {table: len(connection.execute(select(table.primary_key.columns[0])).all()) for table in tables}


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_earlier_version_upgrades_with_its_data(empty_database, revision):
    migrate.upgrade(empty_database, revision)
    engine = create_engine(empty_database)
    tables = fill(engine)
    assert migrate.upgrade(empty_database) == migrate.newest()
    with engine.connect() as connection:
        for table, count in tables.items():
            assert len(connection.execute(select(table.primary_key.columns[0])).all()) == count >= 2, table.name
    engine.dispose()


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(REVISIONS)))
def test_the_version_before_can_still_write_on_the_new_schema(empty_database, before, after):
    """What a running old process inserts names only its own columns: new ones are optional or have a default."""
    migrate.upgrade(empty_database, before)
    engine = create_engine(empty_database)
    old = {name: {c["name"] for c in inspect(engine).get_columns(name)} for name in inspect(engine).get_table_names()}
    migrate.upgrade(empty_database, after)
    for table, columns in old.items():
        now = {c["name"]: c for c in inspect(engine).get_columns(table)}
        assert columns <= set(now), f"{table} lost a column that the version before still reads"
        for name in set(now) - columns:
            assert now[name]["nullable"] or now[name]["default"] is not None, f"{table}.{name}"
    engine.dispose()
