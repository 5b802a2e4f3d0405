"""Batches: one call to Xero each, written down before it is made, fenced by a token."""

import functools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam
from sqlmodel import col, select, update

from events.accounting_target import Lane
from events.invoice import Document
from store import exports, statements
from store.tables import Attempt, Batch, Export
from store.tables.columns import word
from store.unit_of_work import Work


@dataclass(frozen=True)
class Hold:
    """The right to write about one batch, as long as nobody else took it; `document` is what all in it go as."""

    batch_id: str
    token: str
    document: Document = "invoice"


class Carried(NamedTuple):
    """What an export carries in a batch: an attempt whose outcome is not written down yet."""

    batch_id: str
    export_id: int
    number: str
    revision: int
    content_hash: str
    contact: str = ""


def claim(
    work: Work, lane: Lane, chosen: Sequence[Export], lease: float, kind: str = "create", worker: str = ""
) -> Hold:
    """Open a batch for these exports; they are nobody else's until the lease (seconds) of the worker is over."""
    hold = Hold(uuid.uuid4().hex, uuid.uuid4().hex, next((one.document for one in chosen), "invoice"))
    row = {
        "id": hold.batch_id,
        "company": lane.company,
        "tenant": lane.tenant,
        "token": hold.token,
        "kind": kind,
        "lease_until": work.after(lease),
        "size": len(chosen),
        "created_at": work.now,
        "worker": worker,
        "document": hold.document,
    }
    statements.insert(work, Batch, [row])
    exports.take(work, [export.id for export in chosen if export.id is not None], hold.batch_id)
    return hold


def move(work: Work, hold: Hold, from_state: str, **changes: Any) -> bool:
    """The fence: change the batch if it is still ours and in this state, as the first statement of a transaction."""
    mine = {"by_id": hold.batch_id, "by_token": hold.token, "from_state": from_state}
    return bool(statements.run(work, _move(tuple(changes)), **mine, **changes).rowcount)


@functools.cache
def _move(names: tuple[str, ...]) -> Any:
    mine = update(Batch).where(
        col(Batch.id) == bindparam("by_id"),
        col(Batch.token) == bindparam("by_token"),
        col(Batch.state) == bindparam("from_state"),
    )
    return mine.values({name: bindparam(name) for name in names})


def note_attempts(work: Work, chosen: Sequence[tuple[Export, str]]) -> Mapping[int, Carried]:
    """Write down what each export (with its contact) carries in its batch, before it is sent; by export id."""
    carried = [
        Carried(one.batch_id or "", one.id or 0, one.number, one.wanted_revision, one.wanted_hash, contact)
        for one, contact in chosen
    ]
    statements.insert(work, Attempt, [{**one._asdict(), "outcome": "sent", "at": work.now} for one in carried])
    return {one.export_id: one for one in carried}


def bodies(work: Work, batch_ids: Sequence[str]) -> dict[str, bytes]:
    """The frozen bodies of these batches."""
    asked = select(Batch.id, Batch.body).where(col(Batch.id).in_(batch_ids))
    return {id_: body for id_, body in work.session.exec(asked) if body}


def unknown_bodies(work: Work, export_ids: Sequence[int]) -> dict[int, list[bytes]]:
    """Bodies of the updates of these exports whose outcome is not known, by export id."""
    asked = (
        select(Attempt.export_id, Batch.body)
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(
            col(Attempt.export_id).in_(export_ids),
            col(Attempt.outcome).in_(("sent", "unknown")),
            Batch.kind == "update",
        )
    )
    found: dict[int, list[bytes]] = {}
    for export_id, body in work.session.exec(asked):
        found.setdefault(export_id, []).extend([body] if body else [])
    return found


def end_attempts(work: Work, batch_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """What became of the attempts of a batch; each row names its `export_id`."""
    whole = [{"batch_id": batch_id, "reason": None, "said": None, **row} for row in rows]
    statements.change(work, Attempt, ("batch_id", "export_id"), whole)


def forget_attempts(work: Work, batch_id: str) -> None:
    """The batch certainly did not reach Xero: its attempts were none."""
    work.session.exec(update(Attempt).where(col(Attempt.batch_id) == batch_id).values(outcome="not_sent"))


def take_uncertain(work: Work, batch_id: str, lease: float, worker: str = "") -> tuple[Hold, Batch] | None:
    """Take an uncertain batch to settle it, unless somebody else just did."""
    token = uuid.uuid4().hex
    took = update(Batch).where(
        col(Batch.id) == batch_id, col(Batch.state) == "uncertain", col(Batch.lease_until) <= work.now
    )
    look_ups = col(Batch.look_ups) + 1
    changes = took.values(token=token, lease_until=work.after(lease), look_ups=look_ups, worker=worker)
    if not work.session.exec(changes).rowcount:
        return None
    batch = work.session.get_one(Batch, batch_id)
    return Hold(batch_id, token, batch.document), batch


def overdue(work: Work, state: str, most: int = 200) -> Sequence[Batch]:
    """Batches whose worker is gone: in this state past their lease."""
    asked = select(Batch).where(Batch.state == state, col(Batch.lease_until) < work.now)
    return work.session.exec(asked.limit(most).with_for_update(skip_locked=True)).all()


def open_calls(work: Work, company: str, most: int) -> Sequence[Any]:
    """Calls that are claimed, on their way or uncertain, of a company or of all, the oldest first, as plain rows."""
    columns: list[Any] = [Batch.company, Batch.state, Batch.kind, Batch.size, Batch.created_at, Batch.sent_at]
    columns += [Batch.settle_at, Batch.look_ups, Batch.watched_since, Batch.lease_until, Batch.worker]
    live = col(Batch.state).in_((word("claimed"), word("sent"), word("uncertain")))
    asked = select(*columns).where(live).order_by(col(Batch.created_at)).limit(most)
    return statements.rows(work, asked.where(Batch.company == company) if company else asked)


def in_flight(work: Work, company: str | None = None) -> int:
    """How many batches are claimed, on their way to Xero or being looked up there, of one company or of all."""
    looked_up = (col(Batch.state) == "uncertain") & (col(Batch.lease_until) > work.now)
    asked = select(Batch.id).where(col(Batch.state).in_((word("claimed"), word("sent"))) | looked_up)
    return len(work.session.exec(asked.where(Batch.company == company) if company else asked).all())
