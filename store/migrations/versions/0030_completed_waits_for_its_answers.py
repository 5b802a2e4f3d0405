"""completed waits for its answers"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redeliveries", sa.Column("answers", sa.String(), nullable=True))
    op.add_column("redeliveries", sa.Column("completes", sa.String(), nullable=True))
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "redeliveries_answers", "redeliveries", ["door", "answers"], sqlite_where=waiting, postgresql_where=waiting
    )
