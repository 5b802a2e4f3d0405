"""erasures: clients whose data is erased, and companies that are removed"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None
_OPEN, _LEFT = sa.text("done_at IS NULL"), sa.text("NOT erased")
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits", sa.Text(), nullable=False),
        sa.Column("erased", sa.Text(), nullable=False),
        sa.Column("left", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasures_open", "erasures", ["due_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "erased_invoices",
        sa.Column("erasure_id", _BIG, nullable=False),
        sa.Column("invoice", sa.String(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("erasure_id", "invoice"),
    )
    op.create_index(
        "erased_invoices_left",
        "erased_invoices",
        ["erasure_id", "invoice"],
        sqlite_where=_LEFT,
        postgresql_where=_LEFT,
    )
    op.add_column("companies", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
