"""Column types that both databases understand."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, Integer, func, literal_column, text

# SQLite counts up only plain INTEGER keys, which are 64 bits wide there.
BIG = BigInteger().with_variant(Integer(), "sqlite")


def index_where(condition: str, name: str, *columns: str) -> Index:
    """An index of only those rows for which the condition holds."""
    only = text(condition)
    return Index(name, *columns, sqlite_where=only, postgresql_where=only)


def word(constant: str) -> Any:
    """A constant as part of a statement: a plan made for any parameter could not use an index of only some rows."""
    return literal_column(f"'{constant}'")


def index_by_start(name: str, column: str, *, folded: bool = True) -> Index:
    """An index by which texts are found by how they begin; `folded`: in lower case."""
    found: ColumnElement[str] = literal_column(column)
    begins = (func.lower(found) if folded else found).label("begins")
    return Index(name, begins, postgresql_ops={"begins": "text_pattern_ops"})
