"""the log says what was compared; tax rates that an account did not take are remembered"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("export_log", sa.Column("proof", sa.Text(), nullable=True))
    op.create_table(
        "refused_taxes",
        sa.Column("company", AutoString(), nullable=False),
        sa.Column("tenant", AutoString(), nullable=False),
        sa.Column("account", AutoString(), nullable=False),
        sa.Column("tax", AutoString(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company", "tenant", "account", "tax"),
    )
