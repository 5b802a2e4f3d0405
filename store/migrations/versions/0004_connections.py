"""connections"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
MOMENT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "company_apps",
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("client_id", TEXT(), nullable=False),
        sa.Column("scopes", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("changed_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("company"),
    )
    op.create_index("ix_company_apps_client_id", "company_apps", ["client_id"])
    op.create_table(
        "logins",
        sa.Column("id", TEXT(), nullable=False),
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("client_id", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("browser", TEXT(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("callback", TEXT(), nullable=False),
        sa.Column("return_to", TEXT(), nullable=False),
        sa.Column("stage", TEXT(), nullable=False),
        sa.Column("xero_user", TEXT(), nullable=False),
        sa.Column("scopes", TEXT(), nullable=False),
        sa.Column("organisations", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT(), nullable=False),
        sa.Column("ends_at", MOMENT(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("state"),
    )
    op.create_index("ix_logins_company", "logins", ["company"])
    _move_apps()
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("scopes", TEXT(), nullable=False, server_default=""))
        batch.add_column(sa.Column("problem", TEXT(), nullable=False, server_default=""))
        batch.add_column(sa.Column("problem_at", MOMENT(), nullable=True))
        batch.add_column(sa.Column("xero_id", TEXT(), nullable=False, server_default=""))
    with op.batch_alter_table("tokens") as batch:
        batch.add_column(sa.Column("problem", TEXT(), nullable=False, server_default=""))
        batch.add_column(sa.Column("resting_until", MOMENT(), nullable=True))


def _move_apps() -> None:
    """What was one row per app becomes the app, and its use by a company; the old columns stay for old processes."""
    op.execute(
        "INSERT INTO company_apps (company, client_id, scopes, state, changed_at) "
        "SELECT company, max(client_id), max(scopes), 'enabled', CURRENT_TIMESTAMP FROM xero_apps GROUP BY company"
    )
    with op.batch_alter_table("xero_apps") as batch:
        batch.add_column(sa.Column("former_secret", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("kind", TEXT(), nullable=False, server_default="web"))
        batch.add_column(sa.Column("callback", TEXT(), nullable=False, server_default=""))
        batch.add_column(
            sa.Column("secret_changed_at", MOMENT(), nullable=False, server_default="2000-01-01 00:00:00")
        )
        batch.add_column(sa.Column("secret_refused_at", MOMENT(), nullable=True))
