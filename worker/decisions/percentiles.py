"""Percentiles of what was measured; pure."""

from collections.abc import Sequence
from math import ceil


def at(ordered: Sequence[float], share: float) -> float | None:
    """The least value that this share of the values, which are in order, does not exceed; None without values."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
