"""Many rows as one parameter, which the database reads out of JSON.

A statement with a parameter per value costs more to write, to parse and to plan than the rows it carries.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, Text, Update, and_, bindparam, cast, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, column

Row = Mapping[str, Any]
_PARAMETER = "recordset"
_WORTH_IT = 4


def fit(rows: Sequence[Row]) -> bool:
    """Whether these rows are many enough, and all of them can be said in JSON."""
    return len(rows) >= _WORTH_IT and not any(isinstance(value, bytes) for value in rows[0].values())


def said(rows: Sequence[Row]) -> list[str]:
    """The columns in which any of the rows has anything: an insert leaves the others empty anyway."""
    return [name for name in rows[0] if any(row[name] is not None for row in rows)]


def shared(rows: Sequence[Row], keys: Sequence[str] = ()) -> dict[str, datetime]:
    """The moments that are the very same in all rows, by column; most are the transaction's.

    They are parameters of their own: to write and to read a moment costs as much as several other columns.
    """
    moments = [name for name, value in rows[0].items() if isinstance(value, datetime) and name not in keys]
    return {name: rows[0][name] for name in moments if all(row[name] is rows[0][name] for row in rows)}


def parameters(
    rows: Sequence[Row], names: Sequence[str], same: Mapping[str, Any], *, on_sqlite: bool
) -> dict[str, Any]:
    """What an insert or a change is executed with: these columns of the rows, and what all rows share."""
    given = [{name: row[name] for name in names} for row in rows] if len(names) < len(rows[0]) else rows
    return parameter(given, on_sqlite=on_sqlite) | {_shared_name(name): value for name, value in same.items()}


def parameter(rows: Sequence[Row], *, on_sqlite: bool) -> dict[str, Any]:
    """The rows as the one parameter of a statement of this module."""
    if on_sqlite:
        return {_PARAMETER: json.dumps(list(rows), default=_as_sqlite_keeps_it, ensure_ascii=False)}
    return {_PARAMETER: to_json(list(rows)).decode()}


@functools.lru_cache(maxsize=64)  # most rows name the same moment
def _as_sqlite_keeps_it(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@functools.lru_cache(maxsize=256)
def insert(table: type[SQLModel], names: tuple[str, ...], same: tuple[str, ...], *, on_sqlite: bool) -> Any:
    """An insert of rows with these columns, in the order given; `same` are shared, others get their defaults."""
    given = _given(table, names, on_sqlite=on_sqlite)
    asked = select(*(given.c[name] for name in names), *(_for_all(table, name) for name in same))
    if on_sqlite:  # without a condition its ON CONFLICT would be taken for a join's
        return sqlite.insert(_table(table)).from_select([*names, *same], asked.where(true()))
    return postgresql.insert(_table(table)).from_select([*names, *same], asked)


@functools.lru_cache(maxsize=256)
def change(
    table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...], same: tuple[str, ...], *, on_sqlite: bool
) -> Update:
    """An update by key; each row holds its key and the columns to set, but for the `same`, which they share."""
    given, columns = _given(table, names, on_sqlite=on_sqlite), _table(table).c
    found = (columns[name] == given.c[name] for name in keys)
    by_row = {name: given.c[name] for name in names if name not in keys}
    for_all = {name: _for_all(table, name) for name in same}
    return update(_table(table)).where(*found).values(by_row | for_all)


@functools.lru_cache(maxsize=64)
def find(table: type[SQLModel], names: tuple[str, ...], *, on_sqlite: bool) -> Any:
    """The table's rows that have one of the keys given, each of them these columns."""
    given, columns = _given(table, names, on_sqlite=on_sqlite), _table(table).c
    found = and_(*(columns[name] == given.c[name] for name in names))
    return select(*columns).select_from(given.join(_table(table), found))


@functools.lru_cache(maxsize=64)
def add(table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...], *, on_sqlite: bool) -> Any:
    """An update by key that adds to columns and gives whole rows; the rows are locked in the order given."""
    given, columns = _given(table, names, on_sqlite=on_sqlite), _table(table).c
    found = and_(*(columns[name] == given.c[name] for name in keys))
    more = [given.c[name].label(name) for name in names]
    held = select(*more).select_from(given.join(_table(table), found))
    mine = held.with_for_update(of=_table(table)).cte("mine")
    added = {name: columns[name] + mine.c[name] for name in names if name not in keys}
    same = (columns[name] == mine.c[name] for name in keys)
    return update(_table(table)).where(*same).values(added).returning(*columns)


def _for_all(table: type[SQLModel], name: str) -> Any:
    return bindparam(_shared_name(name), type_=_table(table).c[name].type)


def _shared_name(name: str) -> str:
    return f"same_{name}"


def _given(table: type[SQLModel], names: tuple[str, ...], *, on_sqlite: bool) -> Any:
    said = bindparam(_PARAMETER, type_=Text)
    if on_sqlite:
        each = func.json_each(said).table_valued("value")
        return select(*(func.json_extract(each.c.value, f"$.{name}").label(name) for name in names)).subquery("given")
    typed = [column(name, _table(table).c[name].type) for name in names]
    rows = func.json_to_recordset(cast(said, JSON))
    return rows.table_valued(*typed).render_derived(name="given", with_types=True)


def _table(table: type[SQLModel]) -> Any:
    return table.__table__  # type: ignore[attr-defined]
