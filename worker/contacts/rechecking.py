"""The weekly look at all linked contacts: 45 in one call, so that a thousand of them cost 23 calls.

What is not as it was (archived, merged, erased, renamed) is told; nothing is changed by itself.

The daily look at what companies' settings name: said before invoices fail, for a setting can rot in Xero.

Accounts, tax rates, tracking and branding themes are asked for once a day, a call each out of the reconciler's share
of the day, which compares so much later; and at once where Xero refused one of them. Nothing is changed by itself.
Settings name no items and no currencies.
"""

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis

from events import failures, wording
from events.accounting_target import ChoiceKind, ListedContact, Organisation, Trouble
from events.contacts import ClientXeroContactUpdated, ContactProblem
from events.outgoing import XeroExportAttentionNeeded
from events.settings import CompanySettings, SettingsPatch
from store import alerts, bulk_orders, companies, connections, contacts, outbox
from store.outbox import Outgoing
from store.tables import ContactLink
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_answers, offers
from worker.contacts.permits import Wait
from worker.decisions import contact_checks, settings_checks
from worker.decisions.contact_checks import ContactVerdict
from worker.reconcile import reconciler
from worker.tools import Tools

DUTY = "contacts"
PASS_SECONDS = 3600.0
WEEK_SECONDS = 7 * 86_400.0
_TOGETHER_SECONDS = WEEK_SECONDS - 86_400.0  # what is due within a day goes along: fuller calls, fewer of them
_log = logs.log("contacts")


def recheck_due(tools: Tools, holder: str) -> int:
    """Look at the contacts whose week is over, of this process's shards; gives how many were looked at."""
    with tools.store.write() as work:
        held = tools.take_shards(work, DUTY, holder, PASS_SECONDS * 2)
        due = contacts.due_for_check(work, WEEK_SECONDS) if held.mine else []
    looked = 0
    for company in tools.while_running(filter(held.has, due)):
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
        organisation = contact_answers.organisation_of(work, tools, company)
    if organisation is None:
        return 0
    done = 0
    for some in tools.while_running(bulk_orders.in_chunks(links, tools.target(organisation).sizes.contacts)):
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
        known = contacts.known_links(work, organisation.lane.company, list(ids))
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
        contact=contact_answers.contact_shown(work, tools, link.company, link.xero_contact_id, name),
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
    facts = {**contact_answers.contact_facts(work, link.company, link.client, link.client_name), **verdict.facts()}
    if problem is ContactProblem.NOT_FOUND and link.name:
        facts["name"] = link.name
    return (f"{problem.message(facts)} {problem.remedy(facts)}",)


SETTINGS_DUTY = "settings"
SETTINGS_PASS_SECONDS = 3600.0
REFUSED_DUTY = "settings refused"
REFUSED_PASS_SECONDS = 30.0
REASON = "settings_outdated"
_LONGEST = 1000
_TITLE = "A Xero setting does not fit any more"
_HOW = "Choose another in the company's Xero settings; what failed for it is then sent by itself."
_settings_log = logs.log("settings")


def recheck_settings_due(tools: Tools, holder: str) -> int:
    """Look at the settings of every connected company of this process's shards; gives how many do not fit."""
    with tools.store.write() as work:
        held = tools.take_shards(work, SETTINGS_DUTY, holder, SETTINGS_PASS_SECONDS * 2)
        there = connections.all_connections(work) if held.mine else []
    named = [one.company for one in there if one.state == "connected" and held.has(one.company)]
    return sum(recheck_settings(tools, company, from_share=True) for company in tools.while_running(named))


def recheck_refused(tools: Tools, holder: str) -> int:
    """Look anew at the settings of which Xero refused something; gives how many companies' do not fit.

    Told once an hour at most, a refusal costs a call per kind and hour at most, however many invoices fail for it.
    """
    with tools.store.write() as work:
        held = tools.take_shards(work, REFUSED_DUTY, holder, REFUSED_PASS_SECONDS * 2)
        told, now = alerts.told_since(work, SETTINGS_PASS_SECONDS) if held.mine else [], work.now
    mine = [one for one in told if held.has(one.company)]
    newest = {one.company: one.told_at for one in mine if failures.is_of_settings(one.cause)}
    ages = {company: (now - told_at).total_seconds() for company, told_at in newest.items()}
    refused = tools.while_running(sorted(ages.items()))
    return sum(recheck_settings(tools, company, at_most_old=age) for company, age in refused)


def recheck_settings(
    tools: Tools, company: str, at_most_old: float = offers.KEPT_SECONDS, *, from_share: bool = False
) -> bool:
    """Whether something that the company's settings name is not usable in its organisation; it is told once a day.

    `from_share` takes the calls out of the reconciler's share; what a refusal asks for, failed invoices wait for.
    """
    with tools.store.read() as work:
        patch = as_patch(companies.settings_of(work, company))
        organisation = contact_answers.organisation_of(work, tools, company)
    kinds = settings_checks.needed(patch)
    if organisation is None or not kinds:
        return False
    try:
        if from_share:
            _fetch_from_share(tools, organisation, kinds)
        choices = offers.offered(tools, organisation, kinds, at_most_old=at_most_old)
    except Trouble as trouble:
        _settings_log.warning("settings.not_rechecked", company=company, effect=trouble.effect)
        return False
    problems = settings_checks.objections(patch, choices)
    if problems:
        with tools.store.write() as work:
            _tell(work, organisation, problems)
        tools.bells.wake_relay()
    return bool(problems)


def _fetch_from_share(tools: Tools, organisation: Organisation, kinds: Sequence[ChoiceKind]) -> None:
    """Ask for what is older than a day; each call puts the reconciler's next look off. Raises Trouble."""
    asked = 0
    try:
        for kind in offers.outdated(tools, organisation, kinds, offers.KEPT_SECONDS):
            asked += 1
            offers.fetch(tools, organisation, kind)
    except Trouble as trouble:
        asked -= trouble.effect in ("limited", "not_sent") and trouble.status is None  # nothing was asked
        raise
    finally:
        with contextlib.suppress(redis.RedisError):
            reconciler.put_off(tools, organisation, asked)


def as_patch(settings: CompanySettings) -> SettingsPatch:
    """What the settings name, as if somebody chose it now."""
    theme = settings.branding_theme
    return SettingsPatch(
        default_account_code=settings.default_account_code,
        credit_note_account_code=settings.credit_note_account_code,
        default_tax_type=settings.default_tax_type,
        kinds=settings.kinds,
        tracking=settings.tracking,
        branding_theme=theme.id if theme else None,
    )


def _tell(work: Work, organisation: Organisation, problems: Sequence[str]) -> None:
    company = organisation.lane.company
    said = hashlib.sha256("\n".join(problems).encode()).hexdigest()[:16]
    event = XeroExportAttentionNeeded(
        company=company,
        cause=f"{REASON}:{said}",
        reason=REASON,
        about=organisation.name,
        invoices=0,
        repeated=False,
        title=_TITLE,
        message=wording.whole(problems, _LONGEST),
        who="admin",
        how=_HOW,
        since=work.now,
    )
    outbox.publish_once(work, Outgoing(event, company, company, f"settings/{company}/{said}/{work.now:%Y-%m-%d}"))
    _settings_log.warning("settings.outdated", company=company, count=len(problems))
