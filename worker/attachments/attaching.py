"""One file after another is attached to its invoice, behind the exports: fetched, frozen, sent, and told.

As with invoices: what is sent is written down before the call, an outcome that nobody knows is looked up in the
invoice's list of files before anything goes again, and every write passes a fence.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from events.accounting_target import FileRefused, Lane, Organisation, SentFile, Trouble
from events.attachments import AttachmentOutcome, AttachmentProblem, InvoiceAttachmentsCompleted
from events.connections import ConnectionProblem
from store import attachments, audit, companies, connections, outbox, restores
from store.attachments import ClaimedFile, Lost
from store.outbox import Outgoing
from store.status import is_held
from store.unit_of_work import Work
from worker import logs
from worker.attachments import contents, files_in_target
from worker.attachments.fetching import Fetcher, NotFetched
from worker.attachments.files_in_target import UNKNOWN, NoPermit
from worker.tools import Tools

EXPIRY = timedelta(days=14)
_IN_TIME_SECONDS = 5.0
_MOST_FETCHES = 6
_MOST_CRASHES = 5
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 3600.0
_ROOM_WAIT = 60.0
_log = logs.log("attachments")


@dataclass(frozen=True)
class _Permission:
    """Where a company's files go, whether its login may attach any, and whether its setting is on."""

    organisation: Organisation
    granted: bool
    wanted: bool


def attach_next(
    tools: Tools, fetcher: Fetcher, company: str, in_hand: dict[str, ClaimedFile] | None = None
) -> float | None:
    """A step for the company's next file; seconds until the company wants another, None where nothing is due.

    The file stands in `in_hand` for as long, so that its lease can be renewed. Raises redis.RedisError.
    """
    with tools.store.write() as work:
        at = _permission(work, tools, company)
        held = attachments.claim(work, company) if at else None
        in_doubt = held is not None and _may_be_there(work, held)
    if at is None or held is None:
        return None
    mine = {} if in_hand is None else in_hand
    mine[company] = held
    try:
        return _step(tools, fetcher, held, at, in_doubt=in_doubt)
    except Lost:
        _log.info("attachments.lost", company=company, invoice=held.row.invoice)
        return 0.0
    finally:
        mine.pop(company)


def renew(tools: Tools, held: Collection[ClaimedFile]) -> None:
    """These files stay in hand; of one that is on its way the settle time begins anew."""
    if held:
        with tools.store.write() as work:
            attachments.renew(work, held, tools.settings.settle_seconds)


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
    granted = login is None or login.may_attach(at.scopes.split())
    return _Permission(organisation, granted, companies.settings_of(work, company).attachments)


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
        body = contents.bytes_of(tools, fetcher, held, at.organisation)
    except (NoPermit, Trouble, NotFetched) as failed:
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
    if not at.wanted and held.row.state != "sending":  # what may have arrived is looked up first
        return AttachmentProblem.SWITCHED_OFF
    if not at.granted:
        return AttachmentProblem.PERMISSION_MISSING
    return AttachmentProblem.by_code(held.row.verdict) if held.row.verdict else None


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
        files_in_target.book(target.pace, permit, trouble)
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
        found = files_in_target.find(tools, organisation, row.target_id, row, row.sha256)
    except NoPermit as none:
        return _put_off(tools, held, rest=none.seconds)
    except FileRefused as refused:
        return _fail(tools, held, AttachmentProblem.REFUSED, str(refused), doubtful=True)
    except Trouble as trouble:
        return _after_trouble(tools, held, trouble, looked=True)
    if found is None:
        return _put_off(tools, held, **again)
    return _close(tools, held, "attached", attached_sha256=row.sha256)


def _refused(tools: Tools, held: ClaimedFile, said: str) -> float:
    too_large = said == "PayloadTooLarge"
    return _fail(tools, held, AttachmentProblem.TOO_LARGE if too_large else AttachmentProblem.REFUSED, said)


def _after_trouble(tools: Tools, held: ClaimedFile, trouble: Trouble, *, looked: bool = False) -> float:
    """What certainly did nothing waits as if it was not tried; what may have is looked up once it has settled."""
    unknown = trouble.effect in UNKNOWN
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


def _put_off_fetching(tools: Tools, held: ClaimedFile, failed: NoPermit | Trouble | NotFetched) -> float:
    if isinstance(failed, NoPermit):
        return _put_off(tools, held, rest=failed.seconds)
    if isinstance(failed, Trouble):
        return _after_trouble(tools, held, failed, looked=True)
    if tools.is_ending():  # it was broken off for that
        return _put_off(tools, held)
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
        if state == "attached" and attachments.follow(work, held.row.company, [held.row.invoice]):
            rows = attachments.of_invoice(work, held.row.company, held.row.invoice)  # raised anew while it was sent
        elif state == "attached":
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
