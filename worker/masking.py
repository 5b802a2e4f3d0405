"""The last thing every log line passes: whatever looks like a secret is masked, whoever wrote the line.

Our own lines carry none. Libraries' lines are another matter: http.client prints headers when its debug is on,
httpcore names them, the SDK prints whole bodies.
"""

import re
import traceback
from collections.abc import MutableMapping
from typing import Any

_MASK = "(masked)"
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


def place_of_error(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its kind and the places it came through: its message and variables may hold anything."""
    info = line.pop("exc_info", None)
    line.pop("stack_info", None)
    caught = info[1] if isinstance(info, tuple) else info
    if isinstance(caught, BaseException):
        frames = traceback.extract_tb(caught.__traceback__)[-8:]
        line["error"] = type(caught).__name__
        line["where"] = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return line
