"""ops: what went through by quarters of an hour, and the audit by who"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "quarters",
        sa.Column("begins_at", MOMENT(), nullable=False),
        sa.Column("exported", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("median", sa.Float(), nullable=True),
        sa.Column("slow", sa.Float(), nullable=True),
        sa.Column("counted_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("begins_at"),
    )
    op.create_index("audit_by", "audit", ["who", "id"])
    op.create_index("audit_of", "audit", ["company", "id"])
