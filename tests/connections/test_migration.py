"""The second migration keeps what the first one stored."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from store import apps, migrate, status
from store.database import engine_for
from store.unit_of_work import Store
from store.vault import Vault
from tests import machines
from tests.installation import KEY

MOMENT = "2026-01-01 00:00:00+00:00"


def test_apps_of_before_the_migration_belong_to_their_companies_after_it(tmp_path, postgres):
    for url in (f"sqlite:///{tmp_path}/old.sqlite", machines.fresh_postgres_database(postgres, "migrated")):
        migrate.upgrade(url, "0001")
        store = Store(engine_for(url))
        with store.write() as work:
            run = work.session.connection().execute
            run(text("INSERT INTO companies VALUES ('harbour', 'Harbour', '{}', :at)"), {"at": MOMENT})
            sealed = {"it": Vault([KEY]).seal("the secret")}
            run(
                text("INSERT INTO xero_apps (client_id, company, secret, scopes) VALUES ('A', 'harbour', :it, 's')"),
                sealed,
            )
        assert migrate.upgrade(url) == migrate.newest()
        with store.read() as work:
            ((company, used, _, connection, _, _),) = status.of_companies(work)
            assert (company.id, used.client_id, used.scopes, used.state) == ("harbour", "A", "s", "enabled")
            assert connection is None
            assert apps.keys(work, Vault([KEY]), "A").secrets == ("the secret",)
        store.engine.dispose()


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which SQLite does not tell of
def test_the_tables_are_as_the_migrations_make_them(database_url):
    engine = engine_for(database_url)
    with engine.connect() as connection:
        different = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert different == []


def test_keys_of_before_previews_were_a_scope_ask_for_them_still_and_ids_get_their_company(tmp_path, postgres):
    for url in (f"sqlite:///{tmp_path}/rights.sqlite", machines.fresh_postgres_database(postgres, "rights")):
        migrate.upgrade(url, "0018")
        store = Store(engine_for(url))
        with store.write() as work:
            run = work.session.connection().execute
            for key, scopes in (("a", "reads"), ("b", "events:write,feed"), ("c", "feed,logins"), ("d", "*")):
                run(
                    text(
                        "INSERT INTO api_keys (id, secret, companies, created_at, scopes) "
                        "VALUES (:k, :s, '*', :at, :o)"
                    ),
                    {"k": key, "s": b"x", "at": MOMENT, "o": scopes},
                )
            answer = '{"event": "e1", "company": "harbour", "request": "r1", "invoices": 1}'
            run(
                text("INSERT INTO inbox VALUES ('crewcard/web', 'e1', 'h', :answer, :at)"),
                {"answer": answer, "at": MOMENT},
            )
        migrate.upgrade(url)
        with store.read() as work:
            run = work.session.connection().execute
            kept = dict(run(text("SELECT id, scopes FROM api_keys")).all())
            assert kept == {"a": "reads,previews", "b": "events:write,feed,previews", "c": "feed,logins", "d": "*"}
            assert run(text("SELECT company FROM inbox")).all() == [("harbour",)]
        store.engine.dispose()
