"""Previews that hosts ask for by event: filed like any event, worked out by the clock, answered by one event."""

import json
import time
from datetime import timedelta
from typing import Any

import redis

from events.codec import Envelope, Unreadable
from events.preview import InvoiceExportPreviewed, InvoiceExportPreviewRequested
from store import outbox, previews
from store.outbox import Outgoing
from store.tables import Preview
from store.unit_of_work import Work
from worker import logs
from worker.decisions.receipts import Receipt
from worker.preview import preview
from worker.tools import Tools

LEASE_SECONDS = 300.0
PATIENCE_SECONDS = 120.0  # after this it is answered with what could be seen
_SHORT_SECONDS, _AGAIN_SECONDS, _MOST_TRIES = 5.0, 10.0, 5
_GIVEN_UP = "The preview could not be worked out. CrewCard support can say why."
_log = logs.log("previews")


def file(
    work: Work, _tools: Tools, envelope: Envelope, asked: InvoiceExportPreviewRequested, _companies: Any, key: str
) -> Receipt:
    """Keep what was asked for. Raises Unreadable when the company has a preview of this id already."""
    body = json.dumps(envelope.data, default=str)
    if not previews.file(work, asked.company, asked.request, envelope.id, body, key):
        raise Unreadable(f"data.request: {asked.company} has a preview “{asked.request}” already")
    return Receipt(envelope.id, asked.company, asked.request, len(asked.invoices))


def answer_next(tools: Tools) -> bool:
    """Work out the next preview that is due; False when there is none."""
    row, patient = _take(tools)
    if row is None:
        return False
    try:
        made = _made(tools, row)
    except redis.RedisError as lost:
        _log.warning("previews.redis_lost", error=type(lost).__name__)
        _postpone(tools, row)
        return True
    except Exception:
        _log.exception("previews.failed", company=row.company, tries=row.tries)
        if row.tries < _MOST_TRIES:
            _postpone(tools, row)
            return True
        made, patient = preview.nothing_seen(row.company, row.id, row.created_at, _GIVEN_UP), False
    if patient and not made.complete and not made.forecast.waits_for:
        _postpone(tools, row)
    else:
        with tools.store.write() as work:
            if previews.answered(work, row):
                key = f"preview/{row.company}/{row.id}"
                outbox.publish_once(work, Outgoing(made, row.company, row.id, key, row.source_event))
        _log.info("previews.answered", company=row.company, preview=row.id, size=len(made.invoices), calls=made.calls)
        tools.bells.wake_relay()
    return True


def _take(tools: Tools) -> tuple[Preview | None, bool]:
    """A preview that is ours now, and whether it is young enough to wait for what it cannot see."""
    with tools.store.read() as work:
        if not previews.anything(work):
            return None, False
    with tools.store.write() as work:
        row = previews.take(work, LEASE_SECONDS)
        return row, row is not None and work.now - row.created_at < timedelta(seconds=PATIENCE_SECONDS)


def _made(tools: Tools, row: Preview) -> InvoiceExportPreviewed:
    asked = InvoiceExportPreviewRequested.model_validate_json(row.body)
    left = [_SHORT_SECONDS]

    def sit_out(seconds: float) -> bool:
        left[0] -= seconds
        if left[0] < 0:
            return False
        time.sleep(seconds)
        return True

    return preview.preview(tools, row.company, asked.invoices, request=row.id, wait=sit_out, key=row.key)


def _postpone(tools: Tools, row: Preview) -> None:
    with tools.store.write() as work:
        previews.postpone(work, row, _AGAIN_SECONDS)
