"""attachments of invoices, and the bytes of those that are not attached yet"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('waiting', 'sending')")


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "attachments",
        sa.Column("id", big, primary_key=True, nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("invoice", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("announced", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("include_online", sa.Boolean(), nullable=False),
        sa.Column("newer", sa.Text(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("attached_sha256", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sent_at", moment, nullable=True),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("wanted_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
    )
    op.create_index("attachments_once", "attachments", ["company", "invoice", "name"], unique=True)
    op.create_index(
        "attachments_due", "attachments", ["due_at", "company"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_table(
        "attachment_contents",
        sa.Column("attachment_id", big, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", moment, nullable=False),
    )
    op.create_index("ix_attachment_contents_company", "attachment_contents", ["company"])
