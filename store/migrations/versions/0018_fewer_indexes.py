"""an export is in an index only while that index can find it"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Name, columns, which rows it is of from now on.
PARTIAL = (
    ("exports_batch", ["batch_id"], "batch_id IS NOT NULL"),
    # Who asks for a lane's pending work does not ask for this, and so is not offered everybody's.
    ("exports_waiting", ["live_since"], "live_since IS NOT NULL AND state IN ('pending', 'uncertain')"),
    ("exports_in_xero", ["tenant", "xero_invoice_id"], "xero_invoice_id IS NOT NULL"),
)


def upgrade() -> None:
    op.drop_index("exports_number", "exports")  # invoices are found by number through claims and statuses
    for name, columns, where in PARTIAL:
        only = sa.text(where)
        op.drop_index(name, "exports")
        op.create_index(name, "exports", columns, sqlite_where=only, postgresql_where=only)
