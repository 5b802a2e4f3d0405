"""what an invoice goes to Xero as, and what is allocated of credit notes"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("exports", "batches"):
        op.add_column(table, sa.Column("document", sa.String(), nullable=False, server_default="invoice"))
    op.create_table(
        "allocations",
        sa.Column(
            "export_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("invoice", sa.String(), nullable=False),
        sa.Column("credits", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("allocations_invoice", "allocations", ["company", "invoice"])
    op.create_index("allocations_credits", "allocations", ["company", "credits"])
    where = sa.text("state IN ('waiting', 'sending')")
    op.create_index("allocations_due", "allocations", ["due_at"], postgresql_where=where, sqlite_where=where)
