"""preview, pictures of exported invoices, proof in the log"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
MOMENT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "previews",
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("id", TEXT(), nullable=False),
        sa.Column("source_event", TEXT(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT(), nullable=False),
        sa.Column("lease_until", MOMENT(), nullable=False),
        sa.Column("created_at", MOMENT(), nullable=False),
        sa.Column("answered_at", MOMENT(), nullable=True),
        sa.PrimaryKeyConstraint("company", "id"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("previews_waiting", "previews", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_table(
        "organisation_facts",
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("tenant", TEXT(), nullable=False),
        sa.Column("books", sa.Text(), nullable=False),
        sa.Column("fetched_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("company", "tenant"),
    )
    op.add_column("exports", sa.Column("copy_kept", sa.Text(), nullable=True))
    op.add_column("export_log", sa.Column("verified", sa.Boolean(), nullable=True))
    op.add_column("export_log", sa.Column("differences", sa.Text(), nullable=True))
    op.add_column("export_log", sa.Column("changes", sa.Text(), nullable=True))
