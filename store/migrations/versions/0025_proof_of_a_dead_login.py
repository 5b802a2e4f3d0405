"""a login is given up on proof; the limit a lane waits for; each organisation's day limit"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TEXT, TIME = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.add_column("tokens", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tokens", sa.Column("refused_since", TIME(), nullable=True))
    op.add_column("lanes", sa.Column("refused_in_a_row", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("lanes", sa.Column("refused_since", TIME(), nullable=True))
    op.add_column("lanes", sa.Column("limit_named", TEXT(), nullable=False, server_default=""))
    op.add_column("lanes", sa.Column("limit_until", TIME(), nullable=True))
    op.add_column("connections", sa.Column("day_calls", sa.Integer(), nullable=False, server_default="0"))
