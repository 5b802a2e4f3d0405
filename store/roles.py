"""Accounts of PostgreSQL: the one that owns the tables and migrates them, and the one that runs with less."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from store.unit_of_work import Work, database_address, engine_for_migrations

_MAY_CHANGE_AUDIT = """
    SELECT current_user, rolsuper OR pg_has_role(current_user, relowner, 'MEMBER')
        OR has_table_privilege('audit', 'UPDATE') OR has_table_privilege('audit', 'DELETE')
    FROM pg_roles, pg_class WHERE rolname = current_user AND pg_class.oid = 'audit'::regclass
"""


@dataclass(frozen=True)
class DatabaseAccount:
    """The database account a process runs with; `may_change_audit` when it owns the tables or is a superuser."""

    name: str
    may_change_audit: bool


def account(work: Work) -> DatabaseAccount:
    """The account of this connection; with SQLite, whoever may write the file."""
    if work.on_sqlite:
        return DatabaseAccount("of the file", may_change_audit=True)
    name, may = work.connection.execute(text(_MAY_CHANGE_AUDIT)).one()
    return DatabaseAccount(name, may_change_audit=may)


def grant(owner_url: str, runtime_url: str) -> str | None:
    """Give the account of `runtime_url` what running needs, and no more; its name, None where both are the same.

    Both addresses lead to the same database. Later tables need a new grant: `migrate` does it each time.
    """
    name, owner = database_address(runtime_url).username, database_address(owner_url)
    if owner.get_backend_name() != "postgresql" or not name or name == owner.username:
        return None
    with engine_for_migrations(owner_url).begin() as connection:
        _grant(connection, connection.dialect.identifier_preparer.quote(name))
    return name


def _grant(connection: Connection, role: str) -> None:
    for said in (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",  # what PostgreSQL before 15 gives everybody
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE ON audit, audit_checks FROM {role}",
        f"REVOKE INSERT, DELETE ON audit_head FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
    ):
        connection.execute(text(said))
