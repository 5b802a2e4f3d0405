"""endpoints of hosts, and how each way out is doing"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
MOMENT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", TEXT(), nullable=False),
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("endpoints_once", "endpoints", ["company", "url"], unique=True)
    op.add_column("doors_out", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("doors_out", sa.Column("rests_until", MOMENT(), nullable=True))
    op.add_column("doors_out", sa.Column("trouble", TEXT(), nullable=False, server_default=""))
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "redeliveries_due", "redeliveries", ["door", "due_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    given_up = sa.text("state = 'given_up'")
    op.create_index(
        "redeliveries_given_up", "redeliveries", ["door", "due_at"], sqlite_where=given_up, postgresql_where=given_up
    )
