"""Words for people: dates, lists, long names cut short, field names without dots; pure."""

import re
from collections.abc import Sequence
from datetime import date

# Not the locale's: a failure reads the same on every machine.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_FEW = 4
_LINE_OF = re.compile(r"\blines\.(\d+)\.?")
_SCHEMA_WORDS = (
    (re.compile(r"Value error, "), ""),
    (re.compile(r"(?:String|Input|Value|Tuple|List|Number) should have"), "must have"),
    (re.compile(r"(?:String|Input|Value) should match pattern .*"), "must be written differently"),
    (re.compile(r"(?:Input|Value) should be a valid .*"), "is of another kind than expected"),
    (re.compile(r"(?:String|Input|Value) should be"), "must be"),
)


def spoken(day: date) -> str:
    """A date as people say it: 4 July 1996."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def month(day: date) -> str:
    """A month as people say it: July 1996."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def shortened(text: str, most: int) -> str:
    """The text on one line, at most `most` characters long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"


def inside(title: str) -> str:
    """A title in the middle of a sentence."""
    return title if title.startswith("Xero") else title[0].lower() + title[1:]


def lines(numbers: Sequence[int]) -> str:
    """`line 3`, `lines 3, 4 and 5`, `lines 3, 4, 5, 6 and 12 more`."""
    told = [str(number) for number in numbers[:_FEW]]
    rest = len(numbers) - len(told)
    last = f"{rest} more" if rest else told.pop()
    return f"line {last}" if not told else f"lines {', '.join(told)} and {last}"


def of_fields(problems: Sequence[str]) -> str:
    """Problems named by field paths, as people read them: `line 1, unit amount: must be a number like 12.50`."""
    return "; ".join(_of_field(problem) for problem in problems)


def _of_field(problem: str) -> str:
    field, colon, said = problem.partition(": ")
    if not colon:
        return problem
    named = _LINE_OF.sub(lambda found: f"line {int(found[1]) + 1}, ", field).rstrip(", ")
    for pattern, plain in _SCHEMA_WORDS:
        said = pattern.sub(plain, said)
    return f"{re.sub('[._]', ' ', named)}: {said}"
