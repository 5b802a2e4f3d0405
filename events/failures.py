"""A failure of one invoice: a reason, the invoice's own facts, and Xero's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from events.reasons import Reason

FAILED_TITLE = "Invoice Failed to Export"
LONGEST_MESSAGE = 300
# Not the locale's: a failure reads the same on every machine.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_UNNAMED = {
    "account": "the account",
    "client": "the client",
    "currency": "that currency",
    "date": "that day",
    "edits": "Xero's history of the invoice says what",
    "item": "the item",
    "lines": "something else",
    "lock_date": "a later day",
    "number": "the invoice",
    "other": "not one of ours",
    "payment": "the invoice in Xero says how much",
    "problem": "a field is missing or wrong",
    "said": "(nothing)",
    "stated": "another sum",
    "status": "already paid, voided or deleted",
    "tax": "the tax rate",
    "tracking": "the tracking",
}


@dataclass(frozen=True)
class Failure:
    """Why one invoice failed. `said` is Xero's own words, `line` the line's position from 1."""

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None
    line: int | None = None

    def knowing(self, **facts: str) -> "Failure":
        """The same failure with more facts; what it already knows wins."""
        return replace(self, facts={**facts, **self.facts})

    def message(self) -> str:
        """One or two plain sentences with the invoice's own facts in them, at most 300 characters."""
        facts = {**_UNNAMED, **self.facts}
        if self.said:
            facts["said"] = self.said
        told = self.reason.value.message.format_map(facts)
        if self.line:
            told = f"{told} (Line {self.line}.)"
        return told if len(told) <= LONGEST_MESSAGE else told[: LONGEST_MESSAGE - 1] + "…"

    def remedy(self) -> str:
        """What to do, in plain words."""
        return self.reason.value.how.format_map({**_UNNAMED, **self.facts})


def spoken(day: date) -> str:
    """A date as people say it: 4 July 1996."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
