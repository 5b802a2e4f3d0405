"""Figures over time, as a chart and as the table behind it; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10
from typing import Any

from store.throughput import Bin


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name, its colour (a custom property of the style sheet) and a value per moment."""

    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """Lines over `moments`; `unit` is seconds, or what is counted. `nothing` is said where there is none to draw."""

    title: str
    note: str
    unit: str
    moments: Sequence[datetime]
    lines: Sequence[Line]
    nothing: str = "Nothing in the last twelve hours."

    @property
    def drawn(self) -> dict[str, Any]:
        """What the script draws, as JSON."""
        return {
            "unit": self.unit,
            "times": [int(moment.timestamp()) for moment in self.moments],
            "days": self.days,
            "lines": [{"name": line.name, "colour": line.colour, "values": line.values} for line in self.lines],
        }

    @property
    def rows(self) -> list[tuple[datetime, list[float | None]]]:
        """The same as a table, the newest first."""
        each = [(moment, [line.values[place] for line in self.lines]) for place, moment in enumerate(self.moments)]
        return each[::-1]

    @property
    def days(self) -> bool:
        """Whether moments need their day to be told apart."""
        return len(self.moments) > 1 and self.moments[-1] - self.moments[0] > timedelta(hours=24)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for line in self.lines for value in line.values)


@dataclass(frozen=True)
class BarChart:
    """Invoices exported and failed, a bar for each stretch of time; `top` is what the axis goes up to."""

    bins: Sequence[Bin]
    top: int
    ticks: Sequence[datetime]


def bar_chart(bins: Sequence[Bin]) -> BarChart:
    """The chart of these counts: its axis ends at a round number."""
    most = max((one.exported + one.failed for one in bins), default=0)
    size = 10 ** int(log10(most)) if most else 1
    top = next(step * size for step in (1, 2, 5, 10) if step * size >= most)
    days = len(bins) > 1 and bins[-1].begins_at - bins[0].begins_at > timedelta(hours=24)
    apart = max(1, ceil(len(bins) / (3 if days else 4)))
    return BarChart(bins, top, [one.begins_at for one in bins[::apart]])
