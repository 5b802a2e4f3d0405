"""`docs/operations/retention.md`: what is kept, of every table; from store/kept_data and the pruner's days."""

from reference.markdown import code, page, table
from store.kept_data import ROOMS, KeptData
from worker import pruner

_ABOUT = """
What the exporter keeps in its database, table by table: why, for how long, who can read it, and what becomes of it
when a client is erased or a company is removed ([how to](../how-to/erase.md)). “After it is over” counts from when a
row is dealt with: a call is settled, a change answered, a letter discarded.
[`RETENTION_DAYS`](../reference/settings.md) is 400 at first, and at least 30. Nothing that is still needed goes,
however old it is.

Beside the database:

| where | what | how long |
| --- | --- | --- |
| Redis | lanes that have work, turns, calls counted; no content | ends by itself within a day |
| Redis, the streams for hosts | events, out and in | out: the newest 200,000; in: the host's to trim |
| logs | ids and states; no names, amounts or tokens | as long as the operator keeps them |
| backups | all of the database | as long as the operator keeps them |
| Xero | the invoices and contacts themselves | Xero's and the company's to decide |
"""
_HEAD = ("table", "what and why", "how long", "who can read it", "a client is erased", "its company is removed")
_DAYS = {1 / 24: "an hour"}


def how_long(one: KeptData) -> str:
    """For how long, in words."""
    if not one.pruned:
        return one.kept
    days = pruner.SHORT_LIVED.get(one.pruned)
    told = f"{code('RETENTION_DAYS')} after it is over"
    if days is not None:
        told = _DAYS.get(days, f"{days:g} days") if days else "gone at once"
    return f"{one.kept} {told}".strip()


def text() -> str:
    """The page."""
    parts = [_ABOUT]
    for room, some in ROOMS.items():
        rows = [
            (
                code(one.table.__tablename__),
                one.what,
                how_long(one),
                one.readers,
                one.erased,
                "its rows go" if one.removed == "company" else one.removed,
            )
            for one in some
        ]
        parts.append(f"## {room}\n\n{table(_HEAD, rows)}")
    return page("What is kept, and for how long", *parts)
