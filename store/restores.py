"""Restores: an older database was put back, and no lane sends before Xero was read again; and the feed's epoch."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import exists
from sqlmodel import col, delete, func, select, update

from events.accounting_target import Lane
from events.invoice import Document, folded
from store import statements
from store.tables import (
    Attempt,
    CompanyConnection,
    DocumentReconciliation,
    Export,
    FeedMark,
    InboxEvent,
    OutboxEvent,
    Process,
    Reconciliation,
    Restore,
    RestoreCheck,
    UnclaimedMark,
)
from store.unit_of_work import Work

NOT_REMEMBERED = -2  # the `sent_revision` of an export that was taken over: what it was sent with, nobody knows
PLACES = 2**36  # of an epoch in the feed; 65,535 epochs of them are numbers that JavaScript has exactly
LATE_SECONDS = 900.0  # in which hosts send again what the backup does not have
_EPOCHS = 65_535
_READER = "witness"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_MARGIN = timedelta(minutes=5)  # our clock and Xero's may differ, and what was on its way was not known yet


@dataclass(frozen=True)
class Counts:
    """What was read of a lane: all changed invoices, those taken over, those that were known, those not readable.

    `twice` are invoices that Xero has more than once already, under one mark.
    """

    seen: int = 0
    taken_over: int = 0
    known: int = 0
    unread: int = 0
    twice: int = 0


def known_until(work: Work) -> datetime | None:
    """The newest moment that this database knows of; None for an empty one."""
    found: list[datetime | None] = [
        work.session.exec(select(func.max(column))).one()
        for column in (Process.seen_at, OutboxEvent.created_at, InboxEvent.received_at)
    ]
    return max((one for one in found if one is not None), default=None)


@dataclass(frozen=True)
class RestoreOrder:
    """What begins a check: changes in Xero `since` then are to be read, by whose order and why.

    Up to `feed_end` the feed is as it was before: to its present end, where that is None. `superseded` is the epoch
    in which it was seen.
    """

    since: datetime
    by: str
    why: str
    feed_end: int | None = None
    superseded: int | None = None


def begin(work: Work, order: RestoreOrder) -> Restore:
    """From now on nothing is sent, until each lane's changes in Xero were read; a new epoch begins.

    What waited in the backup waits from now on: it does not expire because the backup is old.
    """
    before = {one for pair in work.session.exec(select(Restore.epoch, Restore.superseded)) for one in pair}
    epoch = next(one for one in iter(lambda: 1 + secrets.randbelow(_EPOCHS), 0) if one not in before)
    end = work.session.exec(select(func.max(OutboxEvent.position))).one() or 0
    made = Restore(
        **{**vars(order), "feed_end": end if order.feed_end is None else order.feed_end}, epoch=epoch, at=work.now
    )
    work.session.add(made)
    work.session.flush()
    statements.run(work, delete(RestoreCheck))
    waiting = update(Export).where(col(Export.live_since).is_not(None))
    statements.run(work, waiting.values(live_since=work.now))
    return made


def newest(work: Work) -> Any:
    """The last restore as a plain row; None where there was none."""
    return next(iter(statements.rows(work, select(Restore).order_by(col(Restore.at).desc()).limit(1))), None)


def held(work: Work, company: str | None = None) -> Mapping[Lane, datetime]:
    """Connected lanes, of a company or of all, that were not read since the last restore; with when that was told."""
    told = select(func.max(Restore.at)).scalar_subquery()
    lane: Any = CompanyConnection
    asked: Any = select(lane.company, lane.tenant, told.label("told"))
    asked = asked.where(is_held(col(lane.company), col(lane.tenant)))
    if company is not None:
        asked = asked.where(lane.company == company)
    return {Lane(row.company, row.tenant): row.told for row in statements.rows(work, asked)}


def is_held(company: Any, tenant: Any) -> Any:
    """Whether the lane of these columns or parameters still has to be read, as a part of a statement."""
    ended = exists().where(
        col(RestoreCheck.company) == company,
        col(RestoreCheck.tenant) == tenant,
        col(RestoreCheck.ended_at).is_not(None),
    )
    return exists().where(col(Restore.epoch) > 0) & ~ended


def is_late(work: Work, lane: Lane) -> bool:
    """Whether the lane was read so lately that hosts may still be sending again what came after the backup."""
    found = statements.look_up(work, RestoreCheck, company=lane.company, tenant=lane.tenant)
    return bool(found and found.ended_at and found.ended_at > work.after(-LATE_SECONDS))


def checks(work: Work) -> Sequence[RestoreCheck]:
    """A row for each connected company since the last restore, made where there was none yet."""
    restore = newest(work)
    if restore is None:
        return []
    lanes = work.session.exec(select(CompanyConnection.company, CompanyConnection.tenant)).all()
    compared = {Lane(one.company, one.tenant): one.since for one in work.session.exec(select(Reconciliation))}
    rows = [
        {
            "company": company,
            "tenant": tenant,
            "since": min(restore.since, compared.get(Lane(company, tenant), restore.since)) - _MARGIN,
            "page": 1,
            "next_at": work.now,
            **dict.fromkeys(Counts.__dataclass_fields__, 0),
            "trouble": "",
        }
        for company, tenant in sorted(lanes)
    ]
    statements.insert_new_keys(work, RestoreCheck, rows, "company", "tenant")
    return work.session.exec(select(RestoreCheck).order_by(col(RestoreCheck.company))).all()


def since_of(work: Work, lane: Lane, document: Document) -> datetime:
    """From when on the lane's documents of another kind than invoices are to be read."""
    restore, compared = newest(work), work.session.get(DocumentReconciliation, (*lane, document))
    moments = [one.since for one in (restore, compared) if one is not None]
    return min(moments, default=work.now) - _MARGIN


def keep_marks(work: Work, lane: Lane, document: Document, found: Mapping[str, Mapping[str, Any]]) -> int:
    """Keep what Xero shows of documents whose marks name no invoice, by mark; give how many were not known."""
    said = {"company": lane.company, "tenant": lane.tenant, "document": document, "found_at": work.now}
    rows = [{**said, "mark": mark, "found": json.dumps(found[mark])} for mark in sorted(found)]
    return len(statements.insert_new(work, UnclaimedMark, rows, returning="mark"))


def claim_marks(work: Work, lane: Lane, marks: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    """What Xero showed of the documents with these marks, which are kept no longer: whoever asks takes them over."""
    mine = (col(UnclaimedMark.company) == lane.company, col(UnclaimedMark.tenant) == lane.tenant)
    asked = select(UnclaimedMark).where(*mine, col(UnclaimedMark.mark).in_(sorted(marks)))
    found = {row.mark: json.loads(row.found) for row in statements.rows(work, asked)}
    if found:
        statements.run(work, delete(UnclaimedMark).where(*mine, col(UnclaimedMark.mark).in_(sorted(found))))
    return found


def move_on(work: Work, check: RestoreCheck, counts: Counts, **changes: Any) -> None:
    """Add what was read, and set where the next reading begins, or that it has ended."""
    added = {name: getattr(RestoreCheck, name) + number for name, number in vars(counts).items() if number}
    mine = update(RestoreCheck).where(
        col(RestoreCheck.company) == check.company, col(RestoreCheck.tenant) == check.tenant
    )
    work.session.exec(mine.values(**added, **changes))


def put_aside(work: Work, exports: Collection[Export]) -> None:
    """What became of these exports' calls need not be asked any more: Xero has them."""
    ids = [export.id for export in exports]
    unanswered = update(Attempt).where(col(Attempt.export_id).in_(ids), col(Attempt.outcome).in_(("sent", "unknown")))
    work.session.exec(unanswered.values(outcome="superseded"))


def known_ids(work: Work, lane: Lane, target_ids: Collection[str]) -> dict[str, Export]:
    """Our exports that are these invoices of the organisation, by its ids."""
    mine = select(Export).where(
        Export.company == lane.company, Export.tenant == lane.tenant, col(Export.xero_invoice_id).in_(target_ids)
    )
    return {row.xero_invoice_id or "": row for row in work.session.exec(mine)}


def is_renumbered(export: Export, number: str) -> bool:
    """Whether Xero has the invoice under another number than we know."""
    return folded(export.number) != folded(number)


@dataclass(frozen=True)
class FeedEpoch:
    """How the feed's cursors are written since the last restore: the `epoch` before the position; 0 before any.

    Up to `kept`, where the feed of the oldest backup ended, positions are the same before and after.
    """

    epoch: int
    kept: int

    def cursor(self, position: int) -> int:
        """The cursor of a position."""
        return position + self.epoch * PLACES

    def position(self, cursor: int) -> tuple[int, int | None]:
        """The position of a cursor; and, where it is of before a restore, a cursor from which nothing is missed."""
        epoch, position = divmod(cursor, PLACES)
        if not cursor or epoch == self.epoch:
            return position, None
        return position, self.cursor(min(position, self.kept))


def feed_epoch(work: Work) -> FeedEpoch:
    """How cursors are written and read now."""
    last = select(Restore.epoch).order_by(col(Restore.at).desc()).limit(1).scalar_subquery()
    asked: Any = select(
        func.coalesce(last, 0).label("epoch"), func.coalesce(func.min(Restore.feed_end), 0).label("kept")
    )
    (found,) = statements.rows(work, asked)
    return FeedEpoch(found.epoch, found.kept)


@dataclass(frozen=True)
class HighWaterMark:
    """How far the feed came, or was seen: epoch, position, and the id of the event there, where it is known."""

    epoch: int
    position: int
    event: str = ""


def high_water(work: Work) -> HighWaterMark:
    """How far this database's feed comes."""
    stamped, newest_first = col(OutboxEvent.position).is_not(None), col(OutboxEvent.position).desc()
    epoch = select(Restore.epoch).order_by(col(Restore.at).desc()).limit(1)
    place, event = (
        select(column).where(stamped).order_by(newest_first).limit(1)
        for column in (OutboxEvent.position, OutboxEvent.id)
    )
    asked: Any = select(*(one.scalar_subquery() for one in (epoch, place, event)))
    (found,) = statements.rows(work, asked)
    return HighWaterMark(found[0] or 0, found[1] or 0, found[2] or "")


def went_back(work: Work, seen: HighWaterMark, here: HighWaterMark) -> bool:
    """Whether this database, whose feed comes as far as `here`, has not what was seen of its feed.

    It is older, or other events got the places since.
    """
    if seen.epoch != here.epoch:
        known = (col(Restore.epoch) == seen.epoch) | (col(Restore.superseded) == seen.epoch)
        return seen.epoch != 0 and not statements.rows(work, select(Restore.epoch).where(known).limit(1))
    if here.position <= seen.position:
        there = here.event if here.position == seen.position else ""
    else:
        found = statements.rows(work, select(OutboxEvent.id).where(OutboxEvent.position == seen.position))
        there = found[0].id if found else ""  # what was pruned proves nothing
    return here.position < seen.position or bool(seen.event and there and there != seen.event)


def proven(work: Work) -> int:
    """Up to which position the feed was found to be the one that was seen."""
    found = statements.look_up(work, FeedMark, reader=_READER)
    return int(found.position) if found else 0


def prove(work: Work, seen: HighWaterMark) -> None:
    """The feed is the one that was seen, as far as that."""
    row = {"reader": _READER, "position": seen.position}
    statements.upsert(work, FeedMark, [row], {"position": "excluded"}, ["reader"])


def fork(work: Work, seen: HighWaterMark) -> tuple[int, datetime]:
    """Up to which position the feed is certainly as it was seen, and a moment that this database certainly knows."""
    kept = proven(work) if seen.event else 0  # the mark is Redis's, and a cursor may be older than what Redis knows
    found = statements.rows(work, select(OutboxEvent.created_at).where(OutboxEvent.position == kept))
    return kept, found[0].created_at if found else _LONG_AGO
