"""forms of ended sessions"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_forms",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("id", "user", "path")),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_held_forms_user", "held_forms", ["user"])
    op.create_index("ix_held_forms_ends_at", "held_forms", ["ends_at"])
