"""What a door answers to an event it accepted."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Receipt:
    """Whose request it is, how many invoices it moved, and whether we had the event before.

    For an order, `left_out` counts the invoices it named and did not move, by why. `connection` says whom the
    company's exports wait for; None while nothing does.
    """

    event: str
    company: str
    request: str
    invoices: int
    repeated: bool = False
    left_out: Mapping[str, int] | None = None
    connection: str | None = None
