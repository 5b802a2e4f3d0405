"""The door for files: `PUT /v1/companies/{company}/invoices/{invoice}/attachments/{name}`.

A file may come before its invoice. One that comes again as it is changes nothing; another content takes its place.
"""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter, ValidationError

from events.attachments import MOST_BYTES, MOST_FILES, FileName
from events.credentials import Scope
from store import attachments, companies
from store.attachments import WantedFile
from store.unit_of_work import Work
from web import answers, keys
from web.answers import RefusedRequest
from web.keys import Knock
from worker import logs
from worker.tools import Tools

_WAIT_SECONDS = 60
_NAME = TypeAdapter(FileName)
_LONGEST_TYPE = 100
_log = logs.log("door")
router = APIRouter(prefix="/v1/companies/{company}/invoices/{invoice:path}/attachments")


@router.put(
    "/{name}",
    status_code=202,
    responses={202: {"model": answers.UploadedFile}},
    openapi_extra=keys.needs(Scope.EXPORTS),
)
async def take_file(
    request: Request, company: str, invoice: str, name: str, include_online: Annotated[bool, Query()] = False
) -> Response:
    """Keep a file for an invoice, its body the bytes; 202 means committed.

    It is attached once the invoice is in Xero. `include_online`: the client sees it with the online invoice.
    """
    at = await keys.knock_of_a_known_key(request, MOST_BYTES)
    tools = request.app.state.tools
    return await answers.in_a_thread(request, _take, tools, at, company, invoice, name, include_online)


def _take(tools: Tools, at: Knock, company: str, invoice: str, name: str, include_online: bool) -> Response:
    keys.enter(tools, at, Scope.EXPORTS, company)
    keys.must_be_id(invoice, "invoice")
    try:
        called = _NAME.validate_python(name)
    except ValidationError:
        raise RefusedRequest(422, "File not readable", ["name: must be of 1 to 255 characters"]) from None
    if not at.body:
        raise RefusedRequest(422, "File not readable", ["body: is empty"])
    sha256, kind = hashlib.sha256(at.body).hexdigest(), at.headers.get("content-type", "")[:_LONGEST_TYPE]
    file = WantedFile(company, invoice, called, None, sha256, kind, include_online)
    with tools.store.write() as work:
        _must_be_wanted(work, company)
        (file,) = attachments.placed(work, [file])
        _must_have_room(work, file, len(at.body))
        state = attachments.upload(work, file, at.body)
    if state is None:
        problem = "name: a file of this name is being sent to Xero at this moment; send the same again"
        raise RefusedRequest(503, "Try again in a moment", [problem], {"Retry-After": str(_WAIT_SECONDS)})
    _log.info("door.file_taken", company=company, invoice=invoice, size=len(at.body))
    said = answers.UploadedFile(name=file.name, size=len(at.body), sha256=sha256, state=state)
    return JSONResponse(said.model_dump(), 202)


def _must_be_wanted(work: Work, company: str) -> None:
    """Raises RefusedRequest: 404 for a company that is not here, 409 where attachments are switched off.

    The company's row is locked: those who come at once count what is there one after another.
    """
    if not companies.exists(work, company):
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"])
    if not companies.locked_settings(work, company).attachments:
        problem = "company: its setting “attachments” is off, so no file is taken"
        raise RefusedRequest(409, "Attachments are switched off", [problem])


def _must_have_room(work: Work, file: WantedFile, size: int) -> None:
    """Raises RefusedRequest: 413 beyond what an invoice may have, 429 beyond what is kept for a company."""
    others = [
        row
        for row in attachments.of_invoice(work, file.company, file.invoice)
        if row.name != file.name and row.state != "failed"
    ]
    if len(others) >= MOST_FILES:
        raise RefusedRequest(413, "Too many files", [f"invoice: has {len(others)} files; Xero takes {MOST_FILES}"])
    if sum(row.size or 0 for row in others) + size > MOST_BYTES:
        problem = f"body: the files of one invoice may have {MOST_BYTES:,} bytes together"
        raise RefusedRequest(413, "Body too large", [problem])
    if attachments.stored_bytes(work, file.company) + size > attachments.MOST_STORED_BYTES:
        problem = f"company: files of {attachments.MOST_STORED_BYTES:,} bytes wait for Xero already"
        raise RefusedRequest(429, "Too much pending", [problem], {"Retry-After": str(_WAIT_SECONDS)})
