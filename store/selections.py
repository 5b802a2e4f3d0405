"""Which invoices an act about many is about: ticked ones, a group, a request, all that match a filter of the log."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import and_, exists, func, literal, or_
from sqlmodel import col, select

from events.reasons import Reason
from store import failing, log_lines, statements
from store.log_lines import LogFilter
from store.tables import Exclusion, Export, InvoiceStatus, Item, LogEntry
from store.unit_of_work import Work

Act = Literal["replay", "exclude", "include"]
MOST = 100_000
_COLUMNS = (InvoiceStatus.company, InvoiceStatus.invoice)


@dataclass(frozen=True)
class Selection:
    """How invoices are chosen: by company and id, by group of failures, by request, or by a filter of the log.

    Of the lines of the log that match, those of failures count, unless the filter names another outcome.
    """

    picked: tuple[tuple[str, str], ...] = ()
    company: str = ""
    cause: str = ""
    request: str = ""
    log: LogFilter = field(default_factory=LogFilter)

    def says(self) -> dict[str, Any]:
        """What was said, for the audit; empty when nothing was."""
        log = {name: str(value) for name, value in asdict(self.log).items() if value}
        named = {"company": self.company, "cause": self.cause, "request": self.request, "log": log}
        picked = [f"{company}/{invoice}" for company, invoice in self.picked]
        return {name: value for name, value in {**named, "invoices": picked}.items() if value}


@dataclass(frozen=True)
class Share:
    """How many of the chosen invoices are of one company and one cause."""

    company: str
    cause: str
    invoices: int


def shares(work: Work, act: Act, chosen: Selection) -> list[Share]:
    """The chosen invoices that the act may move, counted by company and cause, the most first."""
    some = _first_rows(work, act, chosen)
    counted: Any = select(some.c.company, some.c.cause, func.count())
    found = statements.rows(work, counted.group_by(some.c.company, some.c.cause))
    return sorted((Share(*row) for row in found), key=lambda one: (-one.invoices, one.company, one.cause))


def invoices(work: Work, act: Act, chosen: Selection) -> list[tuple[str, str]]:
    """Company and id of the chosen invoices that the act may move, at most `MOST`, in order."""
    some = _first_rows(work, act, chosen)
    ordered = select(some.c.company, some.c.invoice).order_by(some.c.company, some.c.invoice).limit(MOST)
    return [(row[0], row[1]) for row in statements.rows(work, ordered)]


def _first_rows(work: Work, act: Act, chosen: Selection) -> Any:
    return (_excluded(work, chosen) if act == "include" else _failed(work, chosen)).subquery()


def _failed(work: Work, chosen: Selection) -> Any:
    """What stands failed, can be mended, and whose content was kept."""
    asked: Any = select(*_COLUMNS, failing.cause().label("cause"))
    asked = asked.where(*failing.failed(chosen.company or None), *_may_go())
    if chosen.cause:
        asked = asked.where(failing.is_of([chosen.cause]))
    return asked.where(*_narrowed(work, chosen, InvoiceStatus))


def _excluded(work: Work, chosen: Selection) -> Any:
    asked: Any = select(Exclusion.company, Exclusion.invoice, literal("").label("cause"))
    if chosen.company:
        asked = asked.where(Exclusion.company == chosen.company)
    return asked.where(*_narrowed(work, chosen, Exclusion))


def _may_go() -> list[Any]:
    """Whether there is something to send that is not on its way already."""
    mine = (col(Export.company) == col(InvoiceStatus.company), col(Export.invoice) == col(InvoiceStatus.invoice))
    queued = exists().where(*mine, col(Export.state) == "pending")
    in_hand = exists().where(*mine, col(Export.state).in_(("exporting", "uncertain")))
    return [~queued, ~in_hand, col(InvoiceStatus.reason) != Reason.INVOICE_UNREADABLE.code]


def _narrowed(work: Work, chosen: Selection, table: Any) -> list[Any]:
    """By what is said beside company and cause."""
    wanted: list[Any] = []
    if chosen.picked:
        by_company: dict[str, list[str]] = defaultdict(list)
        for company, invoice in chosen.picked:
            by_company[company].append(invoice)
        wanted.append(
            or_(*(and_(table.company == company, table.invoice.in_(ids)) for company, ids in by_company.items()))
        )
    if chosen.request:
        mine = select(Item.invoice).where(Item.company == chosen.company, Item.request == chosen.request)
        wanted.append(table.invoice.in_(mine.where(Item.state == "failed")))
    if chosen.log.narrows_failures():
        lines = exists().where(col(LogEntry.company) == table.company, col(LogEntry.invoice) == table.invoice)
        failed_lines = replace(chosen.log, outcome=chosen.log.outcome or "failed")
        wanted.append(lines.where(*log_lines.conditions(work, failed_lines)))
    if chosen.log.company:
        wanted.append(table.company == chosen.log.company)
    return wanted


def total(counted: Sequence[Share]) -> int:
    """How many invoices that is; `MOST` may mean more."""
    return sum(share.invoices for share in counted)
