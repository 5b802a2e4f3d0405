"""workers that are quiet, the worker of each call, and how queues were over time"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_quarters",
        sa.Column("company", sa.String(), primary_key=True, nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), primary_key=True, nullable=False),
        sa.Column("kind", sa.String(), primary_key=True, nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("most", sa.Float(), nullable=False),
    )
    op.create_index("ix_queue_quarters_begins_at", "queue_quarters", ["begins_at"])
    op.add_column("processes", sa.Column("quiet_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("processes", sa.Column("quiet_by", sa.String(), nullable=False, server_default=""))
    op.add_column("processes", sa.Column("at_rest", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("batches", sa.Column("worker", sa.String(), nullable=False, server_default=""))
