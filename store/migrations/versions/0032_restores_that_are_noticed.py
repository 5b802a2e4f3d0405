"""restores that are noticed"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("restores", sa.Column("superseded", sa.Integer(), nullable=True))
