"""the trace of a request"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("trace", sa.Text(), nullable=True))
