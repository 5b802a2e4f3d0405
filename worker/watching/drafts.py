"""A test invoice: a draft that is sent to a company's accounting system and deleted again, each exactly once.

written down → sent → in Xero as a draft → deleted

By the protocol of every export (exactly-once §a to §c): body and key are committed before the call, anything but a
clear answer is looked up after the settle time, by a number that nothing else has, and every write passes a fence. It
is no export of anybody's: no marker, no line of the export log, no event.
"""

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from events.accounting_target import Answers, Lane, Organisation, Posted, Posting, Rejected, Trouble, Unmappable
from events.invoice import Client, Invoice, LineItem, folded
from events.reasons import Reason
from store import audit, companies, connections, contacts, drafts, pauses, processes
from store.tables import Draft
from store.unit_of_work import Work
from worker import logs
from worker.contacts import permits
from worker.export.freezing import SEND_WITHIN_SECONDS
from worker.tools import Tools

DUTY, PASS_SECONDS = "drafts", 15.0
_NOBODY = "*test"  # whose mark it has in Xero: no company's id has an asterisk, so nobody takes it for an export
_WITHOUT_WORD = ("not_sent", "refused", "limited", "needs_login")  # effects of trouble after which nothing is in Xero
_log = logs.log("drafts")
T = TypeVar("T")


class NoDraft(Exception):
    """No test invoice can be made, or this one cannot be deleted, now; the text says why."""


@dataclass(frozen=True)
class DraftWanted:
    """A test invoice as it would be sent, and where."""

    organisation: Organisation
    invoice: Invoice
    body: bytes


def example(work: Work, company: str, id_: str = "example") -> Invoice:
    """A small invoice for the first client that Xero accepts. Raises NoDraft."""
    linked = [one for status in ("active", None) for one in contacts.linked_clients(work, company, status, most=1)]
    at = connections.of_company(work, company)
    if at is None or at.state != "connected":
        raise NoDraft("The company is not connected to Xero. Somebody has to log in first.")
    if not linked:
        raise NoDraft("No client is linked to a contact in Xero yet. Link one first.")
    client = Client(id=linked[0].client, name=linked[0].client_name or linked[0].name or linked[0].client)
    line = LineItem(description="Test from CrewCard", quantity=Decimal(1), unit_amount=Decimal("1.00"))
    number = f"CREWCARD-TEST-{id_[:8].upper()}"
    return Invoice(
        id=id_,
        number=number,
        client=client,
        date=work.now.date(),
        due_date=work.now.date(),
        currency=at.base_currency,
        lines=(line,),
    )


def send(tools: Tools, company: str, by: str) -> None:
    """Send a test invoice as a draft. Raises NoDraft; what became of it is written down."""
    id_ = uuid.uuid4().hex
    with tools.store.write() as work:
        wanted = _wanted(work, tools, company, id_)
        row = Draft(
            company=company,
            id=id_,
            tenant=wanted.organisation.lane.tenant,
            number=wanted.invoice.number,
            key=f"{wanted.organisation.lane.tenant}-{id_}",
            body=wanted.body,
            state="sending",
            by=by,
            begun_at=work.now,
            moved_at=work.now,
            due_at=work.after(tools.settings.lease_seconds),
        )
        if not drafts.begin(work, row):
            raise NoDraft("There is a test invoice already. Delete that one first.")
        audit.note(work, by, "test invoice sent", company, {"number": row.number}, 0, "")
        before = tools.elapsed() + SEND_WITHIN_SECONDS
        draft = Draft(**row.model_dump())
    target = tools.target(wanted.organisation)
    create = functools.partial(
        target.create, wanted.organisation, draft.body, draft.key, lambda: tools.elapsed() <= before
    )
    said = _called(tools, wanted.organisation, create)
    to, changes = _after_sending(draft, said)
    _record(tools, draft, "sending", to, changes)


def delete(tools: Tools, company: str, by: str) -> None:
    """Delete the test invoice that is in Xero. Raises NoDraft; what became of that is written down."""
    with tools.store.write() as work:
        draft, organisation = drafts.of_company(work, company), _organisation(work, tools, company)
        due = work.after(tools.settings.lease_seconds)
        if draft is None or not drafts.move(work, draft, ["draft"], "deleting", message="", due_at=due):
            raise NoDraft("There is no test invoice to delete; somebody else may have been quicker.")
        if draft.tenant != organisation.lane.tenant:
            raise NoDraft("It is in another organisation than the present one: delete it in Xero.")
        audit.note(work, by, "test invoice deleted", company, {"number": draft.number}, 0, "")
        draft = Draft(**draft.model_dump())
    copy = _called(tools, organisation, functools.partial(_copy, tools, organisation, draft))
    if isinstance(copy, Trouble) or copy is None or copy.status not in ("DRAFT", "SUBMITTED"):
        _record(tools, draft, "deleting", *_after_look(copy))
        return
    target, before = tools.target(organisation), tools.elapsed() + SEND_WITHIN_SECONDS
    body, key = target.freeze([target.deletion(draft.target_id)]), f"{draft.tenant}-{uuid.uuid4().hex}"
    update = functools.partial(target.update, organisation, body, key, lambda: tools.elapsed() <= before)
    said = _called(tools, organisation, update)
    _record(tools, draft, "deleting", *_after_deleting(draft, said))


def settle(tools: Tools, company: str = "") -> int:
    """Look up those of which nobody knows what became, of one company or of all; gives how many were settled."""
    with tools.store.read() as work:
        due = [Draft(**one.model_dump()) for one in drafts.to_look_up(work, company)]
        at = {one.company: tools.organisation(work, Lane(one.company, one.tenant)) for one in due}
    return sum(_settle(tools, one, organisation) for one in due if (organisation := at[one.company]))


def settle_due(tools: Tools, holder: str) -> int:
    """The clock's round, if this process has the duty."""
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, PASS_SECONDS + tools.settings.call_deadline):
            return 0
    return settle(tools)


def _wanted(work: Work, tools: Tools, company: str, id_: str) -> DraftWanted:
    """Raises NoDraft."""
    invoice, organisation = example(work, company, id_), _organisation(work, tools, company)
    if held := pauses.of_company(work, company):
        raise NoDraft(f"The export is paused by {held.by}. {held.why}".strip())
    target = tools.target(organisation)
    kept = contacts.links(work, company, [invoice.client.id])[invoice.client.id]
    settings = companies.settings_of(work, company).model_copy(update={"invoice_status": "DRAFT"})
    nobodys = Lane(_NOBODY, organisation.lane.tenant)
    try:
        element = target.element(Posting(nobodys, invoice, target.contact_id(kept) or "", settings))
    except Unmappable as unfit:
        raise NoDraft(unfit.failure.message()) from None
    return DraftWanted(organisation, invoice, target.freeze([element]))


def _organisation(work: Work, tools: Tools, company: str) -> Organisation:
    """Raises NoDraft."""
    at = connections.of_company(work, company)
    found = tools.organisation(work, Lane(company, at.tenant)) if at and at.state == "connected" else None
    if found is None:
        raise NoDraft("The company is not connected to Xero. Somebody has to log in first.")
    return found


def _called(tools: Tools, organisation: Organisation, call: Callable[[], T]) -> T | Trouble:
    """What one call says, or the trouble with it; what nobody foresaw leaves its outcome unknown."""
    try:
        return permits.call(tools, organisation, call)
    except Trouble as trouble:
        return trouble
    except Exception as broken:
        _log.exception("drafts.call_broke", company=organisation.lane.company)
        return Trouble("unknown", f"the call broke: {type(broken).__name__}")


def _copy(tools: Tools, organisation: Organisation, draft: Draft) -> Posted | None:
    """Xero's copy of it; None where it is gone. Raises Trouble."""
    return tools.target(organisation).fetch(organisation, [draft.target_id]).get(draft.target_id)


def _after_sending(draft: Draft, said: Answers | Trouble) -> tuple[str, dict[str, Any]]:
    """The state after the create, and what else is known."""
    if isinstance(said, Trouble):
        return ("unsent" if said.effect in _WITHOUT_WORD else "uncertain"), {"message": said.message}
    answer = said.by_number.get(folded(draft.number)) or next(iter(said.unnamed), None)
    if isinstance(answer, Posted):
        return "draft", {"target_id": answer.target_id, "message": ""}
    if answer is None or answer.failure.reason is Reason.NUMBER_TAKEN:
        return "uncertain", {"message": "Xero's answer does not name it"}
    return "refused", {"message": f"{answer.failure.message()} {answer.failure.remedy()}"}


def _after_deleting(draft: Draft, said: Answers | Trouble) -> tuple[str, dict[str, Any]]:
    if isinstance(said, Trouble):
        return ("draft" if said.effect in _WITHOUT_WORD else "deleting"), {"message": said.message}
    answer = said.by_id.get(draft.target_id) or next(iter(said.unnamed), None)
    if isinstance(answer, Rejected):
        return "draft", {"message": answer.failure.message()}
    return _after_look(answer) if answer else ("deleting", {"message": "Xero's answer does not name it"})


def _after_look(copy: Posted | Trouble | None) -> tuple[str, dict[str, Any]]:
    """The state after a look at a draft that was to be deleted; a look that failed changed nothing."""
    if isinstance(copy, Trouble):
        return "draft", {"message": copy.message}
    if copy is None or copy.status in ("DELETED", "VOIDED"):
        return "deleted", {"message": ""}
    if copy.status in ("DRAFT", "SUBMITTED"):
        return "draft", {"message": "Xero still has it. Delete it once more."}
    return "draft", {"message": f"Somebody has made it {copy.status} in Xero since. Void it there, then look again."}


def _record(tools: Tools, draft: Draft, before: str, to: str, changes: dict[str, Any]) -> bool:
    """Write down what became of it, unless somebody else did; what is unclear is looked up after the settle time."""
    with tools.store.write() as work:
        later = {"due_at": work.after(tools.settings.settle_seconds)} if to in ("uncertain", "deleting") else {}
        moved = drafts.move(work, draft, [before], to, **changes, **later)
    _log.info("drafts.moved", company=draft.company, state=to)
    return moved


def _settle(tools: Tools, draft: Draft, organisation: Organisation) -> bool:
    """Ask Xero what became of it; where it cannot be asked, it is looked up later."""
    if draft.state == "deleting":
        found = _called(tools, organisation, functools.partial(_copy, tools, organisation, draft))
        if not isinstance(found, Trouble):
            return _record(tools, draft, "deleting", *_after_look(found))
    else:
        find = functools.partial(tools.target(organisation).find, organisation, [draft.number])
        shown = _called(tools, organisation, find)
        if not isinstance(shown, Trouble):
            mine = next(iter(shown.get(folded(draft.number), ())), None)
            changes = {"target_id": mine.target_id, "message": ""} if mine else {"message": "It did not reach Xero"}
            return _record(tools, draft, draft.state, "draft" if mine else "unsent", changes)
    _record(tools, draft, draft.state, "deleting" if draft.state == "deleting" else "uncertain", {})
    return False
