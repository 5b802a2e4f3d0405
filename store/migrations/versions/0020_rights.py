"""ids of events are a company's own; a dead letter keeps whose key brought it; keys expire, and previews are a scope"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TIME = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    _inbox(on_sqlite=on_sqlite)
    _dead_letters(on_sqlite=on_sqlite)
    op.add_column("previews", sa.Column("key", TEXT(), nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("expires_at", TIME(), nullable=True))
    # Until now these two opened previews too: what keys could do, they still can.
    op.execute(
        "UPDATE api_keys SET scopes = scopes || ',previews' "
        "WHERE ',' || scopes || ',' LIKE '%,reads,%' OR ',' || scopes || ',' LIKE '%,events:write,%'"
    )


def _inbox(*, on_sqlite: bool) -> None:
    """The company stands in the answer that every accepted event had."""
    op.add_column("inbox", sa.Column("company", TEXT(), nullable=False, server_default=""))
    if on_sqlite:
        op.execute(
            "UPDATE inbox SET company = coalesce(json_extract(answer, '$.company'), '') WHERE answer LIKE '{%'"
        )
    else:
        op.execute("UPDATE inbox SET company = coalesce(answer::json->>'company', '') WHERE answer LIKE '{%'")
    if not on_sqlite:
        op.drop_constraint("inbox_pkey", "inbox", type_="primary")
        op.create_primary_key("inbox_pkey", "inbox", ["company", "source", "id"])
        return
    op.rename_table("inbox", "inbox_before")  # SQLite changes no primary key
    op.create_table(
        "inbox",
        sa.Column("company", TEXT(), nullable=False, server_default=""),
        sa.Column("source", TEXT(), nullable=False),
        sa.Column("id", TEXT(), nullable=False),
        sa.Column("body_hash", TEXT(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("received_at", TIME(), nullable=False),
        sa.PrimaryKeyConstraint("company", "source", "id"),
    )
    op.execute(
        "INSERT INTO inbox (company, source, id, body_hash, answer, received_at) "
        "SELECT company, source, id, body_hash, answer, received_at FROM inbox_before"
    )
    op.drop_table("inbox_before")
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])
    op.create_index("inbox_id", "inbox", ["id"])


def _dead_letters(*, on_sqlite: bool) -> None:
    with op.batch_alter_table(
        "dead_letters", naming_convention={"uq": "%(table_name)s_%(column_0_name)s_key"}
    ) as old:
        for column in (
            sa.Column("key", TEXT(), nullable=False, server_default=""),
            sa.Column("companies", TEXT(), nullable=False, server_default="*"),
            sa.Column("scopes", TEXT(), nullable=False, server_default="*"),
            sa.Column("size", sa.Integer(), nullable=False, server_default="0"),
        ):
            old.add_column(column)
        old.drop_constraint("dead_letters_body_hash_key", type_="unique")
    size = (
        "UPDATE dead_letters SET size = length(body)"
        if on_sqlite
        else "UPDATE dead_letters SET size = octet_length(body)"
    )
    op.execute(size)
    op.create_index("dead_letters_once", "dead_letters", ["key", "body_hash"], unique=True)
    only = sa.text("state = 'open'")
    op.create_index("dead_letters_open", "dead_letters", ["key"], sqlite_where=only, postgresql_where=only)
