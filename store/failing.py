"""What has failed and is not sent again yet: grouped by cause.

Causes that are gone, written down with what removed them; what failed for them is sent again from here.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, column, distinct, exists, true, values
from sqlmodel import col, func, select

from events import failures
from events.failures import NOT_MENDED
from store import statements
from store.paging import COUNTED_TO as COUNTED_ROWS
from store.paging import PageFound, PageWanted, page_of, rows_counted
from store.tables import Exclusion, Export, InvoiceStatus, Mending
from store.tables.columns import word
from store.unit_of_work import Work

_SAMPLES = 20
_AT_ONCE = 1000
COUNTED_TO = 100_000  # nobody waits longer for a count


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

    def in_words(self) -> dict[str, Any]:
        """What it is, who mends it, how, and whether it then goes by itself."""
        known = failures.reason_of(self.cause)
        title = known.value.title if known else self.reason
        return {
            "title": f"{title}: {self.about}" if self.about else title,
            "who": failures.who_mends(self.cause),
            "by_itself": failures.goes_by_itself(self.cause),
            "steps": self.how.splitlines(),
        }


@dataclass(frozen=True)
class FailureProblem:
    """Invoices that failed for one reason, of how many companies and `groups`; `first` is the oldest group."""

    reason: str
    invoices: int
    companies: int
    groups: int
    since: datetime
    first: Group


def groups(
    work: Work, company: str | None = None, most: int | None = None, skip: int = 0, reason: str = ""
) -> list[Group]:
    """What has failed, by cause, the largest groups first; at most so many behind the first few; of a reason."""
    columns: list[Any] = [InvoiceStatus.company, cause(), func.count(), func.min(InvoiceStatus.changed_at)]
    counted: Any = select(*columns).where(*failed(company)).group_by(col(InvoiceStatus.company), cause())
    if reason:
        counted = counted.where(col(InvoiceStatus.reason) == reason)
    ordered = counted.order_by(func.count().desc(), col(InvoiceStatus.company), cause())
    found = statements.rows(work, ordered.offset(skip).limit(most))
    keys = [(row[0], row[1]) for row in found]
    samples, sending = _samples(work, keys), _sending(work, {company for company, _ in keys})
    return [
        _group(row, samples[key], sending.get(key, 0))
        for row, key in zip(found, keys, strict=True)
        if samples[key]  # it may have been mended between the two questions
    ]


def group(work: Work, company: str, key: str) -> Group | None:
    """One group; None when nothing fails for this any more."""
    counted: Any = select(func.count(), func.min(InvoiceStatus.changed_at)).where(*failed(company), is_of([key]))
    invoices, oldest = statements.rows(work, counted)[0]
    few = select(InvoiceStatus).where(*failed(company), cause() == key).order_by(col(InvoiceStatus.changed_at))
    samples = statements.rows(work, few.limit(_SAMPLES))
    sending = _sending(work, {company}).get((company, key), 0)
    return _group((company, key, invoices, oldest), samples, sending) if invoices and samples else None


def page_of_group(work: Work, company: str, key: str, wanted: PageWanted) -> PageFound:
    """A page of a group's invoices, the longest failing first, as plain rows."""
    place = {name: col(getattr(InvoiceStatus, name)) for name in ("changed_at", "invoice")}
    return page_of(work, select(InvoiceStatus).where(*failed(company), cause() == key), place, wanted)


def page_of_groups(
    work: Work, company: str | None, reason: str, shown: Sequence[Group], skip: int, size: int
) -> PageFound:
    """The page that these groups, behind so many larger ones, are of all groups of a company or reason."""
    counted: Any = select(InvoiceStatus.company, cause()).where(*failed(company))
    counted = counted.where(col(InvoiceStatus.reason) == reason) if reason else counted
    known = rows_counted(work, counted.group_by(col(InvoiceStatus.company), cause()))
    total, many = min(known, COUNTED_ROWS), known > COUNTED_ROWS
    following = str(skip + size) if known > skip + size else ""
    previous = str(max(0, skip - size)) if skip else ""
    return PageFound(shown, skip + 1, total, many, following, previous, turned=False, size=size)


def problems(work: Work) -> list[FailureProblem]:
    """What has failed by reason, all companies folded, the greatest harm first: invoices times the age of the oldest.

    At most `COUNTED_TO` invoices are looked at.
    """
    reason = func.coalesce(col(InvoiceStatus.reason), "").label("reason")
    columns: list[Any] = [col(InvoiceStatus.company), reason, cause().label("cause"), col(InvoiceStatus.changed_at)]
    some = select(*columns).where(*failed()).limit(COUNTED_TO).subquery()
    each: Any = select(some.c.company, some.c.reason, some.c.cause, func.count().label("invoices"))
    each = each.add_columns(func.min(some.c.changed_at).label("since"))
    every = each.group_by(some.c.company, some.c.reason, some.c.cause).cte("each")
    place: Any = func.row_number().over(partition_by=every.c.reason, order_by=(every.c.since, every.c.company))
    first = select(every.c.reason, every.c.company, every.c.cause, place.label("place")).subquery()
    figures: list[Any] = [func.sum(every.c.invoices), func.count(distinct(every.c.company)), func.count()]
    columns = [every.c.reason, *figures, func.min(every.c.since), first.c.company, first.c.cause]
    asked: Any = select(*columns)
    asked = asked.join(first, (first.c.reason == every.c.reason) & (first.c.place == 1))
    found = statements.rows(work, asked.group_by(every.c.reason, first.c.company, first.c.cause))
    samples = _samples(work, [(row.company, row.cause) for row in found])
    folded = []
    for code, invoices, companies, count, since, company, key in found:
        if few := samples[company, key]:  # it may have been mended between the two questions
            oldest = _group((company, key, int(invoices), since), few, 0)
            folded.append(FailureProblem(code, int(invoices), companies, count, since, oldest))
    return sorted(folded, key=lambda one: (-one.invoices * (work.now - one.since), one.reason))


def counts(work: Work, company: str) -> Mapping[str, int]:
    """How many invoices of the company each cause holds back."""
    asked: Any = select(cause(), func.count()).where(*failed(company)).group_by(cause())
    return dict(work.session.exec(asked).all())


def by_company(work: Work, companies: Collection[str]) -> Mapping[str, int]:
    """How many invoices of each of these companies failed and are not sent again; those with none are left out."""
    asked: Any = select(InvoiceStatus.company, func.count()).where(*failed())
    mine = asked.where(col(InvoiceStatus.company).in_(sorted(companies))).group_by(InvoiceStatus.company)
    return {row[0]: row[1] for row in statements.rows(work, mine)}


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


def cause() -> Any:
    """The cause of a failed invoice; what failed before causes were kept is grouped by its reason."""
    return func.coalesce(col(InvoiceStatus.cause), col(InvoiceStatus.reason))


def is_of(causes: Collection[str]) -> Any:
    """Whether a failed invoice is of one of these causes, asked so that the index helps."""
    return cause().in_(sorted(causes))


def failed(company: str | None = None) -> list[Any]:
    """The statuses that somebody has to mend: neither cancelled nor marked “never send”."""
    marked = exists().where(
        col(Exclusion.company) == col(InvoiceStatus.company), col(Exclusion.invoice) == col(InvoiceStatus.invoice)
    )
    wanted: list[Any] = [
        InvoiceStatus.marker == word("failed"),
        func.coalesce(col(InvoiceStatus.reason), "").not_in(sorted(NOT_MENDED)),
        ~marked,
    ]
    return [*wanted, InvoiceStatus.company == company] if company else wanted


def _sending(work: Work, companies: Collection[str]) -> dict[tuple[str, str], int]:
    """How many of each group are on their way again; asked in two halves, each of which finds an index."""
    found: Counter[tuple[str, str]] = Counter()
    for live in (Export.state == word("pending"), col(Export.state).in_((word("exporting"), word("uncertain")))):
        same = (col(Export.company) == col(InvoiceStatus.company)) & (
            col(Export.invoice) == col(InvoiceStatus.invoice)
        )
        counted: Any = select(InvoiceStatus.company, cause(), func.count()).join(Export, same)
        mine = counted.where(*failed(), live, col(Export.company).in_(sorted(companies)))
        for company, key, count in statements.rows(work, mine.group_by(col(InvoiceStatus.company), cause())):
            found[company, key] += count
    return found


def _samples(work: Work, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Any]]:
    """The oldest few invoices of each of these groups, as plain rows."""
    found: dict[tuple[str, str], list[Any]] = {key: [] for key in keys}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        for row in statements.rows(work, _oldest_of_all(some) if work.on_sqlite else _oldest_of_each(some)):
            if (key := (row.company, row.cause or row.reason or "")) in found:
                found[key].append(row)
    return found


def _oldest_of_each(keys: Sequence[tuple[str, str]]) -> Any:
    """Each group's oldest, straight from the index."""
    group = values(column("company", String), column("of_cause", String), name="wanted").data(list(keys))
    mine = select(InvoiceStatus).where(
        *failed(), InvoiceStatus.company == group.c.company, cause() == group.c.of_cause
    )
    few = mine.order_by(col(InvoiceStatus.changed_at)).limit(_SAMPLES).lateral("few")
    few_of_each: Any = select(*few.c)
    return few_of_each.select_from(group.join(few, true()))


def _oldest_of_all(keys: Sequence[tuple[str, str]]) -> Any:
    """The same for a database without lateral joins."""
    by_group = (col(InvoiceStatus.company), cause())
    place = func.row_number().over(partition_by=by_group, order_by=col(InvoiceStatus.changed_at)).label("place")
    companies = sorted({company for company, _ in keys})
    mine: Any = select(InvoiceStatus, place)
    mine = mine.where(*failed(), col(InvoiceStatus.company).in_(companies)).subquery()
    return select(mine).where(mine.c.place <= _SAMPLES).order_by(mine.c.place)


def _group(row: Any, samples: Sequence[Any], sending: int) -> Group:
    company, key, invoices, oldest = row
    first = samples[0]
    return Group(
        company=company,
        cause=key,
        reason=first.reason or "",
        about=first.about,
        invoices=invoices,
        sending=sending,
        oldest=oldest,
        example=first.message or "",
        how=first.how or "",
        link=first.link,
        numbers=[one.number or one.invoice for one in samples],
    )


def note_gone(
    work: Work,
    company: str,
    causes: Collection[str],
    by: str,
    why: str,
    *,
    tenant: str | None = None,
    event: str | None = None,
) -> None:
    """These causes are gone, who saw to it and how; `tenant` limits it to what was meant for that organisation."""
    if not causes:
        return
    told = "\n".join(sorted(causes))
    work.session.add(
        Mending(company=company, causes=told, tenant=tenant, by=by, why=why[:255], event=event, at=work.now)
    )
    work.session.flush()


def due_mendings(work: Work, later_seconds: float, most: int = 100) -> Sequence[Mending]:
    """What is to be acted upon now: new, or acted upon once and noted so long ago; oldest first."""
    waits = col(Mending.acted_at).is_(None) | (col(Mending.at) <= work.after(-later_seconds))
    asked = select(Mending).where(col(Mending.done_at).is_(None), waits)
    return work.session.exec(asked.order_by(col(Mending.id)).limit(most)).all()


def mending_acted(work: Work, sent: Mapping[int, int], later_seconds: float) -> None:
    """These were acted upon: so many invoices were sent again for each. The second time it is done."""
    for row in work.session.exec(select(Mending).where(col(Mending.id).in_(sorted(sent)))):
        row.acted_at, row.invoices = work.now, row.invoices + sent[row.id or 0]
        row.done_at = work.now if row.at <= work.after(-later_seconds) else None
    work.session.flush()
