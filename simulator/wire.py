"""A request and a reply as plain values, and the shapes Xero gives its replies (facts §6.1)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

Json = dict[str, Any]
Fate = Literal["whole", "cut", "truncated"]
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """What came in. Header names are lower case; `path` is decoded, `query` is not."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def asked(self) -> Mapping[str, str]:
        """The query's parameters by lower-case name; of a repeated one the last."""
        found = parse_qsl(self.query, keep_blank_values=True, errors="replace")
        return {name.lower(): text for name, text in found}

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def listed(self, name: str) -> list[str]:
        """A parameter's values, separated by commas."""
        return [text.strip() for text in self.asked.get(name.lower(), "").split(",") if text.strip()]

    def says(self, name: str, *, otherwise: bool = False) -> bool:
        """A boolean parameter; Xero reads True as well as true (facts §2.3)."""
        text = self.asked.get(name.lower())
        return otherwise if text is None else text.lower() == "true"


@dataclass(frozen=True)
class Reply:
    """What goes out. A `cut` reply drops the connection, a `truncated` one ends in the middle of its body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fate: Fate = "whole"

    def document(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


def as_json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON reply."""
    body = json.dumps(document, default=_plain, separators=(",", ":")).encode()
    return Reply(status, body, {"content-type": _JSON, **(headers or {})})


def as_text(text: str, status: int, kind: str = "text/plain", headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of plain text or HTML."""
    return Reply(status, text.encode(), {"content-type": f"{kind}; charset=utf-8", **(headers or {})})


def not_found(text: str) -> Reply:
    """404: plain text that calls itself HTML (facts §6.1 G)."""
    return as_text(text, 404, "text/html")


def exception(number: int | None, kind: str, message: str, status: int = 400, elements: Sequence[Json] = ()) -> Reply:
    """Shapes A, C and E: an exception with its number, type and message."""
    body: Json = {"ErrorNumber": number} if number is not None else {}
    body |= {"Type": kind, "Message": message}
    return as_json({**body, "Elements": list(elements)} if elements else body, status)


def _plain(value: Any) -> Any:
    """Decimals as JSON numbers; nothing else needs help."""
    return float(value)
