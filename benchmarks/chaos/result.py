"""What came out of a run, and its table."""

from dataclasses import dataclass, field

from rich.table import Table

from benchmarks.chaos.checks import Findings
from benchmarks.chaos.plan import Plan

DID_NOT_HAPPEN = "asked for, did not happen"


@dataclass
class Result:
    """What came out. A run is `good` when no check found anything."""

    findings: Findings
    counts: dict[str, int] = field(default_factory=dict)
    blows: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    happened: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether every promise held."""
        return not any(self.findings.values())


def table(plan: Plan, result: Result) -> Table:
    """The run for people: what was done to it, what it went through, what is wrong."""
    what = "the control" if plan.control else plan.database
    title = f"{plan.invoices} invoices, {plan.companies} companies, {what}, seed {plan.seed}"
    shown = Table(title=title, title_justify="left")
    for header in ("what", "times", "for example"):
        shown.add_column(header, justify="right" if header == "times" else "left")
    blows = {f"struck: {blow}": times for blow, times in result.blows.items()}
    faults = {f"fault at the wire: {kind}": times for kind, times in result.faults.items()}
    deliveries = {f"webhook {kind}": times for kind, times in result.deliveries.items()}
    seconds = {f"seconds {name}": round(long) for name, long in result.seconds.items()}
    for about in (blows, faults, deliveries, result.happened, result.counts, seconds):
        for name, count in about.items():
            shown.add_row(name, f"{count}", "")
        shown.add_section()
    for name, offenders in result.findings.items():
        style = "bold red" if offenders else "green"
        shown.add_row(name, f"{len(offenders)}", ", ".join(offenders[:3]), style=style)
    return shown
