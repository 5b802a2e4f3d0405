"""webhooks in batches: how many events of an endpoint go in one POST"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("batch", sa.Integer(), nullable=False, server_default="1"))
