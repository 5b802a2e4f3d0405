"""Which events can be filed together: those that touch nothing in common; pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

Touched = tuple[str, ...]
MOST_INVOICES = 500  # as many as one event may have: a database with one writer is not held for longer


@dataclass(frozen=True)
class Load:
    """What filing an event takes: the things it touches, and its invoices; None for an event that goes alone."""

    touches: frozenset[Touched]
    invoices: int | None


ALONE = Load(frozenset(), None)


def of_request(event: tuple[str, str], company: str, request: str, invoices: Collection[str]) -> Load:
    """The load of a request: nobody else touches its event (of company, source, id), itself or its invoices then."""
    mine = {("invoice", company, invoice) for invoice in invoices}
    return Load(frozenset({("event", company, *event), ("request", company, request), *mine}), len(invoices))


def rounds(loads: Sequence[Load], most: int = MOST_INVOICES) -> Iterator[Sequence[int]]:
    """The places of the events, in order, by round: filed round by round they end as if filed one by one."""
    some: list[int] = []
    touched: set[Touched] = set()
    room = most
    for place, load in enumerate(loads):
        if some and (load.invoices is None or load.invoices > room or touched & load.touches):
            yield some
            some, touched, room = [], set(), most
        some.append(place)
        touched |= load.touches
        room -= most if load.invoices is None else load.invoices
    if some:
        yield some
