"""Text of others as it may be shown: nothing in it commands a terminal, turns a line round, hides, or is a formula.

Pure. Names of clients and organisations, Xero's words, file names: whoever types them does not decide how our lines
read.
"""

import re
import unicodedata
from decimal import Decimal

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
