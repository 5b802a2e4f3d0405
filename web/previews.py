"""The preview for a host's own page: what an export of these invoices would do now; nothing is filed or sent."""

import redis
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import ValidationError

from events import codec
from events.codec import Unreadable
from events.preview import InvoiceExportPreviewed, Previewed
from events.scopes import Scope
from events.unreadable import sentences
from web import bodies, keys
from web.problems import RefusedRequest
from web.signature import Knock
from worker.preview import preview
from worker.tools import Tools

_WAIT_SECONDS = 5
router = APIRouter(prefix="/v1")


@router.post("/companies/{company}/previews", openapi_extra=keys.needs(Scope.PREVIEWS))
async def preview_invoices(request: Request, company: str) -> Response:
    """Say what would happen to `invoices`, a list of at most 500 as an export would name them."""
    at = await keys.knock_of_a_known_key(request, codec.MOST_BYTES)
    return await run_in_threadpool(_preview, request.app.state.tools, at, company)


def _preview(tools: Tools, at: Knock, company: str) -> Response:
    key = keys.enter(tools, at, Scope.PREVIEWS, company)
    keys.must_have_previews(tools, key, company)
    bodies.must_be_json(at.headers)
    try:
        asked = Previewed.model_validate(codec.parse(at.body))
    except Unreadable as broken:
        raise RefusedRequest(422, "Invoices not readable", broken.problems) from None
    except ValidationError as broken:
        raise RefusedRequest(422, "Invoices not readable", sentences(broken)) from None
    told = _tell(tools, key.id, company, asked)
    return Response(told.model_dump_json(exclude_none=True), media_type="application/json")


def _tell(tools: Tools, key: str, company: str, asked: Previewed) -> InvoiceExportPreviewed:
    try:
        return preview.preview(tools, company, asked.invoices, key=key)
    except preview.NoCompany:
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"]) from None
    except redis.RedisError:
        problem = "The counters of Xero's limits cannot be reached at the moment; the invoices are not at fault."
        raise RefusedRequest(503, "Try again in a moment", [problem], {"Retry-After": str(_WAIT_SECONDS)}) from None
