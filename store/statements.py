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


def insert_into(work: Work, table: type[SQLModel]) -> Any:
    """An insert that knows ON CONFLICT, in the dialect at hand."""
    return sqlite.insert(table) if work.on_sqlite else postgresql.insert(table)


def run(work: Work, statement: Any, **values: Any) -> CursorResult[Any]:
    """Execute a change as it stands: what was loaded before is not told of it, which costs more than the change."""
    result: CursorResult[Any] = work.session.connection().execute(statement, values)
    return result


def rows(work: Work, asked: Any, **values: Any) -> Sequence[Any]:
    """What a select of one table finds, as plain rows with its columns, to be read only.

    To make a model of each costs more than to fetch it; and a plain row stays as it was read. A select that is asked
    often is written once, with parameters, to which `values` are given: to write it costs as much as to ask it.
    """
    return work.session.connection().execute(asked, values).all()


def among(column: Any, name: str, *, on_sqlite: bool) -> ColumnElement[bool]:
    """Whether the column is one of the list `name`, which is a single parameter to PostgreSQL, however long."""
    if on_sqlite:
        found: ColumnElement[bool] = column.in_(bindparam(name, expanding=True))
        return found
    return column == any_(bindparam(name, type_=postgresql.ARRAY(column.type)))


def look_up(work: Work, table: type[SQLModel], **key: Any) -> Any:
    """The row with this primary key as a plain row, to be read only; None where there is none."""
    return work.session.connection().execute(_by_key(table, tuple(key)), key).first()


@functools.cache
def _by_key(table: type[SQLModel], names: tuple[str, ...]) -> Select[Any]:
    columns = _table(table).c
    return select(_table(table)).where(*(columns[name] == bindparam(name) for name in names))


def insert(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> None:
    """Insert rows in bulk; all of them name the same columns."""
    if rows:
        plain, values = _inserting(work, table, rows)
        work.session.connection().execute(plain, values)


def insert_new(work: Work, table: type[SQLModel], rows: Sequence[Row], returning: str) -> set[Any]:
    """Insert the rows that are not there yet; give the `returning` column of those that were new."""
    if not rows:
        return set()
    plain, values = _inserting(work, table, rows)
    statement = plain.on_conflict_do_nothing().returning(_table(table).c[returning])
    return set(work.session.connection().execute(statement, values).scalars())


def upsert(
    work: Work,
    table: type[SQLModel],
    rows: Sequence[Row],
    changes: Mapping[str, Any],
    returning: Sequence[str],
) -> list[Any]:
    """Insert rows, or change those that exist; `changes` maps a column to an SQL expression or "excluded".

    Rows are locked in the order given: sort them by key, so that two transactions never wait in a ring.
    """
    if not rows:
        return []
    columns = _table(table).c
    statement, values = _inserting(work, table, rows)
    assigned = {name: statement.excluded[name] if to == "excluded" else to for name, to in changes.items()}
    statement = statement.on_conflict_do_update(index_elements=_key_of(table), set_=assigned)
    statement = statement.returning(*(columns[name] for name in returning))
    return list(work.session.connection().execute(statement, values))


def change(work: Work, table: type[SQLModel], key: str | Sequence[str], rows: Sequence[Row]) -> int:
    """Update many rows by key in bulk: each row holds its key and the columns to set."""
    if not rows:
        return 0
    keys = [key] if isinstance(key, str) else list(key)
    if not work.on_sqlite and recordsets.fit(rows):
        changed = recordsets.change(table, tuple(keys), tuple(rows[0]))
        return work.session.connection().execute(changed, recordsets.parameter(rows)).rowcount
    columns = _table(table).c
    statement = (
        update(_table(table))
        .where(*(columns[name] == bindparam(f"by_{name}") for name in keys))
        .values({name: bindparam(name) for name in rows[0] if name not in keys})
    )
    bound = [{f"by_{name}" if name in keys else name: value for name, value in row.items()} for row in rows]
    result: CursorResult[Any] = work.session.connection().execute(statement, bound)
    return result.rowcount


def _inserting(work: Work, table: type[SQLModel], rows: Sequence[Row]) -> tuple[Any, Any]:
    """An insert in the dialect at hand, and what to execute it with."""
    if not work.on_sqlite and recordsets.fit(rows):
        return recordsets.insert(table, tuple(rows[0])), recordsets.parameter(rows)
    return insert_into(work, table), list(rows)


def _table(table: type[SQLModel]) -> Any:
    return table.__table__  # type: ignore[attr-defined]


def _key_of(table: type[SQLModel]) -> list[str]:
    for index in _table(table).indexes:
        if index.unique and len(index.columns) > 1:
            return [column.name for column in index.columns]
    return [column.name for column in _table(table).primary_key]
