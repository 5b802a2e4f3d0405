"""One file after another is attached to its invoice, behind the exports: fetched, frozen, sent, and told.

As with invoices: what is sent is written down before the call, an outcome that nobody knows is looked up in the
invoice's list of files before anything goes again, and every write passes a fence.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from events.accounting_target import FileRefused, Lane, Organisation, SentFile, Trouble
from events.attachments import MOST_BYTES, AttachmentOutcome, AttachmentProblem, InvoiceAttachmentsCompleted
from events.connections import ConnectionProblem
from events.pace import Permit, TargetPace
from store import attachments, audit, companies, connections, outbox, restores
from store.attachments import ClaimedFile, Lost
from store.outbox import Outgoing
from store.status import is_held
from store.unit_of_work import Work
from worker import logs
from worker.attachments.fetching import Fetcher, NotFetched
from worker.tools import Tools

EXPIRY = timedelta(days=14)
_IN_TIME_SECONDS = 5.0
_MOST_FETCHES = 6
_MOST_CRASHES = 5
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 3600.0
_ROOM_WAIT = 60.0
_UNKNOWN = ("unknown", "offline")  # effects of trouble after which the file may be there
_log = logs.log("attachments")
T = TypeVar("T")


class _NoPermit(Exception):
    """Leave for a call is given in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class _Permission:
    """Where a company's files go, and whether its login may attach any."""

    organisation: Organisation
    granted: bool


def attach_next(tools: Tools, fetcher: Fetcher, company: str) -> float | None:
    """A step for the company's next file; seconds until the company wants another, None where nothing is due.

    Raises redis.RedisError.
    """
    with tools.store.write() as work:
        at = _permission(work, tools, company)
        held = attachments.claim(work, company) if at else None
        in_doubt = held is not None and _may_be_there(work, held)
    if at is None or held is None:
        return None
    try:
        return _step(tools, fetcher, held, at, in_doubt=in_doubt)
    except Lost:
        _log.info("attachments.lost", company=company, invoice=held.row.invoice)
        return 0.0


def expire(tools: Tools) -> int:
    """Files that were wanted too long ago have failed; gives how many of them."""
    count = 0
    while True:
        with tools.store.write() as work:
            held = attachments.claim_overdue(work, work.now - EXPIRY)
        if held is None:
            return count
        doubtful = held.row.state == "sending"
        problem = AttachmentProblem.OUTCOME_UNKNOWN if doubtful else AttachmentProblem.EXPIRED
        _fail(tools, held, problem, held.row.said or "its invoice is not in Xero", doubtful=doubtful)
        count += 1


def try_again(tools: Tools, company: str, invoice: str, by: str, why: str) -> int:
    """A person has the failed files of an invoice attached after all; gives how many there are."""
    with tools.store.write() as work:
        count = attachments.try_again(work, company, invoice)
        if count:
            audit.note(work, by, "attachments tried again", company, {"invoice": invoice}, count, why)
    return count


def _permission(work: Work, tools: Tools, company: str) -> _Permission | None:
    """None while nothing of the company may be sent."""
    at = connections.of_company(work, company)
    if at is None or is_held(work, Lane(company, at.tenant)):
        return None
    organisation = tools.organisation(work, Lane(company, at.tenant))
    if organisation is None:
        return None
    login = tools.target(organisation).login
    return _Permission(organisation, granted=login is None or login.may_attach(at.scopes.split()))


def _may_be_there(work: Work, held: ClaimedFile) -> bool:
    """Whether Xero may have the file though nobody remembers: an older database was put back since its invoice was
    exported, or the invoice was in another organisation meanwhile.
    """
    row, restored = held.row, restores.newest(work)
    if row.key or (row.attached_sha256 and row.target_id == held.target_id):
        return False  # it was looked up, or takes the place of what is known to be there
    told = [moment for moment in (row.wanted_at, held.exported_at) if moment]
    return bool(row.tenant not in ("", held.tenant) or (restored and any(one <= restored.at for one in told)))


def _step(tools: Tools, fetcher: Fetcher, held: ClaimedFile, at: _Permission, *, in_doubt: bool) -> float:
    row = held.row
    problem = _hopeless(held, at)
    if problem:
        return _fail(tools, held, problem, doubtful=row.state == "sending")
    if row.state == "sending":
        return _look_up(tools, held, at.organisation)
    try:
        body = _body(tools, fetcher, held)
    except NotFetched as failed:
        if tools.is_ending():  # it was broken off for that
            return _put_off(tools, held)
        return _put_off_fetching(tools, held, failed)
    if body is None:
        return _put_off(tools, held, _ROOM_WAIT, said="files of its company that are 200 MB together wait for Xero")
    return _attach(tools, held, at, body, in_doubt=in_doubt)


def _attach(tools: Tools, held: ClaimedFile, at: _Permission, body: bytes, *, in_doubt: bool) -> float:
    """Send the file, unless it is there as it is."""
    row, sha256 = held.row, hashlib.sha256(body).hexdigest()
    if (row.attached_sha256, row.target_id) == (sha256, held.target_id):
        return _close(tools, held, "attached")
    if in_doubt:
        doubt: dict[str, Any] = {"state": "sending", "key": uuid.uuid4().hex, "size": len(body), "sha256": sha256}
        return _put_off(tools, held, **doubt, tenant=held.tenant, target_id=held.target_id, attached_sha256="")
    return _send(tools, held, at.organisation, body, sha256)


def _hopeless(held: ClaimedFile, at: _Permission) -> AttachmentProblem | None:
    """Why it is not even tried."""
    if held.row.crashes >= _MOST_CRASHES:
        return AttachmentProblem.BROKE_OFF
    if held.document != "invoice":
        return AttachmentProblem.CREDIT_NOTE
    if not at.granted:
        return AttachmentProblem.PERMISSION_MISSING
    return AttachmentProblem.by_code(held.row.verdict) if held.row.verdict else None


def _body(tools: Tools, fetcher: Fetcher, held: ClaimedFile) -> bytes | None:
    """The bytes of the file, kept before anything is done with them; None while the company has no room for them.

    Raises NotFetched.
    """
    row = held.row
    with tools.store.read() as work:
        body = attachments.content(work, row.id)
        others = attachments.of_invoice(work, row.company, row.invoice)
        stored = attachments.stored_bytes(work, row.company)
    if body is not None:
        return body
    if row.url is None:
        raise NotFetched(AttachmentProblem.LINK_REFUSED, "neither its link nor its content is kept any longer")
    if stored > attachments.MOST_STORED_BYTES - MOST_BYTES:
        return None
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


def _others_bytes(row: Any, files: Sequence[Any]) -> int:
    return sum(one.size or 0 for one in files if one.id != row.id and one.state != "failed")


def _send(tools: Tools, held: ClaimedFile, organisation: Organisation, body: bytes, sha256: str) -> float:
    """Freeze and send the file; what became of it is written down, or is in doubt until it is looked up."""
    row, target = held.row, tools.target(organisation)
    permit = target.pace.ask_behind(organisation)
    if permit.wait:
        return _put_off(tools, held, rest=permit.wait)
    replaces = bool(row.attached_sha256) and row.target_id == held.target_id
    key = uuid.uuid4().hex
    with tools.store.write() as work:
        settled = work.after(tools.settings.settle_seconds)
        place = {"tenant": held.tenant, "target_id": held.target_id}
        kept = {} if replaces else {"attached_sha256": ""}
        frozen = {"state": "sending", "key": key, "sent_at": work.now, "due_at": settled, "size": len(body)}
        attachments.change(work, held, **frozen, **place, **kept, sha256=sha256)
    end = tools.elapsed() + _IN_TIME_SECONDS
    file = SentFile(row.name, body, row.media_type, row.include_online, replaces)
    try:
        target.attach(organisation, held.target_id, file, key, lambda: tools.elapsed() < end)
    except FileRefused as refused:
        target.pace.done(permit)
        return _refused(tools, held, str(refused))
    except Trouble as trouble:
        _book(target.pace, permit, trouble)
        return _after_trouble(tools, held, trouble)
    target.pace.done(permit)
    return _close(tools, held, "attached", attached_sha256=sha256)


def _look_up(tools: Tools, held: ClaimedFile, organisation: Organisation) -> float:
    """Whether the file is there, where nothing of its name was there before; else it goes, perhaps again."""
    row = held.row
    again: dict[str, Any] = {"state": "waiting", "key": uuid.uuid4().hex}
    is_elsewhere = row.target_id != held.target_id  # raised anew since: the former one does not count
    if row.attached_sha256 or is_elsewhere:
        return _put_off(tools, held, **again)
    try:
        is_there = _is_there(tools, organisation, row)
    except _NoPermit as none:
        return _put_off(tools, held, rest=none.seconds)
    except FileRefused as refused:
        return _fail(tools, held, AttachmentProblem.REFUSED, str(refused), doubtful=True)
    except Trouble as trouble:
        return _after_trouble(tools, held, trouble, looked=True)
    return _close(tools, held, "attached", attached_sha256=row.sha256) if is_there else _put_off(tools, held, **again)


def _is_there(tools: Tools, organisation: Organisation, row: Any) -> bool:
    """Whether the invoice has this file, by name, size and content. Raises _NoPermit, FileRefused, Trouble."""
    target = tools.target(organisation)
    for one in _ask(tools, organisation, lambda: target.attached(organisation, row.target_id)):
        if (one.name, one.size) == (row.name, row.size):
            content = _ask(tools, organisation, partial(target.attached_content, organisation, row.target_id, one))
            if hashlib.sha256(content).hexdigest() == row.sha256:
                return True
    return False


def _ask(tools: Tools, organisation: Organisation, question: Callable[[], T]) -> T:
    """The answer to a call, made behind the exports. Raises _NoPermit, FileRefused, Trouble."""
    pace = tools.target(organisation).pace
    permit = pace.ask_behind(organisation)
    if permit.wait:
        raise _NoPermit(permit.wait)
    try:
        found = question()
    except Trouble as trouble:
        _book(pace, permit, trouble)
        raise
    except FileRefused:
        pace.done(permit)
        raise
    pace.done(permit)
    return found


def _refused(tools: Tools, held: ClaimedFile, said: str) -> float:
    too_large = said == "PayloadTooLarge"
    return _fail(tools, held, AttachmentProblem.TOO_LARGE if too_large else AttachmentProblem.REFUSED, said)


def _book(pace: TargetPace, permit: Permit, trouble: Trouble) -> None:
    """What became of the call that the permit was for."""
    book = pace.lost if trouble.effect in _UNKNOWN else pace.abandon if trouble.effect == "not_sent" else pace.done
    book(permit)


def _after_trouble(tools: Tools, held: ClaimedFile, trouble: Trouble, *, looked: bool = False) -> float:
    """What certainly did nothing waits as if it was not tried; what may have is looked up once it has settled."""
    unknown = trouble.effect in _UNKNOWN
    _log.warning("attachments.call_failed", company=held.row.company, effect=trouble.effect, status=trouble.status)
    if trouble.problem == ConnectionProblem.SCOPE_MISSING.code:
        return _fail(tools, held, AttachmentProblem.PERMISSION_MISSING, doubtful=looked)
    wait = max(_wait(held.row.tries), trouble.wait or 0.0)
    if unknown or looked:
        settled = max(wait, tools.settings.settle_seconds) if unknown else wait
        _put_off(tools, held, settled, tries=held.row.tries + 1, said=trouble.message)
        return _FIRST_WAIT if trouble.effect == "offline" else 0.0
    if trouble.effect == "not_sent":
        return _put_off(tools, held, wait, state="waiting", tries=held.row.tries + 1)
    return _put_off(tools, held, rest=wait, state="waiting")


def _put_off_fetching(tools: Tools, held: ClaimedFile, failed: NotFetched) -> float:
    if failed.lasting or held.row.tries + 1 >= _MOST_FETCHES:
        return _fail(tools, held, failed.problem, failed.said)
    return _put_off(tools, held, _wait(held.row.tries), tries=held.row.tries + 1, said=failed.said)


def _wait(tries: int) -> float:
    return min(_LONGEST_WAIT, _FIRST_WAIT * float(4 ** min(tries, 8)))


def _put_off(tools: Tools, held: ClaimedFile, seconds: float = 0.0, rest: float = 0.0, **columns: Any) -> float:
    """It is tried again after so many seconds; the company `rest`s as long."""
    with tools.store.write() as work:
        attachments.let_go(work, held, due_at=work.after(seconds), **columns)
    return rest


def _fail(
    tools: Tools, held: ClaimedFile, problem: AttachmentProblem, said: str = "", *, doubtful: bool = False
) -> float:
    """It was not attached; a `doubtful` one may have been, and is looked up before it goes again."""
    return _close(tools, held, "failed", problem, said, **({"key": held.row.key} if doubtful else {}))


def _close(
    tools: Tools,
    held: ClaimedFile,
    state: str,
    problem: AttachmentProblem | None = None,
    said: str = "",
    **columns: Any,
) -> float:
    """The file has ended; its invoice's host is told when all of its files have."""
    code = problem.code if problem else None
    with tools.store.write() as work:
        ended = {
            "state": state,
            "reason": code,
            "said": said or None,
            "ended_at": work.now,
            "key": "",
            **({"url": None} if state == "attached" else {}),
        }
        rows = attachments.let_go(work, held, **{**ended, **columns})
        if state == "attached":
            attachments.forget_content(work, held)
        _tell(work, tools, held, rows)
    size = next(row.size for row in rows if row.id == held.row.id)
    seen = {"company": held.row.company, "invoice": held.row.invoice, "size": size}
    if code:
        _log.warning("attachments.failed", **seen, reason=code)
    else:
        _log.info("attachments.attached", **seen)
    if work.told:
        tools.bells.wake_relay()
    return 0.0


def _tell(work: Work, tools: Tools, held: ClaimedFile, rows: Sequence[Any]) -> None:
    if any(row.state in ("waiting", "sending") for row in rows):
        return
    company, invoice = held.row.company, held.row.invoice
    change = max(row.change for row in rows) + 1
    attachments.note_told(work, rows, change)
    organisation = tools.organisation(work, Lane(company, held.tenant)) if held.tenant else None
    link = None
    if organisation:
        link = tools.target(organisation, held.document).deep_link(organisation, held.target_id)
    event = InvoiceAttachmentsCompleted(
        company=company,
        invoice=invoice,
        number=held.number or None,
        xero_invoice_id=held.target_id or None,
        deep_link=link,
        change=change,
        attached=sum(row.state == "attached" for row in rows),
        failed=sum(row.state == "failed" for row in rows),
        files=tuple(outcome(row, held.number) for row in rows),
        completed_at=work.now,
    )
    outbox.publish_once(work, Outgoing(event, company, invoice, f"attachments/{company}/{invoice}/{change}"))


def outcome(row: Any, number: str = "") -> AttachmentOutcome:
    """What became of a file that has ended, as it is told."""
    if row.state == "attached":
        return AttachmentOutcome(name=row.name, state="attached", size=row.size, sha256=row.attached_sha256)
    problem = AttachmentProblem.by_code(row.reason or "")
    told = {"name": row.name, "said": row.said, "number": number}
    facts = {name: fact for name, fact in told.items() if fact}
    sentence, how = problem.message(facts), problem.remedy(facts)
    failed = {"reason": problem.code, "message": sentence, "who": problem.value.who, "how": how}
    return AttachmentOutcome(name=row.name, state="failed", size=row.size, **failed)
