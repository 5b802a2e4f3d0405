"""Column types that both databases understand."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    case,
    cast,
    func,
    literal_column,
    text,
)

from store import packing

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


class Packed(TypeDecorator[str]):
    """A text that may be kept packed, and is read as it was. Only `statements` packs what it writes, once that is on.

    In SQL there is but the packed text: it can be asked whether it is empty, and for its `size_of`.
    """

    impl: Any = Text
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """What makes it as it was."""
        del dialect, coltype
        return packing.unpacked


class PackedString(Packed):
    """The same in a column that was made as a string."""

    impl: Any = String
    cache_ok = True


class PackedBytes(TypeDecorator[bytes]):
    """The same for bytes."""

    impl = LargeBinary
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """What makes them as they were."""
        del dialect, coltype
        return packing.unpacked_bytes


def size_of(column: Any, length: Any = func.length) -> ColumnElement[int]:
    """The size of a text that may be packed: in bytes where it is, else as the function `length` counts."""
    said = func.substr(column, packing.SIZE_FROM, packing.SIZE_DIGITS, type_=Text)
    is_packed = func.substr(column, 1, 1, type_=Text) == packing.MARK
    return case((is_packed, cast(said, Integer)), else_=length(column))
