"""The daily look at what companies' settings name: said before invoices fail, for a setting can rot in Xero.

Accounts, tax rates, tracking and branding themes are asked for once a day, a call each out of the reconciler's share
of the day, which compares so much later; and at once where Xero refused one of them. Nothing is changed by itself.
Settings name no items and no currencies.
"""

import contextlib
import hashlib
from collections.abc import Sequence

import redis

from events import causes, wording
from events.accounting_target import ChoiceKind, Organisation, Trouble
from events.attention import XeroExportAttentionNeeded
from events.settings import CompanySettings, SettingsPatch
from store import alerts, companies, connections, duties, outbox
from store.outbox import Outgoing
from store.unit_of_work import Work
from worker import logs
from worker.contacts import changes, offers
from worker.decisions import settings_checks
from worker.reconcile import reconciler
from worker.tools import Tools

DUTY = "settings"
PASS_SECONDS = 3600.0
REFUSED_DUTY = "settings refused"
REFUSED_PASS_SECONDS = 30.0
REASON = "settings_outdated"
_LONGEST = 1000
_TITLE = "A Xero setting does not fit any more"
_HOW = "Choose another in the company's Xero settings; what failed for it is then sent by itself."
_log = logs.log("settings")


def recheck_due(tools: Tools, holder: str) -> int:
    """Look at the settings of every connected company, if this process has the duty; gives how many do not fit."""
    with tools.store.write() as work:
        if not duties.take(work, DUTY, holder, PASS_SECONDS * 2):
            return 0
        named = [one.company for one in connections.all_connections(work) if one.state == "connected"]
    return sum(recheck(tools, company, from_share=True) for company in named)


def recheck_refused(tools: Tools, holder: str) -> int:
    """Look anew at the settings of which Xero refused something; gives how many companies' do not fit.

    Told once an hour at most, a refusal costs a call per kind and hour at most, however many invoices fail for it.
    """
    with tools.store.write() as work:
        if not duties.take(work, REFUSED_DUTY, holder, REFUSED_PASS_SECONDS * 2):
            return 0
        told, now = alerts.told_since(work, PASS_SECONDS), work.now
    newest = {one.company: one.told_at for one in told if causes.is_of_settings(one.cause)}
    ages = {company: (now - told_at).total_seconds() for company, told_at in newest.items()}
    return sum(recheck(tools, company, at_most_old=age) for company, age in sorted(ages.items()))


def recheck(
    tools: Tools, company: str, at_most_old: float = offers.KEPT_SECONDS, *, from_share: bool = False
) -> bool:
    """Whether something that the company's settings name is not usable in its organisation; it is told once a day.

    `from_share` takes the calls out of the reconciler's share; what a refusal asks for, failed invoices wait for.
    """
    with tools.store.read() as work:
        patch = as_patch(companies.settings_of(work, company))
        organisation = changes.organisation_of(work, tools, company)
    kinds = settings_checks.needed(patch)
    if organisation is None or not kinds:
        return False
    try:
        if from_share:
            _fetch_from_share(tools, organisation, kinds)
        choices = offers.offered(tools, organisation, kinds, at_most_old=at_most_old)
    except Trouble as trouble:
        _log.warning("settings.not_rechecked", company=company, effect=trouble.effect)
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
    _log.warning("settings.outdated", company=company, count=len(problems))
