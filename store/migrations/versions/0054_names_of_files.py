"""what a host calls each file of an invoice: two whose names become equal in Xero are two"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attachments", sa.Column("called", sa.String(), nullable=False, server_default=""))
