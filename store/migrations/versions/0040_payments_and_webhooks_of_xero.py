"""payments seen in Xero, invoices that Xero said have changed, and apps' webhook keys"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column(
            "export_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("invoice", sa.String(), nullable=False),
        sa.Column("xero_invoice_id", sa.String(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("payments_invoice", "payments", ["company", "invoice"])
    op.create_table(
        "changed_invoices",
        sa.Column("company", sa.String(), primary_key=True, nullable=False),
        sa.Column("target_id", sa.String(), primary_key=True, nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
    )
    op.create_index("changed_invoices_due", "changed_invoices", ["look_at"])
    op.add_column("xero_apps", sa.Column("webhook_key", sa.LargeBinary(), nullable=True))
    op.add_column("xero_apps", sa.Column("former_webhook_key", sa.LargeBinary(), nullable=True))
    op.add_column("company_apps", sa.Column("webhook_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("company_apps", sa.Column("webhook_missed_at", sa.DateTime(timezone=True), nullable=True))
