"""Messages of Xero's that no rule of ours knows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from store.tables import LogEntry
from store.unit_of_work import Work

_CHANGING = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True)
class Unmatched:
    """A message of Xero's that no rule of ours knows: how often it came, and one invoice it came for."""

    text: str
    times: int
    companies: int
    company: str
    invoice: str
    number: str | None
    first_at: datetime
    last_at: datetime


def unmatched(work: Work, most: int = 10_000) -> list[Unmatched]:
    """Messages of Xero's that we do not know, the most frequent first; alike but for numbers and names is one."""
    asked = select(LogEntry).where(col(LogEntry.unmatched).is_not(None)).order_by(col(LogEntry.id).desc()).limit(most)
    found: dict[str, list[tuple[str, LogEntry]]] = {}
    for entry in work.session.exec(asked):
        for text in (entry.unmatched or "").splitlines():
            found.setdefault(_CHANGING.sub("…", text).casefold(), []).append((text, entry))
    return sorted((_unmatched(seen) for seen in found.values()), key=lambda one: (-one.times, one.text))


def _unmatched(seen: Sequence[tuple[str, LogEntry]]) -> Unmatched:
    text, newest = seen[0]
    return Unmatched(
        text=text,
        times=len(seen),
        companies=len({entry.company for _, entry in seen}),
        company=newest.company,
        invoice=newest.invoice,
        number=newest.number,
        first_at=seen[-1][1].at,
        last_at=newest.at,
    )
