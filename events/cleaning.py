"""What `written.text` took out of an invoice's texts because nobody sees it, by field and line; pure."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from events import written
from events.snapshot import Snapshot

MOST, _MOST_LINES = 20, 20
# The texts of an invoice, by where they stand. True: of one line, so that what means a new line becomes a space.
_OF_INVOICE = {"job": True, "reference": True}
_OF_CLIENT = {"name": True, "xero_contact_id": False}
_OF_LINE = {"description": False, "kind": False, "account_code": False, "tax_type": False, "item_code": False}
_OF_TRACKING = {"category": True, "option": True}
# Unicode names no control character.
_NAMES = {"\x0b": "vertical tab", "\x0c": "form feed", "\x85": "next line"}


class Cleaned(Snapshot):
    """A text that was sent without characters nobody sees: the field, the first lines it is in, and a sentence.

    `lines` count from 1 and are the first 20, `more_lines` counts the others with the same characters. `characters`
    are named by their numbers in Unicode, U+202E.
    """

    field: str
    lines: tuple[int, ...] = ()
    more_lines: int = 0
    characters: tuple[str, ...] = ()
    said: str


def cleaned(said: Mapping[str, Any]) -> tuple[Cleaned, ...]:
    """What is taken out of an invoice as its host wrote it; what is alike in many lines once.

    At most 20 texts are named, and the last entry counts the others.
    """
    alike: dict[tuple[str, str], list[int]] = {}
    characters: dict[tuple[str, str], tuple[str, ...]] = {}
    for line, field, text, one_line in _texts(said):
        found = written.unseen_in(text)
        if found:
            key = field, _done(found, one_line=one_line)
            characters[key] = tuple(f"U+{ord(one):04X}" for one in dict.fromkeys(found))
            alike.setdefault(key, []).extend([line] if line else [])
    entries = [_entry(*key, lines, characters[key]) for key, lines in alike.items()]
    left = len(entries) - MOST
    if left <= 0:
        return tuple(entries)
    more = f"{left + 1} more texts were cleaned of characters that nobody sees."
    return (*entries[: MOST - 1], Cleaned(field="", said=more))


def _entry(field: str, done: str, lines: list[int], characters: tuple[str, ...]) -> Cleaned:
    shown, more = tuple(lines[:_MOST_LINES]), max(0, len(lines) - _MOST_LINES)
    places = ", ".join(map(str, shown)) + (f" and {more} more" if more else "")
    where = f"Line{'s' if len(lines) > 1 else ''} {places}, {field}" if lines else field.capitalize()
    return Cleaned(field=field, lines=shown, more_lines=more, characters=characters, said=f"{where}: {done}.")


def _done(found: str, *, one_line: bool) -> str:
    """What became of these characters, in words."""
    new_lines = Counter(one for one in found if written.is_new_line(one))
    gone = Counter(one for one in found if not written.is_new_line(one))
    became = f"became a {'space' if one_line else 'line break'}"
    told = [f"{_names(some)} {how}" for some, how in ((gone, "taken out"), (new_lines, became)) if some]
    return "; ".join(told)


def _names(some: Mapping[str, int]) -> str:
    return ", ".join(f"{_name(one)}{f' ({count} times)' if count > 1 else ''}" for one, count in some.items())


def _name(one: str) -> str:
    named = _NAMES.get(one) or unicodedata.name(one, "control character").lower()
    return f"U+{ord(one):04X} {named}"


def _texts(said: Mapping[str, Any]) -> Iterator[tuple[int, str, str, bool]]:
    """The texts as they came: line (0 outside of lines), field as people call it, the text, whether of one line."""
    yield from _in(said, _OF_INVOICE, 0, "")
    yield from _in(said.get("client"), _OF_CLIENT, 0, "client ")
    lines = said.get("lines")
    for number, line in enumerate(lines if isinstance(lines, list | tuple) else (), start=1):
        yield from _in(line, _OF_LINE, number, "")
        tracking = line.get("tracking") if isinstance(line, Mapping) else None
        for one in tracking if isinstance(tracking, list | tuple) else ():
            yield from _in(one, _OF_TRACKING, number, "tracking ")


def _in(part: Any, fields: Mapping[str, bool], line: int, whose: str) -> Iterator[tuple[int, str, str, bool]]:
    for name, one_line in fields.items() if isinstance(part, Mapping) else ():
        text = part.get(name)
        if isinstance(text, str):
            yield line, f"{whose}{name.replace('_', ' ')}", text, one_line
