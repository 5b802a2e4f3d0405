"""the accounting system of a company"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("companies", sa.Column("target", sa.String(), nullable=False, server_default="xero"))
