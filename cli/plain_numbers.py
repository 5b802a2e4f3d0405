"""Numbers as people type them: ASCII digits alone, so that `1_0`, `１２` and `nan` are refused and not guessed at."""  # noqa: RUF002

import re
from collections.abc import Callable
from typing import Annotated

import typer

_NUMBER, _WHOLE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?"), re.compile(r"-?[0-9]{1,18}")


def is_whole(text: str) -> bool:
    """Whether this is a whole number, 0 or more, in ASCII digits."""
    return text.isascii() and text.isdigit()


def whole(text: str | int) -> int:
    """A whole number. Raises typer.BadParameter."""
    if not _WHOLE.fullmatch(str(text)):
        raise typer.BadParameter(f"“{text}” is no whole number: write it in digits, such as 30.")
    return int(text)


Most = Annotated[int, typer.Option("--most", "-n", parser=whole, metavar="NUMBER", help="How many, at most")]


def between(least: float, most: float) -> Callable[[str | float], float]:
    """A reader of numbers from the one to the other; it raises typer.BadParameter."""

    def number(text: str | float) -> float:
        if not _NUMBER.fullmatch(str(text)) or not least <= float(text) <= most:
            raise typer.BadParameter(f"“{text}” is no number from {least:g} to {most:g}, such as 24 or 0.5.")
        return float(text)

    return number
