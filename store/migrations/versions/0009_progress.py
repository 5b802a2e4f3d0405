"""progress"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPEN = sa.text("completed_at IS NULL")


def upgrade() -> None:
    op.add_column("requests", sa.Column("progressed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("requests", sa.Column("progressed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.create_index("requests_open", "requests", ["company", "created_at"], sqlite_where=OPEN, postgresql_where=OPEN)
