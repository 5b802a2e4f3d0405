"""The code blocks of a page, in order, so that a test can run what a reader would copy."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A block: its language, the file it stands for where it says so, its text, and the line it begins at."""

    language: str
    title: str
    text: str
    line: int


def snippets(page: Path) -> list[Snippet]:
    """Every fenced block of the page but those that say why they are not run. ValueError: one says no language."""
    text = page.read_text()
    found = [
        Snippet(block[1], block[2] or "", block[3], text[: block.start()].count("\n") + 1)
        for block in _BLOCK.finditer(text)
    ]
    if len(found) * 2 != len(re.findall(r"^```", text, re.MULTILINE)):
        raise ValueError(f"{page.name}: a block without a language, or one that does not end")
    lines = text.splitlines()
    return [one for one in found if not lines[one.line - 2].startswith("<!-- not run: ")]
