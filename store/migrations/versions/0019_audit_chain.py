"""the audit is chained by hashes and checked each day"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from store import audit

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TEXT, TIME = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SAID = "the audit is only added to"


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("audit", sa.Column("chain", TEXT(), nullable=False, server_default=""))
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("chain", TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_checks",
        sa.Column("day", TEXT(), nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("chain", TEXT(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("checked_at", TIME(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    if on_sqlite:
        op.execute("DROP TRIGGER audit_kept_from_update")
    else:
        op.execute("ALTER TABLE audit DISABLE TRIGGER audit_kept")
    last, chain = _chain_what_is_there()
    if on_sqlite:
        op.execute(
            f"CREATE TRIGGER audit_kept_from_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
        )
    else:
        op.execute("ALTER TABLE audit ENABLE TRIGGER audit_kept")
    head = sa.table("audit_head", sa.column("id"), sa.column("line"), sa.column("chain"))
    op.bulk_insert(head, [{"id": 0, "line": last, "chain": chain}])


def _chain_what_is_there() -> tuple[int, str]:
    names = ("id", "at", "who", "what", "company", "chosen", "count", "why", "chain")
    types = {"at": TIME()}
    table = sa.table("audit", *(sa.column(name, types.get(name)) for name in names))
    last, chain = 0, ""
    for row in op.get_bind().execute(sa.select(table).order_by(table.c.id)).all():
        last, chain = row.id, audit.link(chain, row._mapping)  # noqa: SLF001  # its public name
        op.execute(table.update().where(table.c.id == row.id).values(chain=chain))
    return last, chain
