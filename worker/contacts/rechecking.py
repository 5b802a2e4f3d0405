"""The weekly look at all linked contacts: 45 in one call, so that a thousand of them cost 23 calls.

What is not as it was (archived, merged, erased, renamed) is told; nothing is changed by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from events.accounting_target import ListedContact, Organisation, Trouble
from events.contact_problems import ContactProblem
from events.contacts import ClientXeroContactUpdated
from store import choosing, contacts, duties, outbox
from store.outbox import Outgoing
from store.tables import ContactLink
from store.unit_of_work import Work
from worker import logs
from worker.contacts import changes, contact_answers, contact_words
from worker.contacts.permits import Wait
from worker.decisions import contact_checks
from worker.decisions.contact_checks import ContactVerdict
from worker.tools import Tools

DUTY = "contacts"
PASS_SECONDS = 3600.0
WEEK_SECONDS = 7 * 86_400.0
_TOGETHER_SECONDS = WEEK_SECONDS - 86_400.0  # what is due within a day goes along: fuller calls, fewer of them
_log = logs.log("contacts")


def recheck_due(tools: Tools, holder: str) -> int:
    """Look at the contacts whose week is over, if this process has the duty; gives how many were looked at."""
    with tools.store.write() as work:
        if not duties.take(work, DUTY, holder, PASS_SECONDS * 2):
            return 0
        companies = contacts.due_for_check(work, WEEK_SECONDS)
    looked = 0
    for company in companies:
        try:
            looked += recheck(tools, company, older_than=_TOGETHER_SECONDS)
        except Trouble as trouble:
            _log.warning("contacts.not_rechecked", company=company, effect=trouble.effect)
    if looked:
        tools.bells.wake_relay()
    return looked


def recheck(
    tools: Tools,
    company: str,
    *,
    older_than: float = 0,
    wait: Wait | None = None,
    shown: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Look at the company's contacts that were not looked at for so long; gives how many. Raises Trouble.

    `shown` is told how far it is; what was looked at before Trouble came stays looked at.
    """
    with tools.store.read() as work:
        links = contacts.to_check(work, company, older_than)
        organisation = changes.organisation_of(work, tools, company)
    if organisation is None:
        return 0
    done = 0
    for some in choosing.in_chunks(links, tools.target(organisation).sizes.contacts):
        _recheck(tools, organisation, some, wait)
        done += len(some)
        shown(done, len(links))
    return done


def _recheck(tools: Tools, organisation: Organisation, links: Sequence[ContactLink], wait: Wait | None) -> None:
    target = tools.target(organisation)
    ids = {link.client: target.contact_id(link.xero_contact_id) or "" for link in links}
    asked = [one for one in ids.values() if one]
    seen = contact_answers.look_up(tools, organisation, asked, wait, single=False) if asked else {}
    with tools.store.write() as work:
        known = contacts.known(work, organisation.lane.company, list(ids))
        same = [link for link in links if known[link.client].xero_contact_id == link.xero_contact_id]
        tenant = organisation.lane.tenant
        rows = [_found(known[link.client], ids[link.client], seen) for link in same]
        contacts.note_checks(work, [{**row, "checked_at": work.now, "checked_in": tenant} for row in rows])
        told = [
            _news(work, tools, known[link.client], contact_checks.verdict(ids[link.client], seen)) for link in same
        ]
        outbox.publish(work, [one for one in told if one])


def _found(link: ContactLink, contact_id: str, seen: Mapping[str, ListedContact]) -> dict[str, Any]:
    """What the link's row says from now on."""
    verdict = contact_checks.verdict(contact_id, seen)
    return {
        "company": link.company,
        "client": link.client,
        "status": verdict.status,
        "name": verdict.contact.name if verdict.contact else link.name,
        "merged_into": verdict.winner.id if verdict.winner else "",
    }


def _news(work: Work, tools: Tools, link: ContactLink, verdict: ContactVerdict) -> Outgoing | None:
    """What the host is told: a contact that is not as it was. A first look that finds all well is no news."""
    name = verdict.contact.name if verdict.contact else link.name
    before = (link.status or "active", link.name or name)
    if (verdict.status, name) == before:
        return None
    event = ClientXeroContactUpdated(
        company=link.company,
        client=link.client,
        contact=contact_words.shown(work, tools, link.company, link.xero_contact_id, name),
        status=verdict.status,
        warnings=_warnings(work, link, verdict),
        cause="recheck",
        changed_by=link.said_by,
        changed_at=link.changed_at,
    )
    key = f"recheck/{link.company}/{link.client}/{link.xero_contact_id}/{work.now.isoformat()}"
    return Outgoing(event, link.company, link.client, key)


def _warnings(work: Work, link: ContactLink, verdict: ContactVerdict) -> tuple[str, ...]:
    problem = verdict.problem
    if problem is None:
        return ()
    facts = {**contact_words.facts(work, link.company, link.client, link.client_name), **verdict.facts()}
    if problem is ContactProblem.NOT_FOUND and link.name:
        facts["name"] = link.name
    return (f"{problem.message(facts)} {problem.remedy(facts)}",)
