"""The audit: a line for every order a person gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from store import statements
from store.tables import AuditLine
from store.unit_of_work import Work


def note(work: Work, who: str, what: str, company: str, chosen: Mapping[str, Any], count: int, why: str) -> None:
    """Write down who ordered what; `chosen` is how the invoices were named, `count` how many were moved."""
    said = json.dumps({name: value for name, value in chosen.items() if value}, ensure_ascii=False)
    work.session.add(AuditLine(at=work.now, who=who, what=what, company=company, chosen=said, count=count, why=why))
    work.session.flush()


def newest(work: Work, company: str | None = None, most: int = 50) -> Sequence[AuditLine]:
    """The newest lines first, of one company or of all."""
    asked = select(AuditLine).order_by(col(AuditLine.id).desc()).limit(most)
    return work.session.exec(asked.where(AuditLine.company == company) if company else asked).all()


@dataclass(frozen=True)
class Wanted:
    """Which lines: by whom, about which company (`*`: everybody), of what was ordered; empty: any."""

    who: str = ""
    company: str = ""
    what: str = ""


def found(work: Work, wanted: Wanted, most: int, before: int | None = None) -> Sequence[AuditLine]:
    """The newest lines first, of those wanted, as plain rows; `before` is the id of the last one seen."""
    asked = select(AuditLine).order_by(col(AuditLine.id).desc()).limit(most)
    for name in ("who", "company", "what"):
        value = getattr(wanted, name)
        asked = asked.where(getattr(AuditLine, name) == value) if value else asked
    return statements.rows(work, asked.where(col(AuditLine.id) < before) if before else asked)
