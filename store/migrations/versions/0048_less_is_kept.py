"""less is kept: packed contents, room for changes in place, an index of searches that is tidied sooner

Contents are packed from the beginning in a database that has none. In one that has some, processes of the version
before may have to read what is written meanwhile, or after a way back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# In percent: how far a page is filled with new rows. The rest is for their changes, which then say only what is new.
_FILLED = {"attempts": 50, "batches": 50, "outbox": 50}
# A fifth of a table's rows, as PostgreSQL has it, are very many dead ones in a table of millions.
_TIDIED = ("attempts", "batches", "export_log", "exports", "inbox", "invoice_search", "invoice_statuses", "items",
           "outbox", "requests")  # fmt: skip
_SOONER = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, "
    "autovacuum_analyze_scale_factor = 0.02"
)


def upgrade() -> None:
    op.create_table(
        "packing",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO packing (id, since) SELECT 0, CURRENT_TIMESTAMP WHERE NOT EXISTS (SELECT 1 FROM exports)")
    if op.get_bind().dialect.name == "postgresql":
        for table, filled in _FILLED.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {filled})")
        for table in _TIDIED:
            op.execute(f"ALTER TABLE {table} SET ({_SOONER})")
        # Of the kilobyte that an invoice left in this index, most was its waiting list: 4 MB, which then stay its own.
        op.execute("ALTER INDEX IF EXISTS invoice_search_parts SET (gin_pending_list_limit = 128)")
