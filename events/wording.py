"""Words for people: dates, lists, long names cut short; pure.

Text of others as it may be shown: nothing in it commands a terminal, turns a line round, hides, or is a formula.

Pure. Names of clients and organisations, Xero's words, file names: whoever types them does not decide how our lines
read.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

# Not the locale's: a failure reads the same on every machine.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_FEW = 4
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u00b4`]")


def spoken(day: date) -> str:
    """A date as people say it: 4 July 1996."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def month(day: date) -> str:
    """A month as people say it: July 1996."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def folded_text(text: str) -> str:
    """Text as it is searched by: without accents and capitals, with single blanks."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in apart if not unicodedata.combining(one)).casefold().split())


def without_apostrophes(text: str) -> str:
    """“O'Neill” as people search for it: “ONeill”, whichever apostrophe was typed."""
    return _APOSTROPHES.sub("", text)


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


# Categories of Unicode: control (C0, C1, DEL), format (bidi, zero width, tags), surrogate, line, paragraph separator.
_COMMANDS = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
# Letters and marks that show nothing: Hangul's fillers, and the variation selectors that only carry data.
_NOTHING = re.compile("[\u115f\u1160\u3164\uffa0\U000e0100-\U000e01ef]")
# What spreadsheets begin a formula with, its full-width and small forms, and DDE's bar.
_SIGNS = tuple("=+-@|\uff1d\uff0b\uff0d\uff20\uff5c\u2212\ufe62\ufe63\ufe66\ufe6b")
_QUOTES = "'\"`\u2018\u2019\u201c\u201d\uff07\uff02"
_BEGINNINGS = frozenset("\t\r\n")
_SEPARATORS = re.compile("([;\t\r\n])")


def shown(text: str, *, lines: bool = False) -> str:
    """The text with whatever is no visible character written out, as JSON writes it: a backslash, u and four digits.

    With `lines` a line feed stays one. A JSON document says the same afterwards.
    """
    if text.isprintable() and not _NOTHING.search(text):
        return text
    return "".join(one if (lines and one == "\n") or not _is_hidden(one) else _written_out(one) for one in text)


def cell(value: object) -> str:
    """The value as a cell of a file for a spreadsheet: what could be a formula gets an apostrophe before it.

    A number stays one, a negative one too. Looked at is what stands behind spaces, quotes and what is not seen; and
    behind what ends a cell where the list separator is a semicolon or a tab, and quotes are not heeded.
    """
    text = "" if value is None else str(value)
    if isinstance(value, int | float | Decimal):
        return text
    first, *others = _SEPARATORS.split(text)
    guarded = f"'{first}" if text[:1] in _BEGINNINGS or _begins_a_formula(first) else first
    return "".join([guarded, *(f"'{one}" if _begins_a_formula(one) else one for one in others)])


def _begins_a_formula(text: str) -> bool:
    seen = "".join(one for one in text[:1000] if not (_is_hidden(one) or one.isspace() or one in _QUOTES))
    return seen.startswith(_SIGNS)


def _is_hidden(one: str) -> bool:
    return unicodedata.category(one) in _COMMANDS or bool(_NOTHING.match(one))


def _written_out(one: str) -> str:
    point = ord(one)
    if point > 0xFFFF:
        point -= 0x10000
        return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
    return f"\\u{point:04x}"
