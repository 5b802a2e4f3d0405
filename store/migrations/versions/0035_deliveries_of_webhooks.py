"""deliveries of webhooks, and endpoints that are switched off"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
    )
    op.create_index("deliveries_door", "deliveries", ["door", "id"])
    op.create_index("deliveries_event", "deliveries", ["event_id"])
    op.add_column("endpoints", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
