"""A company's settings are to change: compared with what its organisation offers, then they count at once.

What was sent before keeps the settings of its time: bodies are frozen, and numbers stay with their invoices.
"""

from collections.abc import Sequence
from typing import Any

from events import wording
from events.accounting_target import Organisation
from events.codec import Envelope
from events.companies import CompanySettingsChanged, CompanySettingsRejected, CompanySettingsUpdated
from events.people import is_admin
from events.settings import SettingsPatch
from store import audit, changes, companies
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_words, offers
from worker.contacts.permits import Wait
from worker.decisions import rights, settings_checks
from worker.decisions.receipts import Receipt
from worker.decisions.settings_checks import Choices
from worker.tools import Tools
from worker.waiting import cause_resolved

ONLY_ADMINS = "Only an admin may change the Xero settings."
NOT_CONNECTED = "Connect the company to Xero first: its own accounts, tax rates and categories can then be chosen."
NOT_CHECKED = "Xero could not be asked for a long time, so nothing was changed. Try again once the connection works."
_SECOND_LOOK_SECONDS = 30.0
_LONGEST_REASON = 1000
_log = logs.log("settings")


def file(work: Work, _tools: Tools, envelope: Envelope, asked: CompanySettingsChanged, *_others: Any) -> Receipt:
    """Accept the change; its one answer comes as an event."""
    change = AskedChange(
        kind="settings",
        company=asked.company,
        wanted=asked.settings.model_dump_json(exclude_unset=True),
        source="person",
        event=contact_words.name_of_event(envelope.source, envelope.id),
        by=asked.requested_by.id,
        received_at=work.now,
        due_at=work.now,
    )
    changes.add(work, change)
    if rights.needs_admin_of_host(envelope.source) and not is_admin(asked.requested_by):
        _reject(work, change, [ONLY_ADMINS])
    return Receipt(envelope.id, asked.company, "", 0)


def answer(tools: Tools, organisation: Organisation | None, change: AskedChange, wait: Wait | None = None) -> None:
    """Judge the change and answer it. Raises Trouble."""
    patch = SettingsPatch.model_validate_json(change.wanted)
    choices, problems = judge(tools, organisation, patch, wait)
    with tools.store.write() as work:
        if problems:
            _reject(work, change, problems)
        elif changes.settle(work, change, "updated"):
            _apply(work, change, patch, choices)


def judge(
    tools: Tools, organisation: Organisation | None, patch: SettingsPatch, wait: Wait | None = None
) -> tuple[Choices, Sequence[str]]:
    """What the organisation offers, and what speaks against the patch. Raises Trouble.

    Before anything is refused because of what was kept, Xero is asked anew: the account may be a minute old.
    """
    needed = settings_checks.needed(patch)
    if not needed:
        return {}, []
    if organisation is None:
        return {}, [NOT_CONNECTED]
    choices = offers.offered(tools, organisation, needed, wait)
    if settings_checks.objections(patch, choices):
        choices = offers.offered(tools, organisation, needed, wait, at_most_old=_SECOND_LOOK_SECONDS)
    return choices, settings_checks.objections(patch, choices)


def give_up(tools: Tools, tired: Sequence[AskedChange]) -> None:
    """Answer changes that could not be judged for too long."""
    for change in tired:
        with tools.store.write() as work:
            _reject(work, change, [NOT_CHECKED])


def _apply(work: Work, change: AskedChange, patch: SettingsPatch, choices: Choices) -> None:
    company = change.company
    before = companies.locked_settings(work, company)
    settings = settings_checks.in_force(before, patch, choices)
    companies.set_up(work, company, companies.name_of(work, company), settings)
    cause_resolved.settings_changed(work, company, before, settings, change.by, contact_words.cause_of(change))
    names = sorted(patch.model_fields_set)
    audit.note(work, change.by, "settings", company, patch.model_dump(mode="json", exclude_unset=True), 0, "")
    event = CompanySettingsUpdated(
        company=company, settings=settings, changed=tuple(names), changed_by=change.by, changed_at=work.now
    )
    contact_words.answer(work, change, event)
    _log.info("settings.changed", company=company, count=len(names))


def _reject(work: Work, change: AskedChange, problems: Sequence[str]) -> None:
    if changes.settle(work, change, "rejected", wording.whole(problems, _LONGEST_REASON, "; ")):
        contact_words.answer(work, change, CompanySettingsRejected(company=change.company, problems=tuple(problems)))
