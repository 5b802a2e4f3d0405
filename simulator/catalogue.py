"""The page of all messages: each row with its source, its trigger and its exact text (docs/simulator-messages.md)."""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator import faults, switches
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.refusals import No
from simulator.rows import Row

_HEAD = """# What the simulator says

Written by `python -m simulator --catalogue`. `facts §x.y` is a section of [what Xero does](xero/facts.md),
`#n` a row of it; texts in *italics* have been captured by nobody yet and are ours.
"""
_PARTS = {"About an invoice": Say, "About a line": SayOfLine, "About a whole call": No}


def rows() -> list[Row]:
    """Every row there is."""
    return [member.value for part in _PARTS.values() for member in part]


def switches_and_faults() -> list[str]:
    """The rows of docs/simulator.md about every switch, fault and setting of faults."""
    turned = [
        f"| `{name}` | {_values(told)} | {told['does']} | {told['source']} |"
        for name, told in switches.about(switches.Switches()).items()
    ]
    return turned + [
        f"| `{name}` | {does} |"
        for part in (faults.KINDS, faults.TOKEN_KINDS, faults.SETTINGS)
        for name, does in part.items()
    ]


def _values(told: Mapping[str, Any]) -> str:
    """The default and its other choices as they are said in JSON."""
    default = told["default"]
    if told["choices"]:
        return " / ".join(told["choices"])
    return str(default).lower() if isinstance(default, bool) else f"{default:_}"


def page() -> str:
    """The page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, part in _PARTS.items():
        yield f"## {title}\n"
        yield "| source | comes about when | text |"
        yield "|---|---|---|"
        for member in part:
            row: Row = member.value
            text = f"`{row.text}`" if row.verbatim else f"*{row.text}*"
            yield f"| {row.source} | {row.trigger} | {text} |"
        yield ""
