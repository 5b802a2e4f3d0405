"""events by company: an endpoint's next one is found however far away it is"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    stamped = sa.text("position IS NOT NULL")
    op.create_index(
        "outbox_company", "outbox", ["company", "position"], sqlite_where=stamped, postgresql_where=stamped
    )
