"""The last thing every log line passes: whatever looks like a secret is masked, whoever wrote the line.

Our own lines carry none. Libraries' lines are another matter: http.client prints headers when its debug is on,
httpcore names them, the SDK prints whole bodies.
"""

import re
from typing import Any

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
