"""credit notes compared with Xero as invoices are, and the marks of those that a restored backup does not know"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

# What the version before exported already; it goes on with invoices alone, in a table of their own
_BEGIN = """
INSERT INTO document_reconciliations (company, tenant, document, since, page, next_at)
SELECT company, tenant, document, MIN(exported_at), 1, MIN(exported_at) FROM exports
WHERE document <> 'invoice' AND exported_at IS NOT NULL GROUP BY company, tenant, document
"""


def upgrade() -> None:
    op.create_table(
        "document_reconciliations",
        sa.Column("company", sa.String(), primary_key=True, nullable=False),
        sa.Column("tenant", sa.String(), primary_key=True, nullable=False),
        sa.Column("document", sa.String(), primary_key=True, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_document_reconciliations_next_at", "document_reconciliations", ["next_at"])
    op.create_table(
        "unclaimed_marks",
        sa.Column("company", sa.String(), primary_key=True, nullable=False),
        sa.Column("tenant", sa.String(), primary_key=True, nullable=False),
        sa.Column("mark", sa.String(), primary_key=True, nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute(_BEGIN)
    op.add_column("restore_checks", sa.Column("document", sa.String(), nullable=False, server_default="invoice"))
