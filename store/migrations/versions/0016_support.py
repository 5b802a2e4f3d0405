"""support: search, lists that can be filtered, orders about many invoices, dead letters that are closed"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TIME = sqlmodel.sql.sqltypes.UTCDateTime
# Name, table, what it begins with: each finds texts by how they begin.
BY_START = (
    ("invoice_statuses_number", "invoice_statuses", "lower(number)"),
    ("invoice_statuses_invoice", "invoice_statuses", "lower(invoice)"),
    ("invoice_statuses_in_xero", "invoice_statuses", "lower(xero_invoice_id)"),
    ("export_log_number", "export_log", "lower(number)"),
    ("contacts_client", "contacts", "lower(client)"),
    ("contacts_client_name", "contacts", "lower(client_name)"),
    ("requests_id", "requests", "lower(id)"),
    ("numbers_folded", "numbers", "folded"),
    ("numbers_invoice", "numbers", "lower(invoice)"),
)
INDEXES = (
    ("requests_bulk", "requests", ("created_at", "company", "id"), "mode = 'bulk'"),
    ("requests_bulk_of", "requests", ("company", "created_at", "id"), "mode = 'bulk'"),
    ("export_log_rarer", "export_log", ("outcome", "id"), "outcome NOT IN ('created', 'failed')"),
    ("export_log_reason", "export_log", ("reason", "id"), "reason IS NOT NULL"),
    ("export_log_client", "export_log", ("client", "company", "id"), None),
    ("inbox_id", "inbox", ("id",), None),
    ("dead_letters_state", "dead_letters", ("state", "id"), None),
    ("bulk_orders_open", "bulk_orders", ("id",), "done_at IS NULL"),
)


def upgrade() -> None:
    _orders()
    for column in (
        sa.Column("mended", sa.LargeBinary(), nullable=True),
        sa.Column("event", TEXT(), nullable=True),
        sa.Column("closed_by", TEXT(), nullable=True),
        sa.Column("closed_at", TIME(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
    ):
        op.add_column("dead_letters", column)
    op.add_column("export_log", sa.Column("client", TEXT(), nullable=True))
    _clients()
    for name in ("invoice_statuses_number", "invoice_statuses_invoice", "invoice_statuses_failed"):
        op.drop_index(name, "invoice_statuses")
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    opclass, include = ("", "") if on_sqlite else (" text_pattern_ops", " INCLUDE (invoice, cause, reason)")
    op.execute(
        "CREATE INDEX invoice_statuses_failed ON invoice_statuses "
        f"(company, coalesce(cause, reason), changed_at){include} WHERE marker = 'failed'"
    )
    for name, table, begins in BY_START:
        op.execute(f"CREATE INDEX {name} ON {table} ({begins}{opclass})")
    for name, table, columns, where in INDEXES:
        only = sa.text(where) if where else None
        op.create_index(name, table, list(columns), sqlite_where=only, postgresql_where=only)


def _orders() -> None:
    op.create_table(
        "bulk_orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", TEXT(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("by", TEXT(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("at", TIME(), nullable=False),
        sa.Column("done_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bulk_pieces",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("company", TEXT(), nullable=False),
        sa.Column("invoices", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("request", TEXT(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("done_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "number"),
    )


def _clients() -> None:
    """Whose invoice each line of the log is about, as far as its export still says."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "UPDATE export_log AS l SET client = (SELECT client FROM exports "
            "WHERE exports.company = l.company AND exports.invoice = l.invoice LIMIT 1)"
        )
        return
    op.execute(
        "UPDATE export_log SET client = e.client FROM exports e "
        "WHERE e.company = export_log.company AND e.invoice = export_log.invoice"
    )
