"""What a benchmark found: figures with their targets, as a table for people and as JSON for machines."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One number and, where there is one, its target: `at most` or `at least`."""

    name: str
    value: float
    unit: str = ""
    target: float | None = None
    sense: Literal["at most", "at least"] = "at most"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.sense == "at most" else self.value >= self.target


@dataclass
class Report:
    """The figures of one benchmark."""

    name: str
    about: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str = "", **target: float) -> None:
        """A figure; its target as `at_most` or `at_least`."""
        for sense in ("at most", "at least"):
            wanted = target.get(sense.replace(" ", "_"))
            if wanted is not None:
                self.figures.append(Figure(name, value, unit, wanted, sense))  # type: ignore[arg-type]
                return
        self.figures.append(Figure(name, value, unit))

    def show(self, *, as_json: bool) -> None:
        """Print the table, or JSON with the machine named."""
        if as_json:
            figures = [{**asdict(one), "met": one.met} for one in self.figures]
            sys.stdout.write(json.dumps({"name": self.name, "machine": machine(), "figures": figures}) + "\n")
            return
        table = Table(title=f"{self.name}: {self.about}", title_justify="left")
        for header in ("figure", "value", "target", "met"):
            table.add_column(header, justify="left" if header == "figure" else "right")
        for one in self.figures:
            wanted = f"{one.sense} {spoken(one.target)}" if one.target is not None else ""
            met = {True: "yes", False: "[bold red]no[/]", None: ""}[one.met]
            table.add_row(one.name, f"{spoken(one.value)} {one.unit}".strip(), wanted, met)
        Console(width=None if sys.stdout.isatty() else 120).print(table)


def spoken(value: float) -> str:
    """A number with as many places as it bears."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
