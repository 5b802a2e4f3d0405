"""in flight"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    with op.batch_alter_table("exports") as batch:
        batch.add_column(sa.Column("in_flight", sa.Text(), nullable=True))
    with op.batch_alter_table("requests") as batch:
        batch.add_column(sa.Column("given_up_at", MOMENT(), nullable=True))
