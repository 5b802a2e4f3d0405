"""The export log and the marker beside each invoice: projections of the answers, never written otherwise.

The export log as people filter it: pages of lines, newest first.
"""

import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, distinct, literal_column
from sqlmodel import col, func, select

from events.export import InvoiceExportFailed, InvoiceExportSucceeded
from events.reasons import Reason
from store import statements
from store.paging import PageFound, PageWanted, page_of
from store.statements import begins
from store.tables import InvoiceStatus, LogEntry
from store.unit_of_work import Store, Work

Answer = InvoiceExportSucceeded | InvoiceExportFailed
_PROOF = {"compared", "not_compared", "compared_at", "warnings", "cleaned"}


def project(work: Work, answers: Sequence[Answer], event_ids: Sequence[str]) -> list[Answer]:
    """Log the answers and show them; give them back with their sequence, which grows per invoice.

    Answers are sorted by company and invoice; several about one invoice get one number each.
    """
    numbered = [
        answer.model_copy(update={"sequence": sequence})
        for answer, sequence in zip(answers, _show(work, answers), strict=True)
    ]
    statements.insert(work, LogEntry, [_entry(work.now, a, id_) for a, id_ in zip(numbered, event_ids, strict=True)])
    return numbered


def _show(work: Work, answers: Sequence[Answer]) -> list[int]:
    """The status row of each invoice; sequences follow time, so that they grow even after a restore."""
    sequences: list[int] = [0] * len(answers)
    latest, returning = int(work.now.timestamp() * 1000), ["company", "invoice", "sequence"]
    for places in _rounds(answers):
        rows = [_status(work.now, answers[place], latest) for place in places]
        found = statements.upsert(work, InvoiceStatus, rows, _changes(), returning, latest=latest)
        by_invoice = {(row.company, row.invoice): row.sequence for row in found}
        for place in places:
            sequences[place] = by_invoice[answers[place].company, answers[place].invoice]
    return sequences


def _rounds(answers: Sequence[Answer]) -> list[list[int]]:
    """Places of the answers such that each round names an invoice once, the first answer about it first."""
    rounds: list[list[int]] = []
    seen: Counter[tuple[str, str]] = Counter()
    for place, answer in enumerate(answers):
        turn = seen[answer.company, answer.invoice]
        seen[answer.company, answer.invoice] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(place)
    return rounds


@functools.cache
def _changes() -> Mapping[str, Any]:
    """How a status row changes; `latest` is the parameter. A failure keeps what is known of the last export."""
    columns = InvoiceStatus.__table__.c  # type: ignore[attr-defined]
    latest = bindparam("latest", type_=columns.sequence.type)
    changes: dict[str, Any] = dict.fromkeys(
        ("number", "marker", "reason", "message", "how", "cause", "about", "link", "drift", "changed_at"), "excluded"
    )
    changes["sequence"] = case((columns.sequence >= latest, columns.sequence + 1), else_=latest)
    for kept in ("last_exported_at", "xero_invoice_id", "deep_link"):
        changes[kept] = func.coalesce(literal_column(f"excluded.{kept}"), columns[kept])
    return changes


def _status(now: datetime, answer: Answer, sequence: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "company": answer.company,
        "invoice": answer.invoice,
        "number": answer.number,
        "marker": answer.marker,
        "sequence": sequence,
        "reason": None,
        "message": None,
        "how": None,
        "cause": None,
        "about": None,
        "link": None,
        "last_exported_at": None,
        "xero_invoice_id": None,
        "deep_link": None,
        "drift": getattr(answer, "drift", None),
        "changed_at": now,
    }
    if isinstance(answer, InvoiceExportSucceeded):
        shown = {
            "last_exported_at": answer.exported_at,
            "xero_invoice_id": answer.xero_invoice_id,
            "deep_link": answer.deep_link,
        }
    else:
        shown = _why(answer)
    return {**row, **shown}


def _why(answer: InvoiceExportFailed) -> dict[str, Any]:
    return {
        "reason": answer.reason,
        "message": answer.notification.message,
        "how": "\n".join(answer.steps) or answer.how,
        "cause": answer.cause or answer.reason,
        "about": answer.about,
        "link": answer.link,
    }


def _entry(now: datetime, answer: Answer, event_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event_id": event_id,
        "at": now,
        "company": answer.company,
        "request": answer.request,
        "invoice": answer.invoice,
        "number": answer.number,
        "client": answer.client,
        "reason": None,
        "message": None,
        "xero_words": None,
        "unmatched": None,
        "xero_invoice_id": None,
        "verified": None,
        "differences": None,
        "proof": None,
        "changes": None,
    }
    if isinstance(answer, InvoiceExportSucceeded):
        return {**row, "outcome": answer.outcome, "xero_invoice_id": answer.xero_invoice_id, **_proof(answer)}
    # Messages of Xero's that we do not know, one per line
    unknown = [one.xero_words for one in answer.problems if one.reason == Reason.XERO_REFUSED.code]
    return {
        **row,
        "outcome": "failed",
        "reason": answer.reason,
        "message": answer.notification.message,
        "xero_words": answer.xero_words,
        "unmatched": "\n".join(" ".join(words.split()) for words in unknown if words) or None,
    }


def _proof(answer: InvoiceExportSucceeded) -> dict[str, Any]:
    """What was compared with Xero, and what an update changed there."""
    changes = [change.sentence for change in answer.changes]
    return {
        "verified": answer.verified,
        "differences": json.dumps(answer.differences, ensure_ascii=False) if answer.differences else None,
        "changes": json.dumps(changes, ensure_ascii=False) if changes else None,
        "proof": answer.model_dump_json(include=_PROOF) if answer.compared_at else None,
    }


# A line's moment is that of its transaction, its id that of its insert: they part by less than a transaction lasts.
_APART = timedelta(minutes=5)
_AT_ONCE = 1000
_FEW = 20_000
_MOST = 2**63 - 1
_WENT = ("created", "updated", "adopted")


@dataclass(frozen=True)
class LogFilter:
    """Which lines; what is empty does not narrow. `number` is how it begins; from `since` until before `until`.

    `outcome` and `reason` are one or several, with a comma between.
    """

    company: str = ""
    outcome: str = ""
    reason: str = ""
    client: str = ""
    number: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def narrows_failures(self) -> bool:
        """Whether it leaves out any failure of the company: each has a line in the log."""
        outcome = "" if self.outcome == "failed" else self.outcome
        return replace(self, company="", outcome=outcome) != LogFilter()


def exported(work: Work, chosen: LogFilter) -> int:
    """How many invoices went to Xero, in the lines that match: new ones, updates, and those taken over."""
    matching = (*log_conditions(work, chosen), *_ids_between(chosen.since, chosen.until))
    asked: Any = select(func.count(distinct(col(LogEntry.invoice)))).where(*matching)
    return int(work.session.exec(asked.where(col(LogEntry.outcome).in_(_WENT))).one())


def log_page(work: Work, chosen: LogFilter, before: int | None, most: int) -> Sequence[Any]:
    """Plain rows of the newest lines that match, of those with a smaller id than `before`."""
    asked, newest = _matching(work, chosen)
    asked = asked.order_by(newest.desc()).limit(most)
    return statements.rows(work, asked.where(col(LogEntry.id) < before) if before is not None else asked)


def page_of_log(work: Work, chosen: LogFilter, wanted: PageWanted) -> PageFound:
    """A page of the lines that match, newest first, as plain rows."""
    asked, newest = _matching(work, chosen)
    return page_of(work, asked, {"id": newest}, wanted, newest_first=True)


def _matching(work: Work, chosen: LogFilter) -> tuple[Any, Any]:
    """The lines that match, and the column by which they are in order."""
    id_ = col(LogEntry.id)
    # Numbers follow time: those that begin alike lie together, and not among the newest lines, as planners believe.
    newest = id_ + 0 if chosen.number and _are_few(work, chosen.number) else id_
    return select(LogEntry).where(*log_conditions(work, chosen), *_ids_between(chosen.since, chosen.until)), newest


def _are_few(work: Work, number: str) -> bool:
    """Whether so few lines have a number that begins so that all of them can be looked at."""
    alike = select(LogEntry.id).where(begins(work, func.lower(LogEntry.number), number.lower())).limit(_FEW + 1)
    return work.session.exec(select(func.count()).select_from(alike.subquery())).one() <= _FEW


def log_pages(store: Store, chosen: LogFilter, most: int) -> Iterator[Sequence[Any]]:
    """All lines that match, at most so many, in pages that are a short transaction each."""
    before: int | None = None
    while most > 0:
        with store.read() as work:
            lines = log_page(work, chosen, before, min(_AT_ONCE, most))
        if not lines:
            return
        yield lines
        most, before = most - len(lines), lines[-1].id


def log_conditions(work: Work, chosen: LogFilter) -> list[Any]:
    """What a line has to be."""
    wanted: list[Any] = [
        getattr(LogEntry, name) == value for name in ("company", "client") if (value := getattr(chosen, name))
    ]
    for name in ("outcome", "reason"):
        column, values = col(getattr(LogEntry, name)), getattr(chosen, name).split(",")
        if any(values):
            wanted.append(column == values[0] if len(values) == 1 else column.in_(values))
    if chosen.number:
        wanted.append(begins(work, func.lower(LogEntry.number), chosen.number.lower()))
    if chosen.since:
        wanted.append(col(LogEntry.at) >= chosen.since)
    if chosen.until:
        wanted.append(col(LogEntry.at) < chosen.until)
    return wanted


def _ids_between(since: datetime | None, until: datetime | None) -> list[Any]:
    """Ids that enclose a time: the newest lines are found by id, so that old ones need not be passed over."""
    at, id_ = col(LogEntry.at), col(LogEntry.id)
    wanted: list[Any] = []
    if since:
        earlier = select(id_).where(at < since - _APART).order_by(at.desc()).limit(1).scalar_subquery()
        wanted.append(id_ > func.coalesce(earlier, 0))
    if until:
        later = select(id_).where(at > until + _APART).order_by(at).limit(1).scalar_subquery()
        wanted.append(id_ < func.coalesce(later, _MOST))
    return wanted
