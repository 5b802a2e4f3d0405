"""indexes for clients without a contact, and for contacts that cannot be billed"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEXES = (
    ("invoice_statuses_contacts", "invoice_statuses", "marker = 'failed' AND substr(cause, 1, 8) = 'contact_'"),
    ("contacts_amiss", "contacts", "status IN ('archived', 'erased', 'merged', 'missing')"),
)
COLUMNS = {"invoice_statuses": ["company", "cause"], "contacts": ["company", "client"]}


def upgrade() -> None:
    for name, table, where in INDEXES:
        only = sa.text(where)
        op.create_index(name, table, COLUMNS[table], sqlite_where=only, postgresql_where=only)
