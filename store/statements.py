"""The few statements that SQLModel does not spell: upserts in bulk, locks in order, updates in bulk."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, any_, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlmodel import SQLModel

from store import recordsets
from store.unit_of_work import Work

Row = Mapping[str, Any]
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
    asked = recordsets.find(table, tuple(keys[0]), on_sqlite=work.on_sqlite)
    return work.connection.execute(asked, recordsets.parameter(keys, on_sqlite=work.on_sqlite)).all()


@functools.cache
def _by_key(table: type[SQLModel], names: tuple[str, ...]) -> Select[Any]:
    columns = _table(table).c
    return select(_table(table)).where(*(columns[name] == bindparam(name) for name in names))


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
    keys = (key,) if isinstance(key, str) else tuple(key)
    if recordsets.fit(rows):
        same = recordsets.shared(rows, keys)
        names = tuple(name for name in rows[0] if name not in same)
        changed = recordsets.change(table, keys, names, tuple(same), on_sqlite=work.on_sqlite)
        given = recordsets.parameters(rows, names, same, on_sqlite=work.on_sqlite)
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
    added = recordsets.add(table, tuple(keys), tuple(rows[0]), on_sqlite=work.on_sqlite)
    return work.connection.execute(added, recordsets.parameter(rows, on_sqlite=work.on_sqlite)).all()


def _inserting(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> tuple[Any, Any]:
    """An insert in the dialect at hand, and what to execute it with."""
    if recordsets.fit(rows):
        same = recordsets.shared(rows)
        names = tuple(name for name in recordsets.said(rows) if name not in same)
        plain = recordsets.insert(table, names, tuple(same), on_sqlite=work.on_sqlite)
        return plain, recordsets.parameters(rows, names, same, on_sqlite=work.on_sqlite)
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


def _table(table: type[SQLModel]) -> Any:
    return table.__table__  # type: ignore[attr-defined]


def _key_of(table: type[SQLModel]) -> list[str]:
    for index in _table(table).indexes:
        if index.unique and len(index.columns) > 1:
            return [column.name for column in index.columns]
    return [column.name for column in _table(table).primary_key]
