"""The page of all messages: each row with its source, its trigger and its exact text (docs/simulator-messages.md)."""

from collections.abc import Iterator

from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.refusals import No
from simulator.rows import Row

_HEAD = """# What the simulator says

Written by `python -m simulator --catalogue`. `facts` is the dossier of what Xero really does;
texts in *italics* have been captured by nobody yet and are ours.
"""
_PARTS = {"About an invoice": Say, "About a line": SayOfLine, "About a whole call": No}


def rows() -> list[Row]:
    """Every row there is."""
    return [member.value for part in _PARTS.values() for member in part]


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
