"""Finding texts by how they begin, in the way their indexes can (store/tables/columns.index_by_start)."""

from typing import Any

from sqlalchemy import and_

from store.unit_of_work import Work

_LAST = "\U0010ffff"


def begins(work: Work, column: Any, text: str) -> Any:
    """Whether the column begins with this text; two plain comparisons, so that any plan can use the index."""
    if work.on_sqlite:
        return (column >= text) & (column < text + _LAST)
    return and_(column.bool_op("~>=~")(text), column.bool_op("~<~")(text + _LAST))
