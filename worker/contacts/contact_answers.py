"""Xero is asked about the contacts that people want, up to 45 in one call; then each change is answered once."""

import functools
from collections.abc import Mapping, Sequence

from events.accounting_target import ListedContact, Organisation
from events.contact_problems import ContactProblem, NotAContact
from events.contacts import ClientXeroContactUpdated
from store import audit, changes, contacts
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_words, mapping_contacts, permits
from worker.contacts.permits import Wait
from worker.decisions import contact_checks
from worker.decisions.contact_checks import ContactVerdict
from worker.tools import Tools
from worker.waiting import cause_resolved

_MOST_MERGES = 3  # a winner may have been merged itself
_log = logs.log("contacts")


def look_up(
    tools: Tools, organisation: Organisation, ids: Sequence[str], wait: Wait | None = None, *, single: bool = True
) -> Mapping[str, ListedContact]:
    """What Xero shows of a call's worth of contacts, and of those they were merged into: one call, rarely more.

    Raises Trouble.
    """
    target = tools.target(organisation)
    shown: dict[str, ListedContact] = {}
    asked = sorted(set(ids))
    for _ in range(1 + _MOST_MERGES):
        if not asked:
            break
        some = asked[: target.sizes.contacts]
        ask = functools.partial(target.contacts, organisation, some)
        shown |= permits.call(tools, organisation, ask, wait, single=single)
        asked = [one for one in contact_checks.unseen_winners(shown) if one not in some]
    return shown


def answer(
    tools: Tools, organisation: Organisation | None, asked: Sequence[AskedChange], wait: Wait | None = None
) -> int:
    """Answer these changes of contacts in their order; gives how many invoices go again. Raises Trouble.

    Without an organisation only the end of a link is obeyed.
    """
    with tools.store.read() as work:
        ids = [one for change in asked if (one := _id_wanted(work, tools, change))]
    shown = look_up(tools, organisation, ids, wait) if ids and organisation else {}
    tenant = organisation.lane.tenant if organisation else ""
    sent = 0
    for change in asked:
        with tools.store.write() as work:
            sent += _conclude(work, tools, change, tenant, shown)
    return sent


def refuse(
    work: Work, tools: Tools, change: AskedChange, refused: NotAContact, winner: ListedContact | None = None
) -> None:
    """Answer a change with what was wrong; nothing is changed."""
    if changes.settle(work, change, "rejected", refused.problem.code):
        told = contact_words.rejected(work, tools, change, refused.problem, refused.facts, winner)
        contact_words.answer(work, change, told)


def _id_wanted(work: Work, tools: Tools, change: AskedChange) -> str:
    try:
        pasted = mapping_contacts.wanted(work, tools, change)
    except NotAContact:
        return ""
    return pasted.contact_id if pasted else ""


def _conclude(work: Work, tools: Tools, change: AskedChange, tenant: str, shown: Mapping[str, ListedContact]) -> int:
    """The one answer to a change, and what it moves; gives how many invoices go again."""
    try:
        pasted = mapping_contacts.wanted(work, tools, change)
    except NotAContact as refused:
        refuse(work, tools, change, refused)
        return 0
    if changes.newer_than(work, change):
        refuse(work, tools, change, NotAContact(ContactProblem.OVERTAKEN))
        return 0
    if pasted is None:
        _unlink(work, change)
        return 0
    seen = contact_checks.verdict(pasted.contact_id, shown)
    if seen.problem:
        refuse(work, tools, change, NotAContact(seen.problem, seen.facts()), seen.winner)
        return 0
    return _link(work, tools, change, tenant, pasted.contact_id, seen)


def _link(work: Work, tools: Tools, change: AskedChange, tenant: str, contact_id: str, seen: ContactVerdict) -> int:
    if not changes.settle(work, change, "updated"):
        return 0
    name = seen.contact.name if seen.contact else ""
    cause = contact_words.cause_of(change)
    sent = cause_resolved.contact_linked(work, change.company, change.subject, change.by, cause)
    _keep_link(work, change, contact_id, name=name, status=seen.status, checked_at=work.now, checked_in=tenant)
    event = ClientXeroContactUpdated(
        company=change.company,
        client=change.subject,
        contact=contact_words.shown(work, tools, change.company, contact_id, name),
        status=seen.status,
        warnings=contact_words.warnings(work, change.company, change.subject, contact_id),
        changed_by=change.by,
        changed_at=work.now,
        sent_again=sent,
    )
    contact_words.answer(work, change, event)
    return sent


def _unlink(work: Work, change: AskedChange) -> None:
    if not changes.settle(work, change, "updated"):
        return
    _keep_link(work, change, "")
    event = ClientXeroContactUpdated(
        company=change.company,
        client=change.subject,
        status="unchecked",
        changed_by=change.by,
        changed_at=work.now,
    )
    contact_words.answer(work, change, event)


def _keep_link(work: Work, change: AskedChange, contact_id: str, name: str = "", **more: object) -> None:
    """The link from now on, and whose word it was."""
    company, client = change.company, change.subject
    known = contacts.known(work, company, [client]).get(client)
    before = known.xero_contact_id if known else ""
    more |= {"source": change.source, "client_name": change.subject_name}
    contacts.link(work, company, client, contact_id, change.by, name, **more)
    if before != contact_id:
        said = {"client": client, "before": before, "now": contact_id}
        audit.note(work, change.by, "contact", company, said, 0, "")
    _log.info("contacts.changed", company=company, kind=change.source)
