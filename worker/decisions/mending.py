"""What may be mended in a dead letter: what made it unreadable, never what it is about or who asked; pure.

Of JSON that can be parsed, the fields may change that are named as wrong. Of text that is no JSON, a few brackets,
quotes and commas may change, and nothing else: values stay, in their order.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from events import codec
from events.codec import INCOMING, Unreadable

MOST_SIGNS = 4  # brackets, quotes, commas and colons that may be mended in text that is no JSON
_MOST_ROUNDS = 20  # a field that is mended lets others be looked at
_ABSENT = object()
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_COMPANY, _TYPE, _ASKER, _INVOICES = "data.company", "type", "data.requested_by", "data.invoices"
_CONTENT = ("data.settings", "data.client", "data.xero_contact")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
# An escaped quote or backslash is a part of a value, and so is what stands between two digits.
_ESCAPES = {"n": " ", "r": " ", "t": " ", "b": " ", "f": " ", '"': "\x01", "\\": "\x02"}
_IN_NUMBERS = str.maketrans({",": "\x03", ":": "\x04"})
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[,:](?=\d)")
_BLANK = re.compile(r"[\s\ufeff\x00\x05-\x1f]+")
_SIGNS = frozenset('{}[]":,')
_TEXT = (
    f"event: what came is no JSON, so that at most {MOST_SIGNS} brackets, quotes and commas can be mended, and every "
    "value stays as it came. Its sender has to send anything else anew"
)


def objections(came: bytes, mended: bytes, why: Sequence[str], mender: str) -> list[str]:
    """What of `mended` is more than mending; sentences, each naming its field.

    `why` are the problems with what `came`, as they were told; `mender` is the id of who mends.
    """
    try:
        before, after = _parsed(came), _parsed(mended)
        if isinstance(before, dict) and isinstance(after, dict):
            return [*_in_fields(before, after, why, mender)]
        text = before if isinstance(before, str) else _text(came)  # JSON in JSON is a text like any other
        return [] if _signs_only(text, _text(mended)) else [_TEXT]
    except RecursionError:
        return ["event: is nested too deeply to be mended"]


def _in_fields(before: Mapping[str, Any], after: Mapping[str, Any], why: Sequence[str], mender: str) -> Iterator[str]:
    wrong = _wrong(before, after, why)
    for path in _differences(before, after):
        field, was, now = ".".join(path), _at(before, path), _at(after, path)
        if field == _COMPANY and _stays(was, now, _is_company):
            yield f"{field}: stays as it came; who sent it has to send it anew for another company"
        elif field == _TYPE and _stays(was, now, _is_type):
            yield f"{field}: stays as it came; who sent it has to send another event"
        elif _within(field, [_ASKER]):
            if not _is_who_asked(_at(before, ("data", "requested_by")), _at(after, ("data", "requested_by")), mender):
                yield f"{_ASKER}: who asked stays as it came; where nobody is named, name yourself: “{mender}”"
        elif field not in (_COMPANY, _TYPE, "id") and not _is_mendable(before, path, wrong):
            yield f"{field[:200]}: was not what is wrong, or only its sender can say it, so it stays as it came"


def _is_mendable(before: Mapping[str, Any], path: Sequence[str], wrong: Collection[str]) -> bool:
    """Whether the field is named as wrong; what an event is about nobody makes up for its sender."""
    if _within(".".join(path), [_INVOICES]) or not _within(".".join(path), wrong):
        return False
    return not (".".join(path[:2]) in _CONTENT and _at(before, path[:2]) in (_ABSENT, None, "", [], {}))


def _wrong(before: Mapping[str, Any], after: Mapping[str, Any], why: Sequence[str]) -> Collection[str]:
    """The fields that keep it from being read, and those that do once these are mended, and so on."""
    found = {_field(one) for one in why}
    document: Any = before
    for _ in range(_MOST_ROUNDS):
        new = {_field(problem) for problem in _problems(document)} - found
        if not new:
            break
        found |= new
        document = _taken_over(document, after, found)
    return found - {"event", "body", "data", "entry", ""}


def _problems(document: Any) -> Sequence[str]:
    try:
        codec.parse_event(document)
    except Unreadable as broken:
        return broken.problems
    return ()


def _field(problem: str) -> str:
    return problem.partition(": ")[0]


def _taken_over(before: Any, after: Any, fields: Collection[str], at: str = "") -> Any:
    """What came, with these fields as they are mended."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before
    made = dict(before)
    for name in {**before, **after}:
        path = f"{at}.{name}" if at else str(name)
        if _within(path, fields):
            made[name] = after.get(name, _ABSENT)
        elif name in before and name in after:
            made[name] = _taken_over(before[name], after[name], fields, path)
    return {name: value for name, value in made.items() if value is not _ABSENT}


def _differences(before: Any, after: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths at which two values differ, as deep as they are alike."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), (*at, str(name)))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, (*at, str(place)))
    elif type(before) is not type(after) or before != after:
        yield at


def _stays(was: Any, now: Any, is_readable: Any) -> bool:
    """Whether what was said can be read, and so says something else than what it was made."""
    if isinstance(was, int) and not isinstance(was, bool):
        return bool(now != str(was))
    return isinstance(was, str) and is_readable(was.strip()) and (not isinstance(now, str) or now != was.strip())


def _is_company(text: str) -> bool:
    return bool(_ID.fullmatch(text))


def _is_type(text: str) -> bool:
    return text in INCOMING


def _is_who_asked(was: Any, now: Any, mender: str) -> bool:
    """Whether it is who was named, written as it should be; where nobody was, the mender names himself."""
    if not isinstance(now, dict):
        return False
    if was in (_ABSENT, None, "", {}):
        return now.get("id") == mender and "name" not in now
    named = was if isinstance(was, dict) else {"id": was}
    return {name: str(value) for name, value in named.items()} == now


def _at(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document.get(name, _ABSENT) if isinstance(document, dict) else _ABSENT
    return document


def _within(field: str, fields: Collection[str]) -> bool:
    return any(field == one or field.startswith(f"{one}.") for one in fields)


def _parsed(body: bytes) -> Any:
    try:
        return codec.parse(body, most=len(body))
    except Unreadable:
        return _ABSENT


def _text(body: bytes) -> str:
    """As UTF-8, or as what is sent for it by mistake."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _signs_only(came: str, mended: str) -> bool:
    """Whether nothing but a few signs differ, from the first bracket of what came to its last at least."""
    begins, ends = came.find("{"), came.rfind("}")
    inner = came[begins : ends + 1] if 0 <= begins < ends else came
    wanted = _bare(mended)
    return any(_signs(_bare(text), wanted) <= MOST_SIGNS for text in (came, inner))


def _bare(text: str) -> str:
    """A text without blanks."""
    values = _ESCAPED.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]), text
    )
    return _BLANK.sub("", _BETWEEN_DIGITS.sub(lambda found: found[0].translate(_IN_NUMBERS), values))


def _signs(came: str, mended: str) -> int:
    """How many signs differ; more than may where anything else does."""
    one = other = count = 0
    while (one < len(came) or other < len(mended)) and count <= MOST_SIGNS:
        left, right = came[one : one + 1], mended[other : other + 1]
        if left == right:
            one, other = one + 1, other + 1
        elif left in _SIGNS and (right not in _SIGNS or came[one + 1 : one + 2] == right):
            one, count = one + 1, count + 1
        elif right in _SIGNS:
            other, count = other + 1, count + 1
        else:
            return MOST_SIGNS + 1
    return count
