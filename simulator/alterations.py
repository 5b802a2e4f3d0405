"""What Xero is reported to alter in silence before it keeps an invoice, each by its switch; pure."""

import re
from collections.abc import Callable
from typing import Any

from simulator.context import Context
from simulator.line_rules import option_of
from simulator.wire import Json

_TEXTS = ("Reference", "Name", "Description")
_BEYOND = re.compile(r"[\U00010000-\U0010ffff]")
_ENDS = re.compile(r"\r\n|\r|\n")
_END = {"lf": "\n", "crlf": "\r\n"}


def altered(context: Context, sent: Json) -> Json:
    """The invoice as Xero goes on with it: texts, and tracking that it leaves out."""
    switches = context.switches
    if (
        switches.beyond_basic_plane == "kept"
        and switches.line_ends == "kept"
        and switches.unknown_tracking == "refused"
    ):
        return sent
    changed: Json = _with_texts(sent, lambda text: _text(context, text))
    if "LineItems" in changed and switches.unknown_tracking == "left_out":
        changed["LineItems"] = [_with_known_tracking(context, line) for line in changed["LineItems"]]
    return changed


def _with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text changed, in the contact and the lines too."""
    if isinstance(value, list):
        return [_with_texts(one, change) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: change(inner) if name in _TEXTS and isinstance(inner, str) else _with_texts(inner, change)
        for name, inner in value.items()
    }


def _text(context: Context, text: str) -> str:
    switches = context.switches
    kept = _BEYOND.sub("", text) if switches.beyond_basic_plane == "dropped" else text
    return _ENDS.sub(_END[switches.line_ends], kept) if switches.line_ends != "kept" else kept


def _with_known_tracking(context: Context, line: Json) -> Json:
    if "Tracking" not in line:
        return line
    return {**line, "Tracking": [one for one in line["Tracking"] if option_of(context, one)]}
