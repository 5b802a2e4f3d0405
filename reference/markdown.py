"""Tables and text as Markdown."""

from collections.abc import Iterable, Sequence

GENERATED = "*Written by `make reference`, from the code itself.*"


def page(title: str, *paragraphs: str) -> str:
    """A page: its title, that it is generated, and what it says."""
    return "\n\n".join([f"# {title}", GENERATED, *(one.strip("\n") for one in paragraphs)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells may hold anything."""
    lines = [_row(head), _row(["---"] * len(head))]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def code(value: object) -> str:
    """A value as it is typed; nothing for nothing."""
    text = str(value)
    return f"`{text}`" if text else ""


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;") if value is not None else ""
