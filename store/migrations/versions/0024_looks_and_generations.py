"""what Xero was found to have, contacts that were sent, invoices raised anew, batches that are split"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TIME = sqlmodel.sql.sqltypes.UTCDateTime
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in (
        sa.Column("generation", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("raise_anew", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("raised_from", TEXT(), nullable=False, server_default=""),
        sa.Column("raised_as", TEXT(), nullable=False, server_default=""),
        sa.Column("sent_contact", TEXT(), nullable=False, server_default=""),
        sa.Column("checked_at", TIME(), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("batch_limit", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("exports", column)
    op.add_column("batches", sa.Column("watched_since", TIME(), nullable=True))
    op.add_column("attempts", sa.Column("contact", TEXT(), nullable=False, server_default=""))
    op.add_column("invoice_statuses", sa.Column("drift", TEXT(), nullable=True))
    op.create_table(
        "generations",
        sa.Column("export_id", BIG, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("number", TEXT(), nullable=False),
        sa.Column("xero_invoice_id", TEXT(), nullable=False),
        sa.Column("ended", TEXT(), nullable=False),
        sa.Column("by", TEXT(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", TIME(), nullable=False),
        sa.PrimaryKeyConstraint("export_id", "generation"),
    )
