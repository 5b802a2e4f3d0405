"""failures"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
MOMENT = sqlmodel.sql.sqltypes.UTCDateTime
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("cause", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("who", TEXT(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("about", TEXT(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT(), nullable=False),
        sa.Column("told_at", MOMENT(), nullable=False),
        sa.Column("last_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("company", "cause"),
    )
    _partial_index("alerts_untold", "alerts", ["told_at"], "untold > 0")
    op.create_table(
        "feed_marks",
        sa.Column("reader", TEXT(), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.PrimaryKeyConstraint("reader"),
    )
    op.create_table(
        "mendings",
        sa.Column("id", BIG, nullable=False),
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("tenant", TEXT(), nullable=True),
        sa.Column("by", TEXT(), nullable=False),
        sa.Column("why", TEXT(), nullable=False),
        sa.Column("event", TEXT(), nullable=True),
        sa.Column("at", MOMENT(), nullable=False),
        sa.Column("acted_at", MOMENT(), nullable=True),
        sa.Column("done_at", MOMENT(), nullable=True),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial_index("mendings_open", "mendings", ["id"], "done_at IS NULL")
    with op.batch_alter_table("export_log") as batch:
        batch.add_column(sa.Column("unmatched", sa.Text(), nullable=True))
    _partial_index("export_log_unmatched", "export_log", ["id"], "unmatched IS NOT NULL")
    with op.batch_alter_table("invoice_statuses") as batch:
        for name in ("cause", "about", "link"):
            batch.add_column(sa.Column(name, TEXT(), nullable=True))
    _partial_index("invoice_statuses_failed", "invoice_statuses", ["company", "cause"], "marker = 'failed'")


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
