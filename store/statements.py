"""The few statements that SQLModel does not spell: upserts in bulk, locks in order, updates in bulk.

Many rows are one parameter, which the database reads out of JSON: a statement with a parameter per value costs more
to write, to parse and to plan than the rows it carries. Texts are found by how they begin, in the way their indexes
can (store/tables/columns.index_by_start).
"""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    cast,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlmodel import SQLModel, column

from store import packing
from store.tables.columns import Packed
from store.unit_of_work import Work

Row = Mapping[str, Any]
_PARAMETER = "recordset"
_WORTH_IT = 4


def fits_recordset(rows: Sequence[Row]) -> bool:
    """Whether these rows are many enough, and all of them can be said in JSON."""
    return len(rows) >= _WORTH_IT and not any(isinstance(value, bytes) for value in rows[0].values())


def recordset_names(rows: Sequence[Row]) -> list[str]:
    """The columns in which any of the rows has anything: an insert leaves the others empty anyway."""
    return [name for name in rows[0] if any(row[name] is not None for row in rows)]


def shared_moments(rows: Sequence[Row], keys: Sequence[str] = ()) -> dict[str, datetime]:
    """The moments that are the very same in all rows, by column; most are the transaction's.

    They are parameters of their own: to write and to read a moment costs as much as several other columns.
    """
    moments = [name for name, value in rows[0].items() if isinstance(value, datetime) and name not in keys]
    return {name: rows[0][name] for name in moments if all(row[name] is rows[0][name] for row in rows)}


def recordset_parameters(
    rows: Sequence[Row], names: Sequence[str], same: Mapping[str, Any], *, on_sqlite: bool
) -> dict[str, Any]:
    """What an insert or a change is executed with: these columns of the rows, and what all rows share."""
    given = [{name: row[name] for name in names} for row in rows] if len(names) < len(rows[0]) else rows
    return recordset(given, on_sqlite=on_sqlite) | {_shared_name(name): value for name, value in same.items()}


def recordset(rows: Sequence[Row], *, on_sqlite: bool) -> dict[str, Any]:
    """The rows as the one parameter of a statement of this module."""
    if on_sqlite:
        return {_PARAMETER: json.dumps(list(rows), default=_as_sqlite_keeps_it, ensure_ascii=False)}
    return {_PARAMETER: to_json(list(rows)).decode()}


@functools.lru_cache(maxsize=64)  # most rows name the same moment
def _as_sqlite_keeps_it(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@functools.lru_cache(maxsize=256)
def insert_statement(table: type[SQLModel], names: tuple[str, ...], same: tuple[str, ...], *, on_sqlite: bool) -> Any:
    """An insert of rows with these columns, in the order given; `same` are shared, others get their defaults."""
    given = _given(table, names, on_sqlite=on_sqlite)
    asked = select(*(given.c[name] for name in names), *(_for_all(table, name) for name in same))
    if on_sqlite:  # without a condition its ON CONFLICT would be taken for a join's
        return sqlite.insert(_table(table)).from_select([*names, *same], asked.where(true()))
    return postgresql.insert(_table(table)).from_select([*names, *same], asked)


@functools.lru_cache(maxsize=256)
def change_statement(
    table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...], same: tuple[str, ...], *, on_sqlite: bool
) -> Update:
    """An update by key; each row holds its key and the columns to set, but for the `same`, which they share."""
    given, columns = _given(table, names, on_sqlite=on_sqlite), _table(table).c
    found = (columns[name] == given.c[name] for name in keys)
    by_row = {name: given.c[name] for name in names if name not in keys}
    for_all = {name: _for_all(table, name) for name in same}
    return update(_table(table)).where(*found).values(by_row | for_all)


@functools.lru_cache(maxsize=64)
def find_statement(table: type[SQLModel], names: tuple[str, ...], *, on_sqlite: bool) -> Any:
    """The table's rows that have one of the keys given, each of them these columns."""
    given, columns = _given(table, names, on_sqlite=on_sqlite), _table(table).c
    found = and_(*(columns[name] == given.c[name] for name in names))
    return select(*columns).select_from(given.join(_table(table), found))


@functools.lru_cache(maxsize=64)
def add_statement(table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...], *, on_sqlite: bool) -> Any:
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


_EXCLUDED = "excluded"


def run(work: Work, statement: Any, **values: Any) -> CursorResult[Any]:
    """Execute a change as it stands: what was loaded before is not told of it, which costs more than the change."""
    result: CursorResult[Any] = work.connection.execute(statement, values)
    return result


def rows(work: Work, asked: Any, **values: Any) -> Sequence[Any]:
    """What a select of one table finds, as plain rows with its columns, to be read only.

    To make a model of each costs more than to fetch it; and a plain row stays as it was read. A select that is asked
    often is written once, with parameters, to which `values` are given: to write it costs as much as to ask it.
    """
    return work.connection.execute(asked, values).all()


def among(column: Any, name: str, *, on_sqlite: bool) -> ColumnElement[bool]:
    """Whether the column is one of the list `name`, which is a single parameter to PostgreSQL, however long."""
    listed = postgresql.ARRAY(column.type)
    found: ColumnElement[bool]
    found = (
        column.in_(bindparam(name, expanding=True)) if on_sqlite else column == any_(bindparam(name, type_=listed))
    )
    return found


def look_up(work: Work, table: type[SQLModel], **key: Any) -> Any:
    """The row with this primary key as a plain row, to be read only; None where there is none."""
    return work.connection.execute(_by_key(table, tuple(key)), key).first()


def find(work: Work, table: type[SQLModel], keys: Sequence[Row]) -> Sequence[Any]:
    """The rows with one of these keys, as plain rows, to be read only; all keys name the same columns."""
    if not keys:
        return []
    asked = find_statement(table, tuple(keys[0]), on_sqlite=work.on_sqlite)
    return work.connection.execute(asked, recordset(keys, on_sqlite=work.on_sqlite)).all()


@functools.cache
def _by_key(table: type[SQLModel], names: tuple[str, ...]) -> Select[Any]:
    columns = _table(table).c
    return select(_table(table)).where(*(columns[name] == bindparam(name) for name in names))


def as_kept(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows as they are written: contents packed, once that is on. Callers' rows stay as they are."""
    names = [name for name in _packed_columns(table) if name in rows[0]] if rows else []
    if not names or not work.packs:
        return rows
    return [{**row, **{name: packing.packed(row[name]) for name in names if row[name]}} for row in rows]


@functools.cache
def _packed_columns(table: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).c if isinstance(column.type, Packed))


def insert(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> None:
    """Insert rows in bulk; all of them name the same columns."""
    if rows:
        plain, values = _inserting(work, table, rows)
        work.connection.execute(plain, values)


def insert_new(work: Work, table: type[SQLModel], rows: Sequence[Row], returning: str) -> set[Any]:
    """Insert the rows that are not there yet; give the `returning` column of those that were new."""
    return {one for (one,) in insert_new_keys(work, table, rows, returning)}


def insert_new_keys(work: Work, table: type[SQLModel], rows: Sequence[Row], *key: str) -> set[tuple[Any, ...]]:
    """Insert the rows that are not there yet; give the `key` columns of those that were new.

    Two transactions with the same rows wait for each other: sort them by key, so that they never wait in a ring.
    """
    if not rows:
        return set()
    plain, values = _inserting(work, table, rows)
    return {tuple(row) for row in work.connection.execute(_unless_there(plain, table, key), values).all()}


def upsert(
    work: Work,
    table: type[SQLModel],
    rows: Sequence[Row],
    changes: Mapping[str, Any],
    returning: Sequence[str],
    **values: Any,
) -> list[Any]:
    """Insert rows, or change those that exist; `changes` maps a column to an SQL expression or "excluded".

    Rows are locked in the order given: sort them by key, so that two transactions never wait in a ring.
    """
    if not rows:
        return []
    plain, inserted = _inserting(work, table, rows)
    statement = _or_changed(plain, table, tuple(changes.items()), tuple(returning))
    given = [{**row, **values} for row in inserted] if isinstance(inserted, list) else {**inserted, **values}
    return list(work.connection.execute(statement, given).all())


def change(work: Work, table: type[SQLModel], key: str | Sequence[str], rows: Sequence[Row]) -> int:
    """Update many rows by key in bulk: each row holds its key and the columns to set."""
    if not rows:
        return 0
    rows = as_kept(work, table, rows)
    keys = (key,) if isinstance(key, str) else tuple(key)
    if fits_recordset(rows):
        same = shared_moments(rows, keys)
        names = tuple(name for name in rows[0] if name not in same)
        changed = change_statement(table, keys, names, tuple(same), on_sqlite=work.on_sqlite)
        given = recordset_parameters(rows, names, same, on_sqlite=work.on_sqlite)
        return work.connection.execute(changed, given).rowcount
    bound = [{f"by_{name}" if name in keys else name: value for name, value in row.items()} for row in rows]
    result: CursorResult[Any] = work.connection.execute(_change(table, keys, tuple(rows[0])), bound)
    return result.rowcount


def add(work: Work, table: type[SQLModel], keys: Sequence[str], rows: Sequence[Row]) -> Sequence[Any]:
    """Add to columns of many rows by key in bulk; gives the whole rows as they are then, locked, to be read only.

    Rows are locked in the order given: sort them by key, so that two transactions never wait in a ring.
    """
    if not rows:
        return []
    added = add_statement(table, tuple(keys), tuple(rows[0]), on_sqlite=work.on_sqlite)
    return work.connection.execute(added, recordset(rows, on_sqlite=work.on_sqlite)).all()


def _inserting(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> tuple[Any, Any]:
    """An insert in the dialect at hand, and what to execute it with."""
    rows = as_kept(work, table, rows)
    if fits_recordset(rows):
        same = shared_moments(rows)
        names = tuple(name for name in recordset_names(rows) if name not in same)
        plain = insert_statement(table, names, tuple(same), on_sqlite=work.on_sqlite)
        return plain, recordset_parameters(rows, names, same, on_sqlite=work.on_sqlite)
    return _plain(table, on_sqlite=work.on_sqlite), list(rows)


# Statements are written once: to write one costs as much as to execute it.


@functools.cache
def _plain(table: type[SQLModel], *, on_sqlite: bool) -> Any:
    return sqlite.insert(table) if on_sqlite else postgresql.insert(table)


@functools.lru_cache(maxsize=256)
def _unless_there(plain: Any, table: type[SQLModel], returning: tuple[str, ...]) -> Any:
    return plain.on_conflict_do_nothing().returning(*(_table(table).c[name] for name in returning))


@functools.lru_cache(maxsize=256)
def _or_changed(
    plain: Any, table: type[SQLModel], changes: tuple[tuple[str, Any], ...], returning: tuple[str, ...]
) -> Any:
    assigned = {name: plain.excluded[name] if to is _EXCLUDED else to for name, to in changes}
    changed = plain.on_conflict_do_update(index_elements=_key_of(table), set_=assigned)
    return changed.returning(*(_table(table).c[name] for name in returning))


@functools.lru_cache(maxsize=256)
def _change(table: type[SQLModel], keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    columns = _table(table).c
    found = (columns[name] == bindparam(f"by_{name}") for name in keys)
    return update(_table(table)).where(*found).values({name: bindparam(name) for name in names if name not in keys})


def _key_of(table: type[SQLModel]) -> list[str]:
    for index in _table(table).indexes:
        if index.unique and len(index.columns) > 1:
            return [column.name for column in index.columns]
    return [column.name for column in _table(table).primary_key]


_LAST = "\U0010ffff"


def begins(work: Work, column: Any, text: str) -> Any:
    """Whether the column begins with this text; two plain comparisons, so that any plan can use the index."""
    if work.on_sqlite:
        return (column >= text) & (column < text + _LAST)
    return and_(column.bool_op("~>=~")(text), column.bool_op("~<~")(text + _LAST))
