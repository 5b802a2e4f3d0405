"""orders people give: pauses, exclusions, audit, drifts"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("requests", sa.Column("caused_by", AutoString(), nullable=True))
    op.add_column("requests", sa.Column("cancelled_at", UTCDateTime(), nullable=True))
    op.create_index("exports_in_xero", "exports", ["tenant", "xero_invoice_id"])
    op.create_table(
        "pauses",
        sa.Column("scope", AutoString(), primary_key=True),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "exclusions",
        sa.Column("company", AutoString(), primary_key=True),
        sa.Column("invoice", AutoString(), primary_key=True),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("at", UTCDateTime(), nullable=False, index=True),
        sa.Column("who", AutoString(), nullable=False),
        sa.Column("what", AutoString(), nullable=False),
        sa.Column("company", AutoString(), nullable=False, index=True),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_table(
        "drifts",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("export_id", BIG, nullable=False),
        sa.Column("fingerprint", AutoString(), nullable=False),
        sa.Column("company", AutoString(), nullable=False),
        sa.Column("invoice", AutoString(), nullable=False),
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("differences", sa.Text(), nullable=False),
        sa.Column("found_at", UTCDateTime(), nullable=False),
    )
    op.create_index("drifts_once", "drifts", ["export_id", "fingerprint"], unique=True)
    op.create_index("drifts_invoice", "drifts", ["company", "invoice"])
    op.create_table(
        "reconciliations",
        sa.Column("company", AutoString(), primary_key=True),
        sa.Column("tenant", AutoString(), primary_key=True),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("ours_only", sa.Boolean(), nullable=False),
        sa.Column("next_at", UTCDateTime(), nullable=False),
    )


def downgrade() -> None:
    for table in ("reconciliations", "drifts", "audit", "exclusions", "pauses"):
        op.drop_table(table)
    op.drop_index("exports_in_xero", "exports")
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.drop_column("cancelled_at")
        batch_op.drop_column("caused_by")
