"""What the engine needs: since when an export is live, Xero's copy as last seen, kinds of batches, last answers."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sqlmodel.sql.sqltypes.UTCDateTime()
    op.add_column("exports", sa.Column("live_since", moment, nullable=True))
    op.add_column("exports", sa.Column("copy_seen", sa.Text(), nullable=True))
    # Code of the version before writes no kind: the default speaks for it.
    op.add_column("batches", sa.Column("kind", sa.String(), nullable=False, server_default="create"))
    op.add_column("lanes", sa.Column("answered_at", moment, nullable=True))
    op.execute("UPDATE exports SET live_since = touched_at WHERE state IN ('pending', 'exporting', 'uncertain')")
