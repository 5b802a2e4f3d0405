"""Words for people: dates, lists, long names cut short; pure."""

from collections.abc import Sequence
from datetime import date

# Not the locale's: a failure reads the same on every machine.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_FEW = 4


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


def whole(sentences: Sequence[str], most: int, between: str = " ") -> str:
    """As many whole sentences as fit in so many characters, the rest counted; the first is there in any case."""

    def joined(count: int, first: str) -> str:
        left = len(sentences) - count
        more = f"And {left} more." if between == " " else f"and {left} more"
        return between.join([first, *sentences[1:count], *([more] if left else [])])

    if not sentences:
        return ""
    fits = next((count for count in range(len(sentences), 0, -1) if len(joined(count, sentences[0])) <= most), 0)
    return joined(fits, sentences[0]) if fits else joined(1, shortened(sentences[0], most - len(joined(1, ""))))


def inside(title: str) -> str:
    """A title in the middle of a sentence."""
    return title if title.startswith("Xero") else title[0].lower() + title[1:]


def lines(numbers: Sequence[int]) -> str:
    """`line 3`, `lines 3, 4 and 5`, `lines 3, 4, 5, 6 and 12 more`."""
    told = [str(number) for number in numbers[:_FEW]]
    rest = len(numbers) - len(told)
    last = f"{rest} more" if rest else told.pop()
    return f"line {last}" if not told else f"lines {', '.join(told)} and {last}"
