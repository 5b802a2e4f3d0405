"""keys: scopes, a second secret while one is exchanged, when they were last used"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("scopes", sa.String(), nullable=False, server_default="*"))
    op.add_column("api_keys", sa.Column("former_secret", sa.LargeBinary(), nullable=True))
    for name in ("former_until", "revoked_at", "last_used_at"):
        op.add_column("api_keys", sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
