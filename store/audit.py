"""The audit: a line for everything a person does, each chained to the one before it by a hash.

A line's `chain` is the SHA-256 of the former line's `chain` and its own content, so a line that is changed, taken
out, put in or moved no longer fits. Who owns the tables can write the whole chain anew; that shows only against a
head that was noted outside (`verify` takes one; the clock sends one out each day).
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import DataError
from sqlmodel import col, select

from store import statements
from store.paging import PageFound, PageWanted, page_of
from store.tables import AuditCheck, AuditHead, AuditLine
from store.unit_of_work import Work

_HEAD = 0
_AT_ONCE = 5_000
_MOST_TOLD = 20
# A moment beyond the calendar, a text that is none: what somebody wrote there whom no program of ours wrote for.
_UNREADABLE = (DataError, ValueError, TypeError, OverflowError)


def note(work: Work, who: str, what: str, company: str, chosen: Mapping[str, Any], count: int, why: str) -> None:
    """Write down who did what; `chosen` is how the invoices were named, `count` how many were moved.

    The line is written right before the commit: lines wait for each other there, and nothing waits behind them.
    """
    said = json.dumps({name: value for name, value in chosen.items() if value}, ensure_ascii=False)
    line = {"at": work.now, "who": who, "what": what, "company": company, "chosen": said, "count": count, "why": why}
    work.do_last(functools.partial(_append, work, line))


def _append(work: Work, line: Mapping[str, Any]) -> None:
    # The head, locked until the commit; it is there since the database was migrated
    asked = select(AuditHead).where(AuditHead.id == _HEAD)
    (head,) = statements.rows(work, asked if work.on_sqlite else asked.with_for_update())
    made = {"id": head.line + 1, **line}
    chain = link(head.chain, made)
    statements.insert(work, AuditLine, [{**made, "chain": chain}])
    mine = update(AuditHead).where(col(AuditHead.id) == _HEAD)
    statements.run(work, mine.values(line=made["id"], chain=chain))


def link(former: str, line: Mapping[str, Any]) -> str:
    """The `chain` of a line behind the former line's `chain` (empty before the first)."""
    said = [former, line["id"], _moment(line["at"]), *(line[name] for name in ("who", "what", "company", "chosen"))]
    text = json.dumps([*said, line["count"], line["why"]], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"


@dataclass(frozen=True)
class Head:
    """A line of the audit by its number, and its `chain`; line 0 is before the first."""

    line: int
    chain: str

    def __str__(self) -> str:
        return f"{self.line}:{self.chain}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """A head as it is sent out, like `1234:9f86d0…`. Raises ValueError."""
        number, _, chain = text.strip().partition(":")
        if not (number.isascii() and number.isdigit() and len(chain) == 64 and set(chain) <= set("0123456789abcdef")):
            raise ValueError("a head looks like 1234: followed by 64 hexadecimal digits")
        return cls(int(number), chain)


@dataclass(frozen=True)
class AuditVerdict:
    """What a check of the whole audit found: `lines` were read; `problems` are sentences, `more` were left out."""

    lines: int
    head: Head
    problems: Sequence[str] = ()
    more: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(work: Work, noted: Sequence[Head] = ()) -> AuditVerdict:
    """Read every line and compare it with the chain, with the head, and with heads that were noted before."""
    head = _stored_head(work)
    problems = [] if head else ["the head of the audit is missing: every database of this software has one"]
    wanted: dict[int, set[str]] = {}
    for one in [*_checked_heads(work), *([head] if head else []), *noted]:
        wanted.setdefault(one.line, set()).add(one.chain)
    lines, last, chain = 0, 0, ""
    for row in _all(work):
        lines += 1
        if row.id < 1:
            problems.append(f"line {row.id} was not written by this software: lines are numbered from 1")
            continue
        if row.chain != _chain_of(chain, row):
            problems.append(_objection(row, last))
        if wanted.pop(row.id, {row.chain}) != {row.chain}:
            problems.append(f"line {row.id} is not the one that was noted under this number before")
        last, chain = row.id, row.chain
    newest_noted = max(wanted, default=0)
    if newest_noted:
        problems.append(f"the newest line is {last}, but there was a line {newest_noted}: lines are missing")
    if head and last > head.line and not _was_written_meanwhile(work, last, chain):
        problems.append(f"line {last} is behind the head: it was not written by this software")
    return AuditVerdict(lines, Head(last, chain), problems[:_MOST_TOLD], max(0, len(problems) - _MOST_TOLD))


def _was_written_meanwhile(work: Work, last: int, chain: str) -> bool:
    """Whether the head has moved on to this line, or past it, while the lines were read."""
    head = _stored_head(work)
    return head is not None and (head.line > last or head == Head(last, chain))


def _chain_of(former: str, row: Any) -> str | None:
    """What the line's chain has to be; None where it holds what this software does not write."""
    try:
        return link(former, row._mapping)  # noqa: SLF001  # its public name
    except (TypeError, ValueError, AttributeError, OverflowError, KeyError):
        return None


def _objection(row: Any, last: int) -> str:
    if not row.chain:
        return f"line {row.id} was not written by this software: it is outside the chain"
    if row.id != last + 1:
        gone = f"line {last + 1} is" if row.id == last + 2 else f"lines {last + 1} to {row.id - 1} are"
        return f"{gone} missing before line {row.id}"
    return f"line {row.id} is not as it was written: it was changed or moved, or the line before it was"


def _all(work: Work) -> Iterator[Any]:
    """Every line by its number, whatever number; of one that cannot be read its number and chain alone."""
    after: int | None = None
    while True:
        asked = select(AuditLine).order_by(col(AuditLine.id)).limit(_AT_ONCE)
        page = asked if after is None else asked.where(col(AuditLine.id) > after)
        try:
            found = statements.rows(work, page)
        except _UNREADABLE:
            found = [
                _single_line(work, row.id) for row in statements.rows(work, page.with_only_columns(col(AuditLine.id)))
            ]
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].id


def _single_line(work: Work, number: int) -> Any:
    asked = select(AuditLine).where(AuditLine.id == number)
    try:
        (row,) = statements.rows(work, asked)
    except _UNREADABLE:
        (row,) = statements.rows(work, asked.with_only_columns(col(AuditLine.id), col(AuditLine.chain)))
    return row


def _stored_head(work: Work) -> Head | None:
    row = statements.look_up(work, AuditHead, id=_HEAD)
    return Head(row.line, row.chain) if row else None


def _checked_heads(work: Work) -> list[Head]:
    asked = select(AuditCheck.line, AuditCheck.chain)
    return [Head(row.line, row.chain) for row in statements.rows(work, asked)]


def keep_check(work: Work, verdict: AuditVerdict) -> bool:
    """Keep today's check; False when there is one already."""
    row = {
        "day": f"{work.now:%Y-%m-%d}",
        "line": verdict.head.line,
        "chain": verdict.head.chain,
        "problems": json.dumps([*verdict.problems, *([f"and {verdict.more} more"] if verdict.more else [])]),
        "checked_at": work.now,
    }
    return bool(statements.insert_new(work, AuditCheck, [row], returning="day"))


def newest_check(work: Work) -> AuditCheck | None:
    """The newest daily check; one of a day to come was not made by us."""
    asked = select(AuditCheck).where(AuditCheck.day <= f"{work.now:%Y-%m-%d}")
    return work.session.exec(asked.order_by(col(AuditCheck.day).desc()).limit(1)).first()


def newest(work: Work, company: str | None = None, most: int = 50, what: str = "") -> Sequence[AuditLine]:
    """The newest lines first, of one company or of all, of everything that was done or of one kind of it."""
    asked = select(AuditLine).order_by(col(AuditLine.id).desc()).limit(most)
    asked = asked.where(AuditLine.what == what) if what else asked
    return work.session.exec(asked.where(AuditLine.company == company) if company else asked).all()


@dataclass(frozen=True)
class AuditFilter:
    """Which lines: by whom, about which company (`*`: everybody), of what was done; empty: any."""

    who: str = ""
    company: str = ""
    what: str = ""


def page_of_lines(work: Work, chosen: AuditFilter, wanted: PageWanted) -> PageFound:
    """A page of the lines chosen, the newest first, as plain rows."""
    asked = select(AuditLine)
    for name in ("who", "company", "what"):
        value = getattr(chosen, name)
        asked = asked.where(getattr(AuditLine, name) == value) if value else asked
    return page_of(work, asked, {"id": col(AuditLine.id)}, wanted, newest_first=True)


def cancelling(work: Work, company: str, request: str, invoice: str = "") -> AuditLine | None:
    """The line of who cancelled this request, or this invoice of it, last; a line that moved something first."""
    named = json.dumps({"request": request}, ensure_ascii=False)[1:-1]
    whole = col(AuditLine.chosen).contains(named, autoescape=True) & ~col(AuditLine.chosen).contains('"invoices": [')
    alone = col(AuditLine.chosen).contains(json.dumps(invoice, ensure_ascii=False), autoescape=True)
    asked = select(AuditLine).where(AuditLine.company == company, AuditLine.what == "cancel")
    mine = asked.where(whole | alone if invoice else whole)
    lines = statements.rows(work, mine.order_by((col(AuditLine.count) > 0).desc(), col(AuditLine.id).desc()).limit(1))
    return lines[0] if lines else None


def was_noted(work: Work, who: str, what: str, company: str, chosen: Mapping[str, Any], seconds: float) -> bool:
    """Whether this very line was written within the last seconds."""
    said = json.dumps({name: value for name, value in chosen.items() if value}, ensure_ascii=False)
    asked = select(AuditLine.id).where(AuditLine.who == who, AuditLine.what == what, AuditLine.company == company)
    recent = asked.where(AuditLine.chosen == said, col(AuditLine.at) > work.after(-seconds)).limit(1)
    return work.session.exec(recent).first() is not None
