"""What is over and kept no longer: a few hundred rows at a time, so that nobody waits for the lock.

Kept for ever is what “exactly once” rests on (inbox, requests, items, exports, numbers, unclaimed marks), what people
read (the export log, statuses, drifts, exclusions, the audit), and every letter nobody has dealt with.
"""

import itertools
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, literal, or_, tuple_
from sqlmodel import SQLModel, col, func, select

from store import deliveries as tried
from store import statements
from store.tables import (
    AskedChange,
    AttachmentContent,
    Attempt,
    Batch,
    Canary,
    ChangedInvoice,
    DeadLetter,
    DoorOut,
    Endpoint,
    Export,
    FeedMark,
    Login,
    Mending,
    MessageId,
    OutboxEvent,
    Preview,
    Redelivery,
)
from store.tables.columns import word
from store.unit_of_work import Work

AT_ONCE = 500


def events_out(work: Work, before: datetime, shut: Collection[str], company: str = "") -> int:
    """Events every way out that is not shut and every reader of ours has passed, of all or one; never the newest.

    The newest numbers those to come.
    """
    newest = select(func.max(OutboxEvent.position)).scalar_subquery()
    off = select(literal("webhook/") + col(Endpoint.id)).where(col(Endpoint.disabled_at).is_not(None))
    is_open = [col(DoorOut.door).not_in(shut), col(DoorOut.door).not_in(off)]  # neither holds events for ever
    doors = select(func.min(DoorOut.position)).where(*is_open)
    readers = select(func.min(FeedMark.position))
    passed = [func.coalesce(asked.scalar_subquery(), newest) for asked in (doors, readers)]
    owed = exists().where(col(Redelivery.event_id) == col(OutboxEvent.id))
    told = [col(OutboxEvent.position) < newest, *(col(OutboxEvent.position) <= place for place in passed), ~owed]
    told += [col(OutboxEvent.company) == company] if company else []
    old = _of_companies(OutboxEvent, *told, col(OutboxEvent.created_at) < before).order_by(col(OutboxEvent.position))
    return _delete(work, OutboxEvent, old)


def deliveries_given_up(work: Work, before: datetime) -> int:
    """Deliveries nobody asked for again."""
    return _delete(
        work,
        Redelivery,
        _of_companies(Redelivery, Redelivery.state == word("given_up"), col(Redelivery.due_at) < before),
    )


def dead_letters(work: Work, before: datetime) -> int:
    """Dead letters somebody has dealt with."""
    return _delete(
        work, DeadLetter, _of_companies(DeadLetter, DeadLetter.state != "open", col(DeadLetter.received_at) < before)
    )


def batches(work: Work, before: datetime) -> int:
    """Closed batches, but for those whose outcome nobody knows or that have an invoice on its way again.

    As many as have so many invoices together: a click is a batch of one, and no slower to forget than its invoice.
    """
    over = col(Batch.state).in_(("settled", "given_back"))
    needed = exists().where(
        col(Attempt.batch_id) == col(Batch.id),
        col(Export.id) == col(Attempt.export_id),
        or_(
            col(Attempt.outcome).in_(("sent", "unknown")),
            col(Export.state).in_(("pending", "exporting", "uncertain")),
        ),
    )
    old = select(col(Batch.id), col(Batch.size)).where(over, col(Batch.lease_until) < before, ~needed)
    found = statements.rows(work, old.limit(AT_ONCE))
    together = itertools.accumulate(row.size for row in found)
    ids = [row.id for row, size in zip(found, together, strict=True) if size <= max(AT_ONCE, found[0].size)]
    statements.run(work, delete(Attempt).where(col(Attempt.batch_id).in_(ids)))
    return statements.run(work, delete(Batch).where(col(Batch.id).in_(ids))).rowcount


def previews(work: Work, before: datetime) -> int:
    """Previews that were answered."""
    return _delete(work, Preview, _of_companies(Preview, col(Preview.answered_at) < before))


def changes(work: Work, before: datetime) -> int:
    """Changes that were answered."""
    return _delete(
        work,
        AskedChange,
        _of_companies(AskedChange, AskedChange.state != "waiting", col(AskedChange.answered_at) < before),
    )


def mendings(work: Work, before: datetime) -> int:
    """Mended causes that were acted upon."""
    return _delete(work, Mending, _of_companies(Mending, col(Mending.done_at) < before))


def logins(work: Work, before: datetime) -> int:
    """Logins to Xero that are over."""
    return _delete(work, Login, _of_companies(Login, col(Login.ends_at) < before))


def message_ids(work: Work, before: datetime) -> int:
    """Ids of requests whose signatures are too old by now, all at once: the rows are small and nobody waits."""
    return statements.run(work, delete(MessageId).where(col(MessageId.ends_at) < before)).rowcount


def canaries(work: Work, before: datetime) -> int:
    """Canaries whose senders were killed."""
    return statements.run(work, delete(Canary).where(col(Canary.accepted_at) < before)).rowcount


def changed_invoices(work: Work, before: datetime) -> int:
    """Invoices that Xero told of so long ago that it does so no more."""
    told = col(ChangedInvoice.told_at) < before
    return _delete(work, ChangedInvoice, _of_companies(ChangedInvoice, told))


def attachment_contents(work: Work, before: datetime) -> int:
    """The bytes of files that failed, or whose invoice never came."""
    return _delete(
        work, AttachmentContent, _of_companies(AttachmentContent, col(AttachmentContent.stored_at) < before)
    )


def deliveries(work: Work, before: datetime) -> int:
    """Tries of webhooks that are old."""
    return tried.prune_old(work, before)


def delete_some(work: Work, table: type[SQLModel], *conditions: Any) -> int:
    """Some rows that meet the conditions; gives how many."""
    return _delete(work, table, _of_companies(table, *conditions))


_ALL = (
    deliveries,
    deliveries_given_up,
    dead_letters,
    batches,
    previews,
    changes,
    mendings,
    logins,
    message_ids,
    canaries,
    changed_invoices,
    attachment_contents,
)
RULES: Mapping[str, Callable[[Work, datetime], int]] = {rule.__name__: rule for rule in _ALL}


def _delete(work: Work, table: type[SQLModel], old: Any) -> int:
    return statements.run(work, delete(table).where(tuple_(*_key(table)).in_(old.limit(AT_ONCE)))).rowcount


def _of_companies(table: type[SQLModel], *conditions: Any) -> Any:
    return select(*_key(table)).where(*conditions)


def _key(table: type[SQLModel]) -> list[Any]:
    return list(table.__table__.primary_key.columns)  # type: ignore[attr-defined]
