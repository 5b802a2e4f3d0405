"""What may be mended in a dead letter: what made it unreadable, never what it is about or who asked; pure.

Of JSON that can be parsed, the fields may change that are named as wrong. Of text that is no JSON, a few brackets,
quotes and commas may change, and nothing else: values stay, in their order.

The last thing every log line passes: whatever looks like a secret is masked, whoever wrote the line.

Our own lines carry none. Libraries' lines are another matter: http.client prints headers when its debug is on,
httpcore names them, the SDK prints whole bodies.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from events import codec
from events.codec import INCOMING, Unreadable

MOST_SIGNS = 4  # brackets, quotes, commas and colons that may be mended in text that is no JSON
_MOST_ROUNDS = 20  # a field that is mended lets others be looked at
_ABSENT = object()
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_COMPANY, _TYPE, _ASKER, _INVOICES = "data.company", "type", "data.requested_by", "data.invoices"
_CONTENT = ("data.settings", "data.client", "data.xero_contact")
_ESCAPED = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))""")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NOTHING = r"\s\ufeff\x00-\x1f"  # between pieces
_PIECE = re.compile(
    rf"""(?P<sign>[{{}}\[\]:,])|"(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"|"(?P<open>.*)"""
    rf"""|(?P<word>[^{_NOTHING}{{}}\[\]:,"]+)""",
    re.DOTALL,
)
_QUOTED = ("text", "open")
_QUOTES = re.compile(r'(?<!\\)(?:\\\\)*"')
_TEXT = (
    f"event: what came is no JSON, so that at most {MOST_SIGNS} brackets, quotes and commas can be mended, and every "
    "value stays as it came, with its blanks. Its sender has to send anything else anew"
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
    return _names_once(mended) and any(_Alignment(text, mended).signs() <= MOST_SIGNS for text in (came, inner))


def _names_once(mended: str) -> bool:
    """Whether no object has a name twice: the former value would be lost."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        json.loads(mended.removeprefix("\ufeff"), object_pairs_hook=once)
    except ValueError:
        return False
    return True


class LetterToken(NamedTuple):
    """A piece of what should be JSON: a sign, a text between quotes with its escapes, or a word; `end` at last.

    `open` is what stands behind a quote that has no other.
    """

    kind: str
    said: str
    begins: int
    ends: int

    def is_same(self, other: "LetterToken") -> bool:
        """Whether both say the same, character for character."""
        return self.kind == other.kind and _unescaped(self) == _unescaped(other)


def _token(text: str, at: int) -> LetterToken:
    """The next piece from here; blanks between pieces are nothing, within quotes they are a part of the text."""
    found = _PIECE.search(text, at)
    if found is None:
        return LetterToken("end", "", len(text), len(text))
    kind = found.lastgroup or ""
    return LetterToken(kind, found[kind], found.start(), found.end())


def _unescaped(piece: LetterToken) -> str:
    """What a text between quotes says; a backslash that escapes nothing stands for itself."""
    if piece.kind != "text" or "\\" not in piece.said:
        return piece.said
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES[found[2]], piece.said)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class _Alignment:
    """What came beside what it was mended to, piece by piece; texts and words are the same in both, in their order.

    Signs may come or go between them. One quote that was lost or is too many may too, or the two round bare words.
    """

    def __init__(self, came: str, mended: str) -> None:
        self._came, self._mended = came, mended
        self._at = self._beside = self._count = 0
        self._quote_moved = self._words_quoted = False

    def signs(self) -> int:
        """How many signs differ; more than may where anything else does."""
        while self._count <= MOST_SIGNS:
            left, right = _token(self._came, self._at), _token(self._mended, self._beside)
            if left.kind == right.kind == "end":
                return self._count
            if left.is_same(right):
                self._at, self._beside = left.ends, right.ends
            elif not (self._by_a_quote(left, right) or self._by_a_sign(left, right)):
                break
        return MOST_SIGNS + 1

    def _by_a_sign(self, left: LetterToken, right: LetterToken) -> bool:
        follows = _token(self._came, left.ends)
        if left.kind == "sign" and (right.kind != "sign" or follows.is_same(right)):
            self._at = left.ends
        elif right.kind == "sign":
            self._beside = right.ends
        else:
            return False
        self._count += 1
        return True

    def _by_a_quote(self, left: LetterToken, right: LetterToken) -> bool:
        """One quote put in or taken out, so that this piece says the same; or the quotes round a word."""
        if not self._quote_moved and not self._words_quoted:
            for made in self._with_a_quote(left, right):
                if _token(made, left.begins).is_same(right):
                    self._came, self._quote_moved, self._count = made, True, self._count + 1
                    return True
        bare = left.kind == "word" and right.kind == "text" and not _is_value(left.said)
        if bare and not self._quote_moved and left.said == _unescaped(right):
            self._at, self._beside = left.ends, right.ends
            self._words_quoted, self._count = True, self._count + 2
            return True
        return False

    def _with_a_quote(self, left: LetterToken, right: LetterToken) -> Iterator[str]:
        """What came, with a quote more or less at an end of this piece, where the number of quotes is odd."""
        came, begins = self._came, left.begins
        if not _is_open(came, begins):
            return
        if right.kind == "text" and left.kind in ("word", "sign"):
            yield f'{came[:begins]}"{came[begins:]}'
        if right.kind == "text" and left.kind in _QUOTED and left.said.startswith(right.said):
            closes = begins + 1 + len(right.said)
            if _token(came, closes).kind == "sign":  # what ends there may have been cut off
                yield f'{came[:closes]}"{came[closes:]}'
        if left.kind in _QUOTED:
            yield came[:begins] + came[begins + 1 :]


def _is_open(text: str, at: int) -> bool:
    """Whether a quote has no other from here on."""
    return len(_QUOTES.findall(text, at)) % 2 == 1


def _is_value(word: str) -> bool:
    """Whether JSON knows the word: a number, true, false or null."""
    try:
        json.loads(word)
    except ValueError:
        return False
    return True


_MASK = "(withheld)"
_PATTERNS = (
    re.compile(r"(?i)(\b(?:bearer|basic)(?:\s+|%20))[^\s'\"\\,;]+"),
    re.compile(r"(?i)(\b(?:code|state|link)=)[^\s&\"'\\]+"),
    re.compile(
        r"(?i)((?:access_token|refresh_token|id_token|client_secret|code_verifier)"
        r"(?:\\?[\"'])?\s*[=:]\s*(?:\\?[\"'])?)[^\s&\"'\\,;}]+"
    ),
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"),
    re.compile(r"()\bgAAAA[\w-]{20,}=*"),
)


def masked(text: str) -> str:
    """The text without bearers, basic credentials, tokens, codes and sealed words."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: f"{found[1]}{_MASK}", text)
    return text


def mask(_logger: Any, _method: str, line: Any) -> str:
    """`masked` as the last processor of a log line, which is text by then."""
    return masked(str(line))
