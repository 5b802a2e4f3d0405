"""duties in shards: leases on parts of a duty, whose comparison with Xero is due, and events about requests"""

import sqlalchemy as sa
from alembic import op

_ABOUT_REQUESTS = (
    "type IN ('invoice.export.deferred', 'invoice.export.progressed', 'invoice.export.completed', "
    "'invoice.export.previewed')"
)
revision = "0047"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duty_shards",
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("duty", "part"),
    )
    op.create_index("ix_reconciliations_next_at", "reconciliations", ["next_at"])
    only = sa.text(_ABOUT_REQUESTS)
    op.create_index("outbox_requests", "outbox", ["company", "subject"], sqlite_where=only, postgresql_where=only)
