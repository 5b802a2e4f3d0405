"""the schema as it was when its first 25 steps were put together

What came before was never deployed: a database at an earlier revision is made anew. At 0025 nothing changes.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = None
branch_labels = None
depends_on = None

_SCHEMA = Path(__file__).parents[1] / "schema"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in (_SCHEMA / f"0025_{connection.dialect.name}.sql").read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    head = sa.table("audit_head", sa.column("id"), sa.column("line"), sa.column("chain"))
    op.bulk_insert(head, [{"id": 0, "line": 0, "chain": ""}])
