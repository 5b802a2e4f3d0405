"""A row of the catalogue: where a message comes from, what brings it about, its exact text."""

from typing import NamedTuple


class Row(NamedTuple):
    """A message: its source, its trigger, its text with places in braces.

    `facts §6.2 #n` is a row of the error catalogue. A row that is not verbatim has a text nobody has captured yet.
    """

    source: str
    trigger: str
    text: str
    verbatim: bool = True
