"""Many rows as one parameter, which PostgreSQL reads out of JSON.

A statement with a parameter per value costs more to write, to parse and to plan than the rows it carries.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, Text, Update, bindparam, cast, func, select, update
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel, column

Row = Mapping[str, Any]
_PARAMETER = "recordset"
_WORTH_IT = 4


def fit(rows: Sequence[Row]) -> bool:
    """Whether these rows are many enough, and all of them can be said in JSON."""
    return len(rows) >= _WORTH_IT and not any(isinstance(value, bytes) for value in rows[0].values())


def parameter(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows as the one parameter of a statement of this module."""
    return {_PARAMETER: to_json(list(rows)).decode()}


@functools.lru_cache(maxsize=256)
def insert(table: type[SQLModel], names: tuple[str, ...]) -> postgresql.Insert:
    """An insert of rows with these columns, in the order given; other columns get their defaults."""
    given = _given(table, names)
    return postgresql.insert(_table(table)).from_select(list(names), select(*(given.c[name] for name in names)))


@functools.lru_cache(maxsize=256)
def change(table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...]) -> Update:
    """An update by key; each row holds its key and the columns to set."""
    given, columns = _given(table, names), _table(table).c
    found = (columns[name] == given.c[name] for name in keys)
    return update(_table(table)).where(*found).values({name: given.c[name] for name in names if name not in keys})


def _given(table: type[SQLModel], names: tuple[str, ...]) -> Any:
    rows = cast(bindparam(_PARAMETER, type_=Text), JSON)
    typed = [column(name, _table(table).c[name].type) for name in names]
    return func.json_to_recordset(rows).table_valued(*typed).render_derived(name="given", with_types=True)


def _table(table: type[SQLModel]) -> Any:
    return table.__table__  # type: ignore[attr-defined]
