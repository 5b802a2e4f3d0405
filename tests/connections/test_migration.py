"""The second migration keeps what the first one stored."""

from sqlalchemy import create_engine, text

from store import migrate
from store.database import engine_for
from store.unit_of_work import Store
from store.vault import Vault
from tests import machines
from tests.installation import KEY


def test_apps_and_connections_of_before_work_after(tmp_path, postgres):
    sqlite = f"sqlite:///{tmp_path}/old.sqlite"
    for url in (sqlite, machines.fresh_postgres_database(postgres, "migrated")):
        migrate.upgrade(url, "0001")
        sealed = Vault([KEY]).seal("the secret")
        with create_engine(url).begin() as work:
            work.execute(
                text("INSERT INTO xero_apps (client_id, company, secret, scopes) VALUES ('A', 'harbour', :it, 's1')"),
                {"it": sealed},
            )
            work.execute(
                text(
                    "INSERT INTO companies (id, name, settings, created_at) VALUES ('harbour','H','{}', '2026-01-01 00:00:00+00:00')"
                )
            )
        assert migrate.upgrade(url) == "0002"
        store = Store(engine_for(url))
        with store.read() as work:
            from store import apps

            ((company, used, app, connection),) = apps.listed(work)
            assert (company.id, used.client_id, used.scopes, used.state, connection) == (
                "harbour",
                "A",
                "s1",
                "enabled",
                None,
            )
            assert apps.keys(work, Vault([KEY]), "A").secrets == ("the secret",)


def test_the_tables_are_as_the_migrations_make_them(database_url):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from sqlmodel import SQLModel

    engine = engine_for(database_url)
    with engine.connect() as connection:
        different = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert different == []
