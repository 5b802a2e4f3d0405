"""What hosts and people write into a field, read one way or refused with what would be right; pure.

Numbers are ASCII digits with a point. Where other ways of writing have one meaning the refusal names it, where they
have two it names both; nothing is guessed about money. From texts goes what nobody sees: control characters,
characters of no width, and those that turn the direction of reading.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic_core import PydanticCustomError

LONGEST_NUMBER, LONGEST_ID = 40, 255
_SHOWN = 40
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINK = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_CURRENCY = re.compile(r"[A-Z]{3}")
# Vertical tab, form feed, next line, line and paragraph separator: what Word and mail programs mean by a new line.
_NEW_LINES = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters but tab and new line
    "\u200b\u2060\ufeff"  # no width
    "\u061c\u202a-\u202e\u2066-\u2069]"  # the direction of reading
)
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_ENDS = " \t\r\n\f\v"
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f '\N{RIGHT SINGLE QUOTATION MARK}_", ""))
_COIN = re.compile(r"^[^\w.,()+-]+|[^\w.,()%+-]+$|^[A-Z]{3}(?=[\d-])|(?<=\d)[A-Z]{3}$")
_POINTED = re.compile(r"\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}")
_COMMAED = re.compile(r"\d{1,3}(\.\d{3})+,\d+|\d+,\d+")
_BY_SIGNS = re.compile(r"(\d{1,4})[./ -](\d{1,2})[./ -](\d{1,4})")
_NAMED = re.compile(
    r"(\d{1,2})[. -]*([A-Za-z]{3})[a-z]*[., -]+(\d{4})|([A-Za-z]{3})[a-z]*[. -]+(\d{1,2})[, -]+(\d{4})"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPREADSHEET_DAY = re.compile(r"[34][0-9]{4}(\.[0-9]+)?")  # 1982 to 2036


def shown(value: Any) -> str:
    """A value as it is named in a sentence: on one line, without what nobody sees, at most 40 characters."""
    text = "".join(one if one.isprintable() else " " for one in str(value)[: _SHOWN * 2])
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1].rstrip() + '…'}”"


def text(value: Any) -> Any:
    """A text without what nobody sees; a whole number is taken as its digits. Raises PydanticCustomError."""
    value = digits(value)
    if not isinstance(value, str):
        return value  # for the contract to refuse
    if not value.isascii() or not value.isprintable():
        if broken := _BROKEN.search(value):
            what = "a NUL character" if broken[0] == "\0" else "half of a character"
            told = f"has {what} at place {broken.start() + 1}, which no text has"
            raise PydanticCustomError("text_broken", "{told}", {"told": told})
        value = _UNSEEN.sub("", _NEW_LINES.sub("\n", value))
    return value


def unseen_in(value: str) -> str:
    """The characters of a text that `text` takes out or makes new lines of, in their order."""
    if value.isascii() and value.isprintable():
        return ""
    return "".join(one for one in value if _UNSEEN.match(one) or is_new_line(one))


def is_new_line(one: str) -> bool:
    """Whether a character means a new line without being one."""
    return bool(_NEW_LINES.match(one))


def one_line(value: Any) -> Any:
    """The same for a text of one line: what means a new line in it is a space."""
    return text(_NEW_LINES.sub(" ", value) if isinstance(value, str) else value)


def id_(value: Any) -> Any:
    """An id of the host's, whatever it is made of; a whole number is taken as its digits."""
    value = digits(value)
    if not isinstance(value, str):
        raise _id_refused("must be a text or a whole number that names it")
    value = value.strip(_ENDS)
    if not value:
        raise _id_refused("is empty")
    if len(value) > LONGEST_ID:
        raise _id_refused(f"has {len(value)} characters; {LONGEST_ID} are the most an id may have")
    if not value.isprintable():
        raise _id_refused(f"{shown(value)} has characters that nobody sees")
    if not value.strip("."):
        raise _id_refused("must be more than points")
    return value


def digits(value: Any) -> Any:
    """A whole number as its digits; anything else as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def invoice_number(value: Any) -> Any:
    """An invoice's number, of what Xero takes (facts §3.2); a comma cannot be looked up (facts §4.2)."""
    value = digits(value)
    if not isinstance(value, str):
        raise PydanticCustomError("number_of_invoice", "must be a text, like INV-7")
    said = value.strip(_ENDS)
    odd = next((one for one in said if one == "," or not " " <= one <= "~"), "")
    if odd:
        seen = f"“{odd}”" if odd.isprintable() else "a character that nobody sees"
        told = (
            f"{shown(said)} has {seen}, which Xero takes in no invoice number; use letters, digits and signs like -"
        )
        raise PydanticCustomError("number_of_invoice", "{told}", {"told": told})
    return said


def link(value: Any) -> Any:
    """An address of the host's own page."""
    if isinstance(value, str) and not _LINK.fullmatch(value.strip(_ENDS)):
        told = f"{shown(value)} is not an address like https://crewcard.example/invoices/7"
        raise PydanticCustomError("link_written", "{told}", {"told": told})
    return value.strip(_ENDS) if isinstance(value, str) else value


def number(value: Any) -> Any:
    """A number as JSON has it, or digits with a point; anything else is refused with what would be right."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise PydanticCustomError("number_written", "must be a number like 12.50")
    if not isinstance(value, str):
        return value
    said = value.strip(_ENDS)
    if len(said) <= LONGEST_NUMBER and _NUMBER.fullmatch(said):
        return said
    raise PydanticCustomError("number_written", "{told}", {"told": _not_a_number(said)})


def short(amount: Decimal) -> Decimal:
    """An amount is kept written out and read again, so it must be short in that form too: 1e-300 is not."""
    if amount.adjusted() < -LONGEST_NUMBER or len(f"{amount:f}") > LONGEST_NUMBER:
        told = f"must be a number like 12.50, of at most {LONGEST_NUMBER} digits"
        raise PydanticCustomError("number_written", "{told}", {"told": told})
    return amount


def whole(value: Any) -> Any:
    """A whole number, or its digits."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip(_ENDS)) and len(value) <= LONGEST_NUMBER:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float | Decimal) and value == value // 1:
        return int(value)
    raise PydanticCustomError("whole_written", "must be a whole number like 3, not {said}", {"said": shown(value)})


def day(value: Any) -> Any:
    """A date or its ISO form only; a moment would slip a day with the time zone (facts §9.3 #10)."""
    if type(value) is date:
        return value
    said = value.strip(_ENDS) if isinstance(value, str) else value
    if isinstance(said, str) and _DATE.fullmatch(said):
        try:
            return date.fromisoformat(said)
        except ValueError:
            told = f"{shown(said)} is no day of the calendar"
    else:
        told = _not_a_date(said) if isinstance(said, str | int) else "must be a date like 2026-11-22"
    raise PydanticCustomError("date_written", "{told}", {"told": told})


def currency(value: Any) -> Any:
    """The code of a currency, three capital letters."""
    said = value.strip(_ENDS) if isinstance(value, str) else value
    if isinstance(said, str) and _CURRENCY.fullmatch(said):
        return said
    told = "must be the three capital letters of a currency, like USD"
    if isinstance(said, str) and said:
        right = said.upper() if _CURRENCY.fullmatch(said.upper()) else "the three capital letters, like USD"
        told = f"{shown(said)} is not the code of a currency here; write {right}"
    raise PydanticCustomError("currency_written", "{told}", {"told": told})


def _id_refused(told: str) -> PydanticCustomError:
    return PydanticCustomError("id_written", "{told}", {"told": told})


def _not_a_number(said: str) -> str:
    if not said:
        return "is empty; write a number like 12.50"
    if len(said) > LONGEST_NUMBER:
        return f"{shown(said)} is too long for a number; {LONGEST_NUMBER} digits are the most"
    right = right_number(said)
    return f"{shown(said)} is not a number here; write {right or 'it like 12.50'}"


def right_number(said: str) -> str:
    """What a number in another form may mean, in ours; empty where nobody can say."""
    bare = _ascii_digits(said).translate(_SPACES)
    bare = _COIN.sub("", bare)
    sign = "-" if bare.startswith(("-", "(")) or bare.endswith("-") else ""
    core = bare.strip("()+-%").strip()
    if bare.endswith("%") and _NUMBER.fullmatch(core):
        return f"{sign}{core} or {sign}{Decimal(core).scaleb(-2):f}, whichever is meant"
    if re.fullmatch(r"\d+,\d{3}", core):
        return f"{sign}{core.replace(',', '')} or {sign}{core.replace(',', '.')}, whichever is meant"
    if _POINTED.fullmatch(core):
        core = core.replace(",", "")
    elif _COMMAED.fullmatch(core):
        core = core.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", core):
        core = core.replace(".", "")
    elif core.startswith("."):
        core = f"0{core}"
    core = core.removesuffix(".")
    if re.fullmatch(r"\d+(\.\d+)?[eE][+-]?\d{1,2}", core):
        core = f"{Decimal(core):f}"
    return f"{sign}{core}" if _NUMBER.fullmatch(core) and len(core) < LONGEST_NUMBER else ""


def _ascii_digits(said: str) -> str:
    signs = {"\N{FULLWIDTH FULL STOP}": ".", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"}
    return "".join(str(int(one)) if one.isdecimal() else signs.get(one, one) for one in said)


def _not_a_date(said: str | int) -> str:
    told = str(said)
    if not told:
        return "is empty; write a date like 2026-11-22"
    if _DATE.match(told) and len(told) > len("2026-11-22"):
        return f"{shown(told)} is a moment, which is another day elsewhere; write the day alone, {told[:10]}"
    if _SPREADSHEET_DAY.fullmatch(told):
        return f"{shown(told)} is a spreadsheet's own number of a day; have the column shown as 2026-11-22"
    days = right_dates(told)
    named = [f"{one.isoformat()} for {one.day} {_MONTHS[one.month - 1].capitalize()}" for one in days]
    right = " or ".join(named) if len(days) > 1 else days[0].isoformat() if days else "it like 2026-11-22"
    return f"{shown(told)} is not a date here; write {right}"


def right_dates(said: str) -> list[date]:
    """The days that a date in another form may mean."""
    told = _ascii_digits(said)
    if by_signs := _BY_SIGNS.fullmatch(told):
        one, two, three = (int(part) for part in by_signs.groups())
        first, last = len(by_signs[1]) == 4, len(by_signs[3]) == 4
        tried = [(one, two, three)] if first else [(three, two, one), (three, one, two)] if last else []
    elif named := _NAMED.fullmatch(told):
        day_, month_, year_ = (named[1], named[2], named[3]) if named[1] else (named[5], named[4], named[6])
        known = month_.lower() in _MONTHS
        tried = [(int(year_), _MONTHS.index(month_.lower()) + 1, int(day_))] if known else []
    else:
        tried = []
    return list(dict.fromkeys(found for parts in tried if (found := _day_of(*parts))))


def _day_of(year: int, month: int, day_: int) -> date | None:
    try:
        return date(year, month, day_)
    except ValueError:
        return None
