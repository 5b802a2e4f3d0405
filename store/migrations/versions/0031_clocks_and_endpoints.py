"""how far off the clock of a process is, and since when a way out takes nothing"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("processes", sa.Column("skew_seconds", sa.Float(), nullable=True))
    op.add_column("doors_out", sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))
