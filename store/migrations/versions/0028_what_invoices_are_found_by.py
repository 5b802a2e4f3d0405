"""what invoices are found by

Filled with what invoices hold now. Where the account may make the extension `pg_trgm`, any part is found by an index.
"""

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_AT_ONCE = 1000


def upgrade() -> None:
    connection = op.get_bind()
    columns = [sa.Column(name, sa.String(), nullable=False) for name in ("company", "invoice", "number")]
    op.create_table(
        "invoice_search",
        *columns,
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company", "invoice"),
    )
    exports = sa.table("exports", *(sa.column(name) for name in ("id", "company", "invoice", "number", "wanted")))
    search = sa.table("invoice_search", *(sa.column(name) for name in ("company", "invoice", "number", "text")))
    last = 0
    while rows := connection.execute(
        sa.select(exports).where(exports.c.id > last).order_by(exports.c.id).limit(_AT_ONCE)
    ).all():
        last = rows[-1].id
        found = {(row.company, row.invoice): (row.number, _text(row)) for row in rows}
        known = sa.tuple_(search.c.company, search.c.invoice).in_(list(found))
        connection.execute(sa.delete(search).where(known))
        names = ("company", "invoice", "number", "text")
        rows_of = [dict(zip(names, (*key, *value), strict=True)) for key, value in found.items()]
        connection.execute(sa.insert(search), rows_of)
    if connection.dialect.name == "postgresql":
        try:
            with connection.begin_nested():
                connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                connection.exec_driver_sql(
                    "CREATE INDEX invoice_search_parts ON invoice_search USING gin (text gin_trgm_ops)"
                )
        except sa.exc.DBAPIError:
            pass  # without the extension the table is read


def _text(row: sa.Row) -> str:
    """As the code of this version writes it."""
    try:
        said = json.loads(row.wanted or "{}")
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    client = said.get("client") if isinstance(said.get("client"), dict) else {}
    totals = said.get("totals") if isinstance(said.get("totals"), dict) else {}
    lines = [one for one in said.get("lines") or () if isinstance(one, dict)]
    named = [_folded(str(one)) for one in (row.number, row.invoice, said.get("job"), said.get("reference")) if one]
    priced = [one for one in lines if _number(one.get("unit_amount")) is not None]
    amounts = [_number(one["unit_amount"]) for one in priced if one in lines[:10]]
    if all(_number(one.get("quantity")) is not None for one in priced):
        amounts.append(sum(_number(one["quantity"]) * _number(one["unit_amount"]) for one in priced))
    amounts += [_number(totals.get(name)) for name in ("subtotal", "tax", "total")]
    names = [_folded(str(client[name])) for name in ("id", "name") if client.get(name)]
    plain = [re.sub(r"[\W_]+", "", one) for one in named]
    told = [f"{one:.2f}" for one in amounts if one is not None]
    return "\n".join(dict.fromkeys([*named, *plain, *names, *told]))


def _number(said: object) -> Decimal | None:
    try:
        return Decimal(str(said))
    except InvalidOperation:
        return None


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in apart if not unicodedata.combining(one)).casefold().split())
