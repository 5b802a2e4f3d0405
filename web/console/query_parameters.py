"""What an address asks for, read from text that anybody may have written."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from store.log_lines import LogFilter

PER_PAGE = 50
_LARGEST = 2**62
_LOG = ("company", "outcome", "reason", "client", "number")


def whole_number(text: str) -> int | None:
    """The number that is meant, where one is that a database can hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _LARGEST else None


def day(text: str) -> datetime | None:
    """The beginning of a day written 2026-11-22, in UTC; None for anything else."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def log_filter(said: Mapping[str, str]) -> LogFilter:
    """The filter of the export log in these fields; `to` is the last day, itself included."""
    named = {name: said.get(name, "").strip() for name in _LOG}
    until = day(said.get("to", ""))
    whole_days = until + timedelta(days=1) if until and until.year < 9999 else until
    return LogFilter(**named, since=day(said.get("from", "")), until=whole_days)


def objections(said: Mapping[str, str]) -> str:
    """What is wrong with the days that were asked for; empty when nothing is."""
    wrong = [name for name in ("from", "to") if said.get(name) and day(said[name]) is None]
    return f"“{said[wrong[0]]}” is not a day such as 2026-11-22, so it was left out." if wrong else ""
