"""Files at an invoice: listed, read, created and replaced by name, ten of them at most (facts §8)."""

import base64
import hashlib
import mimetypes
from collections.abc import Sequence

from simulator.context import Context
from simulator.messages import Say
from simulator.refusals import No, nowhere, problem
from simulator.wire import Json, Reply, Request, exception
from simulator.world import Attachment, new_id, wire_moment

MOST = 10
_LONGEST_NAME = 255
_UNFIT = frozenset('<>:"/\\|?*\t\r\n ')
_UNKNOWN_TYPE = "application/octet-stream"


def answer(context: Context, request: Request, invoice: Json, rest: Sequence[str]) -> Reply | list[Json]:
    """The files of the invoice as elements; or a refusal, or one file as it is. `rest` names one, by name or id."""
    files = context.organisation.attachments.setdefault(invoice["InvoiceID"], [])
    if request.method == "GET" and not rest:
        return [_element(invoice, one) for one in files]
    if not rest or request.method not in ("GET", "PUT", "POST"):
        return exception(20, "ApiMethodNotImplementedException", No.WRONG_VERB(), 501)
    known = next((one for one in files if rest[0] in (one.name, one.id)), None)
    if request.method == "GET":
        if known is None:
            return nowhere()
        return Reply(200, base64.b64decode(known.content), {"content-type": known.kind})
    return _written(context, request, invoice, files, known, rest[0])


def _written(
    context: Context,
    request: Request,
    invoice: Json,
    files: list[Attachment],
    known: Attachment | None,
    name: str,
) -> Reply | list[Json]:
    if len(request.body) > context.switches.largest_body:
        return problem(413, No.PAYLOAD_TOO_LARGE(), context.dice, context.switches.problem_keys)
    objection = _objection(request, files, known, name)
    if objection:
        return exception(10, "ValidationException", objection)
    made = known if known and context.switches.same_name_replaces else None
    if made is None:
        made = Attachment(new_id(), name)
        files.append(made)
    kind = request.headers.get("content-type", _UNKNOWN_TYPE).partition(";")[0]
    made.kind = (mimetypes.guess_type(name)[0] or kind) if kind == _UNKNOWN_TYPE else kind
    made.content, made.size = base64.b64encode(request.body).decode(), len(request.body)
    made.sha256 = hashlib.sha256(request.body).hexdigest()
    if request.method == "PUT" or "includeonline" in request.asked:
        made.online = request.says("IncludeOnline")
    changed = {**invoice, "HasAttachments": True, "UpdatedDateUTC": wire_moment(context.now)}
    context.organisation.keep(changed, context.unseen_until)
    return [_element(invoice, made)]


def _objection(request: Request, files: list[Attachment], known: Attachment | None, name: str) -> str | None:
    if not request.body:
        return Say.ATTACHMENT_EMPTY()
    if len(name) > _LONGEST_NAME or _UNFIT & set(name):
        return Say.ATTACHMENT_NAME()
    return Say.TOO_MANY_ATTACHMENTS() if known is None and len(files) >= MOST else None


def _element(invoice: Json, one: Attachment) -> Json:
    place = f"https://api.xero.com/api.xro/2.0/Invoices/{invoice['InvoiceID']}/Attachments/{one.name}"
    return {
        "AttachmentID": one.id,
        "FileName": one.name,
        "Url": place,
        "MimeType": one.kind,
        "ContentLength": one.size,
        "IncludeOnline": one.online,
    }
