"""contacts with Xero's name and status, changes people ask for, what an organisation offers, number prefixes"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    for name in ("client_name", "source", "host_id", "status", "merged_into", "checked_in"):
        op.add_column("contacts", sa.Column(name, AutoString(), nullable=False, server_default=""))
    op.add_column("contacts", sa.Column("checked_at", UTCDateTime(), nullable=True))
    op.execute("UPDATE contacts SET source = 'host', host_id = xero_contact_id WHERE said_by = 'host'")
    op.add_column("exports", sa.Column("number_prefix", AutoString(), nullable=False, server_default=""))
    op.create_table(
        "changes",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("company", AutoString(), nullable=False),
        sa.Column("subject", AutoString(), nullable=False),
        sa.Column("subject_name", AutoString(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("event", AutoString(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
    )
    op.create_index("changes_waiting", "changes", ["due_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("changes_of_client", "changes", ["company", "subject"])
    op.create_table(
        "offers",
        sa.Column("company", AutoString(), primary_key=True),
        sa.Column("tenant", AutoString(), primary_key=True),
        sa.Column("kind", AutoString(), primary_key=True),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("fetched_at", UTCDateTime(), nullable=False),
    )
