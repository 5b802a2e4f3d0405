"""Pages of an ordered list: found by key, so that the last page costs what the first does; forward and back.

Where a page stands is counted along the way, and how many rows there are only so far.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import func, literal, tuple_
from sqlmodel import select

from store import statements
from store.unit_of_work import Work

COUNTED_TO = 10_000
MOST_SORTED = 500  # rows that are all fetched, because no index has them in the order that is asked for


@dataclass(frozen=True)
class PageWanted:
    """`size` rows behind the place `after`, or those right before the place `before`; else the first ones.

    `first` is the position of the first row that was promised, from 1; `turned`: the list from its end on.
    `counted`: how many rows there are is wanted too. `sort` names another order than the list's own, such as amount.
    """

    size: int
    after: str = ""
    before: str = ""
    first: int = 1
    turned: bool = False
    counted: bool = True
    sort: str = ""


@dataclass(frozen=True)
class PageFound:
    """Rows of a list, the first of them at position `first`, and the places of the pages around ("": none).

    `total` is how many there are; `many`: there are more, which were not counted. `sort` is the order that they have
    instead of the list's own.
    """

    rows: Sequence[Any]
    first: int
    total: int
    many: bool
    following: str
    previous: str
    turned: bool
    size: int
    sort: str = ""

    @property
    def sortable(self) -> bool:
        """Whether the list is short enough for an order that no index serves."""
        return self.total <= MOST_SORTED and not self.many


def sorted_page(rows: Sequence[Any], wanted: PageWanted, key: Callable[[Any], Any]) -> PageFound:
    """The page of rows that are all in hand, ordered by a key; those that have none (None) stand last either way."""
    known = [row for row in rows if key(row) is not None]
    ordered = sorted(known, key=key, reverse=wanted.turned) + [row for row in rows if key(row) is None]
    place = wanted.before or wanted.after
    skip = min(int(place), len(rows)) if place.isascii() and place.isdigit() and len(place) < 9 else 0
    skip = max(0, skip - wanted.size) if wanted.before else skip
    end = skip + wanted.size
    return PageFound(
        rows=ordered[skip:end],
        first=skip + 1,
        total=len(rows),
        many=False,
        following=str(end) if end < len(rows) else "",
        previous=str(skip) if skip else "",
        turned=wanted.turned,
        size=wanted.size,
        sort=wanted.sort,
    )


def page_of(
    work: Work, asked: Any, key: Mapping[str, Any], wanted: PageWanted, *, newest_first: bool = False
) -> PageFound:
    """The page of a select without an order; `key` are the columns that order it, by their names in a row, unique."""
    columns = list(key.values())
    place = _place(columns, wanted.before or wanted.after)
    backward = bool(wanted.before and place)
    downward = newest_first is not wanted.turned
    rows = _rows(work, asked, columns, place, wanted.size + 1, downward=downward is not backward)
    if backward and len(rows) < wanted.size:  # rows went meanwhile: the first page, whole
        return page_of(work, asked, key, PageWanted(wanted.size, turned=wanted.turned), newest_first=newest_first)
    further = len(rows) > wanted.size
    shown = rows[: wanted.size][::-1] if backward else rows[: wanted.size]
    known = rows_counted(work, asked) if wanted.counted else 0
    edges = [_in_address([getattr(row, name) for name in key]) for row in (*shown[-1:], *shown[:1])]
    total = min(known, COUNTED_TO)
    return PageFound(
        rows=shown,
        first=max(1, wanted.first) if place else 1,
        total=total,
        many=known > COUNTED_TO,
        following=edges[0] if edges and (further or backward) else "",
        previous=edges[1] if edges and place and (further or not backward) else "",
        turned=wanted.turned,
        size=wanted.size,
    )


def rows_counted(work: Work, asked: Any) -> int:
    """How many rows a select gives, counted to one beyond `COUNTED_TO`."""
    bounded = asked.order_by(None).limit(COUNTED_TO + 1).subquery()
    return int(work.connection.execute(select(func.count()).select_from(bounded)).scalar_one())


def _rows(
    work: Work, asked: Any, columns: Sequence[Any], place: Sequence[Any], most: int, *, downward: bool
) -> Sequence[Any]:
    if place:
        values = [literal(value, column.type) for value, column in zip(place, columns, strict=True)]
        ends, here = tuple_(*columns), tuple_(*values)
        # The first comparison lets an index begin there, whatever its other columns; the second is exact.
        near = columns[0] <= values[0] if downward else columns[0] >= values[0]
        asked = asked.where(near, ends < here if downward else ends > here)
    return statements.rows(
        work, asked.order_by(*(one.desc() if downward else one.asc() for one in columns)).limit(most)
    )


def _in_address(values: Sequence[Any]) -> str:
    told = (value.isoformat() if isinstance(value, datetime) else str(value) for value in values)
    return "~".join(quote(one, safe="+:").replace("~", "%7E") for one in told)


def _place(columns: Sequence[Any], text: str) -> list[Any]:
    """The values in an address that anybody may have written; none where it is no place of this list."""
    parts = [unquote(one) for one in text.split("~")] if text else []
    if len(parts) != len(columns):
        return []
    try:
        return [_value(_kind(column.type), part) for column, part in zip(columns, parts, strict=True)]
    except ValueError:
        return []


def _kind(column_type: Any) -> type:
    kind: type = getattr(column_type, "impl", column_type).python_type
    return kind


def _value(kind: type, text: str) -> Any:
    """Raises ValueError."""
    if kind is datetime:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment
    if kind is int:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise ValueError(text)
        return int(text)
    return text
