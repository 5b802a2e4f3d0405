"""daily summaries: when the next one of a company is due"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planned_summaries",
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("company"),
    )
    op.create_index(op.f("ix_planned_summaries_due_at"), "planned_summaries", ["due_at"])
