"""Column types that both databases understand."""

from typing import Any

from sqlalchemy import BigInteger, Index, Integer, literal_column, text

# SQLite counts up only plain INTEGER keys, which are 64 bits wide there.
BIG = BigInteger().with_variant(Integer(), "sqlite")


def index_where(condition: str, name: str, *columns: str) -> Index:
    """An index of only those rows for which the condition holds."""
    only = text(condition)
    return Index(name, *columns, sqlite_where=only, postgresql_where=only)


def word(constant: str) -> Any:
    """A constant as part of a statement: a plan made for any parameter could not use an index of only some rows."""
    return literal_column(f"'{constant}'")
