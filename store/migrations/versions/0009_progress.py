"""progress, and indexes for lists of a million"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = (
    ("requests_open", "requests", ("company", "created_at"), "completed_at IS NULL"),
    ("exports_waiting", "exports", ("live_since",), "state IN ('pending', 'uncertain')"),
    ("exports_in_hand", "exports", ("company", "state"), "state IN ('exporting', 'uncertain')"),
    ("exports_failed", "exports", ("company",), "state = 'failed'"),
    ("invoice_statuses_number", "invoice_statuses", ("number",), None),
    ("invoice_statuses_invoice", "invoice_statuses", ("invoice",), None),
    ("export_log_company", "export_log", ("company", "id"), None),
    ("export_log_failed", "export_log", ("id",), "outcome = 'failed'"),
    ("export_log_failed_of", "export_log", ("company", "id"), "outcome = 'failed'"),
)


def upgrade() -> None:
    op.add_column("requests", sa.Column("progressed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("requests", sa.Column("progressed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    for name, table, columns, where in INDEXES:
        only = sa.text(where) if where else None
        op.create_index(name, table, list(columns), sqlite_where=only, postgresql_where=only)
