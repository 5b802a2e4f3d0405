"""The bytes of a file: kept here, fetched from where its host has it, or taken from the invoice before."""

import hashlib
from collections.abc import Sequence
from typing import Any

from events.accounting_target import FileRefused, Organisation
from events.attachments import MOST_BYTES, AttachmentProblem
from store import attachments, companies
from store.attachments import ClaimedFile
from worker.attachments import files_in_target
from worker.attachments.fetching import Fetcher, NotFetched
from worker.tools import Tools


def bytes_of(tools: Tools, fetcher: Fetcher, held: ClaimedFile, organisation: Organisation) -> bytes | None:
    """The bytes of the file, kept before anything is done with them; None while the company has no room for them.

    Raises NotFetched, and what the look at an earlier invoice raises: NoPermit, Trouble.
    """
    row = held.row
    with tools.store.read() as work:
        body = attachments.content(work, row.id)
        others = attachments.of_invoice(work, row.company, row.invoice)
        stored = attachments.stored_bytes(work, row.company)
    if body is not None:
        return body
    if row.url is None and not _is_at_earlier(held):
        raise NotFetched(AttachmentProblem.LINK_REFUSED, "neither its link nor its content is kept any longer")
    if stored > attachments.MOST_STORED_BYTES - MOST_BYTES:
        return None
    if row.url is None:
        body = _from_earlier(tools, held, organisation)
    else:
        body = fetcher.fetch(row.url, max(0, MOST_BYTES - _others_bytes(row, others)))
    sha256 = hashlib.sha256(body).hexdigest()
    if not body:
        raise NotFetched(AttachmentProblem.EMPTY, "")
    if row.announced and row.announced != sha256:
        raise NotFetched(AttachmentProblem.OTHER_CONTENT, "")
    with tools.store.write() as work:
        companies.locked_settings(work, row.company)  # those that come at once are counted one after another
        others = attachments.change(work, held, size=len(body), sha256=sha256)
        if _others_bytes(row, others) + len(body) > MOST_BYTES:
            raise NotFetched(AttachmentProblem.TOO_LARGE, "")
        attachments.store(work, row, body)
    return body


def _is_at_earlier(held: ClaimedFile) -> bool:
    """Whether it is known to be at the invoice that stood in the target before this one was raised."""
    row = held.row
    return bool(row.attached_sha256) and row.tenant == held.tenant and row.target_id != held.target_id


def _from_earlier(tools: Tools, held: ClaimedFile, organisation: Organisation) -> bytes:
    """What is attached there. Raises NotFetched, NoPermit, Trouble."""
    row = held.row
    try:
        body = files_in_target.find(tools, organisation, row.target_id, row, row.attached_sha256)
    except FileRefused as refused:
        raise NotFetched(AttachmentProblem.AT_EARLIER_INVOICE, str(refused)) from None
    if body is None:
        raise NotFetched(AttachmentProblem.AT_EARLIER_INVOICE, "it is no longer there as it was")
    return body


def _others_bytes(row: Any, files: Sequence[Any]) -> int:
    return sum(one.size or 0 for one in files if one.id != row.id and one.state != "failed")
