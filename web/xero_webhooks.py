"""The door for Xero's webhooks: `POST /xero/webhooks/{company}`; it stores and does nothing else (facts §10).

Xero wants 200 for what it signed, 401 for what it did not, within 5 seconds and without a body. 200 means committed;
while the database takes nothing it is 503, and Xero comes again.
"""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter

from web import answers, bodies
from web.answers import RefusedRequest
from worker.measuring.catalogue import WEBHOOKS_IN
from worker.reconcile.changed_invoices import WebhookIntake, WebhookOutcome

MOST_BYTES = 1_000_000
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")  # base64 of 32 bytes
_COMPANY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_TOO_LARGE = "too_large"
router = APIRouter()


class WebhookCounts:
    """Counts what came of the webhooks that this process was sent."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._of = Counter(WEBHOOKS_IN.full_name, WEBHOOKS_IN.says, WEBHOOKS_IN.labels, registry=registry)
        for outcome in (*(one.value for one in WebhookOutcome), _TOO_LARGE):
            self._of.labels(outcome)  # so that the first one is seen as one more

    def add(self, outcome: str) -> None:
        """One more."""
        self._of.labels(outcome).inc()


@router.post("/xero/webhooks/{company}")
async def take_webhook(request: Request, company: str) -> Response:
    """Keep what Xero says has changed. Raises RefusedRequest: 413, or 503 while the database takes nothing."""
    counts: WebhookCounts = request.app.state.webhook_counts
    signature = request.headers.get("x-xero-signature", "")
    if not _SIGNATURE.fullmatch(signature) or not _COMPANY.fullmatch(company):
        counts.add(WebhookOutcome.REFUSED.value)
        return Response(status_code=401)
    try:
        body = await bodies.whole(request, MOST_BYTES)
    except RefusedRequest as refused:
        counts.add(_TOO_LARGE if refused.status == 413 else WebhookOutcome.UNREADABLE.value)
        raise
    intake: WebhookIntake = request.app.state.webhook_intake
    outcome = await answers.in_a_thread(request, intake.take, company, signature, body)
    counts.add(outcome.value)
    return Response(status_code=401 if outcome is WebhookOutcome.REFUSED else 200)
