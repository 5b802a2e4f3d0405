"""What has failed and is not sent again yet: grouped by cause; and Xero's words that we do not know."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, exists, or_, tuple_, union_all
from sqlmodel import col, func, select

from events.causes import NOT_MENDED
from store.tables import Exclusion, Export, InvoiceStatus, LogEntry
from store.tables.columns import word
from store.unit_of_work import Work

_SAMPLES = 20
_AT_ONCE = 1000
_CHANGING = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True)
class Group:
    """Invoices that one act mends. `sending` of them are being sent again, `numbers` are the oldest of them."""

    company: str
    cause: str
    reason: str
    about: str | None
    invoices: int
    sending: int
    oldest: datetime
    example: str
    how: str
    link: str | None
    numbers: Sequence[str]


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


def groups(work: Work, company: str | None = None) -> list[Group]:
    """What has failed, by cause, the largest groups first."""
    samples = _samples(work, company)
    columns: list[Any] = [InvoiceStatus.company, cause(), func.count(), func.sum(_sending())]
    columns.append(func.min(InvoiceStatus.changed_at))
    asked = select(*columns).where(*failed(company)).group_by(col(InvoiceStatus.company), cause())
    found = [_group(row, samples[row[0], row[1]]) for row in work.session.exec(asked) if (row[0], row[1]) in samples]
    return sorted(found, key=lambda group: (-group.invoices, group.company, group.cause))


def counts(work: Work, company: str) -> Mapping[str, int]:
    """How many invoices of the company each cause holds back."""
    asked: Any = select(cause(), func.count()).where(*failed(company)).group_by(cause())
    return dict(work.session.exec(asked).all())


def of_causes(
    work: Work,
    company: str,
    causes: Collection[str],
    tenants: Collection[str] | None = None,
    before: datetime | None = None,
) -> list[str]:
    """The invoices that failed for one of these causes and may be sent again.

    Of these organisations, if given; nobody asked for them since `before`, if given.
    """
    held_back = select(InvoiceStatus.invoice).where(*failed(company), is_of(causes))
    found: set[str] = set()
    invoices = work.session.exec(held_back).all()
    for start in range(0, len(invoices), _AT_ONCE):
        some = invoices[start : start + _AT_ONCE]
        asked = select(Export.invoice).where(
            Export.company == company,
            col(Export.invoice).in_(some),
            Export.state == word("failed"),
            Export.wanted != "",
        )
        if tenants is not None:
            asked = asked.where(col(Export.tenant).in_(sorted(tenants)))
        if before is not None:
            asked = asked.where(col(Export.touched_at) < before)
        found |= set(work.session.exec(asked))
    return sorted(found)


def unmatched(work: Work, most: int = 10_000) -> list[Unmatched]:
    """Messages of Xero's that we do not know, the most frequent first; alike but for numbers and names is one."""
    asked = select(LogEntry).where(col(LogEntry.unmatched).is_not(None)).order_by(col(LogEntry.id).desc()).limit(most)
    found: dict[str, list[tuple[str, LogEntry]]] = {}
    for entry in work.session.exec(asked):
        for text in (entry.unmatched or "").splitlines():
            found.setdefault(_CHANGING.sub("…", text).casefold(), []).append((text, entry))
    return sorted((_unmatched(seen) for seen in found.values()), key=lambda one: (-one.times, one.text))


def cause() -> Any:
    """The cause of a failed invoice; what failed before causes were kept is grouped by its reason."""
    return func.coalesce(col(InvoiceStatus.cause), col(InvoiceStatus.reason))


def is_of(causes: Collection[str]) -> Any:
    """Whether a failed invoice is of one of these causes, asked so that the index helps."""
    wanted = sorted(causes)
    return or_(
        col(InvoiceStatus.cause).in_(wanted),
        col(InvoiceStatus.cause).is_(None) & col(InvoiceStatus.reason).in_(wanted),
    )


def failed(company: str | None = None) -> list[Any]:
    """The statuses that somebody has to mend: neither cancelled nor marked “do not send”."""
    marked = exists().where(
        col(Exclusion.company) == col(InvoiceStatus.company), col(Exclusion.invoice) == col(InvoiceStatus.invoice)
    )
    wanted: list[Any] = [
        InvoiceStatus.marker == word("failed"),
        func.coalesce(col(InvoiceStatus.reason), "").not_in(sorted(NOT_MENDED)),
        ~marked,
    ]
    return [*wanted, InvoiceStatus.company == company] if company else wanted


def _sending() -> Any:
    """1 for what is on its way again; asked in two halves, each of which finds an index."""
    queued = select(Export.company, Export.invoice).where(Export.state == word("pending"))
    in_hand = select(Export.company, Export.invoice).where(
        col(Export.state).in_((word("exporting"), word("uncertain")))
    )
    live = union_all(queued, in_hand)
    return case((tuple_(col(InvoiceStatus.company), col(InvoiceStatus.invoice)).in_(live), 1), else_=0)


def _samples(work: Work, company: str | None) -> dict[tuple[str, str], list[InvoiceStatus]]:
    """The oldest few invoices of each group."""
    place = (
        func.row_number()
        .over(partition_by=(col(InvoiceStatus.company), cause()), order_by=col(InvoiceStatus.changed_at))
        .label("place")
    )
    ranked = select(InvoiceStatus.company, InvoiceStatus.invoice, place).where(*failed(company)).subquery()
    asked = (
        select(InvoiceStatus)
        .join(
            ranked,
            (ranked.c.company == col(InvoiceStatus.company)) & (ranked.c.invoice == col(InvoiceStatus.invoice)),
        )
        .where(ranked.c.place <= _SAMPLES)
        .order_by(ranked.c.place)
    )
    found: dict[tuple[str, str], list[InvoiceStatus]] = {}
    for row in work.session.exec(asked):
        found.setdefault((row.company, row.cause or row.reason or ""), []).append(row)
    return found


def _group(row: Any, samples: Sequence[InvoiceStatus]) -> Group:
    company, key, invoices, sending, oldest = row
    first = samples[0]
    return Group(
        company=company,
        cause=key,
        reason=first.reason or "",
        about=first.about,
        invoices=invoices,
        sending=sending or 0,
        oldest=oldest,
        example=first.message or "",
        how=first.how or "",
        link=first.link,
        numbers=[one.number or one.invoice for one in samples],
    )


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
