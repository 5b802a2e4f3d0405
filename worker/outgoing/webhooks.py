"""Webhooks out: Standard Webhooks to the host's endpoint, ten tries over three days, no event holding back others."""

from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from store import doors_out, outbox
from store.tables import OutboxEvent
from worker import logs
from worker.decisions import retries
from worker.tools import Tools

DOOR = "webhook"
_log = logs.log("relay")


class Webhooks:
    """The host's endpoint. A 2xx is a delivery; anything else is tried again later."""

    def __init__(self, url: str, secret: str, seconds: float = 15) -> None:
        self._url = url
        self._signer = Webhook(secret)
        self._http = httpx.Client(timeout=seconds)

    def deliver(self, tools: Tools) -> int:
        """Deliver what is new and what is due again; give how many events were taken up."""
        with tools.store.read() as work:
            new = outbox.after(work, doors_out.position(work, DOOR), most=50)
            again = doors_out.due_again(work, DOOR)
        for event, tries in again:
            self._try(tools, event, tries)
        for event in new:
            self._try(tools, event, 0)
            with tools.store.write() as work:
                doors_out.move_on(work, DOOR, event.position or 0)
        return len(new) + len(again)

    def _try(self, tools: Tools, event: OutboxEvent, tries: int) -> None:
        trouble = self._post(event)
        with tools.store.write() as work:
            if trouble is None:
                doors_out.delivered(work, DOOR, event.id)
                return
            wait = retries.delivery_wait(tries + 1)
            doors_out.try_again(work, DOOR, event.id, wait, tries + 1, trouble)
        _log.warning("relay.not_delivered", event_id=event.id, attempt=tries + 1, error=trouble)

    def _post(self, event: OutboxEvent) -> str | None:
        """Post one event; the trouble in a few words, or None when it was taken."""
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(event.id, now, event.body),
        }
        try:
            reply = self._http.post(self._url, content=event.body.encode(), headers=headers)
        except httpx.HTTPError as lost:
            return type(lost).__name__
        return None if reply.is_success else f"answered {reply.status_code}"
