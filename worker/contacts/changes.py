"""Changes that people asked for and that Xero is asked about first: answered soon, in order, exactly once.

They wait in the database. While Xero is away, or a login is due, a company's changes wait and nothing is refused.

A company's settings are to change: compared with what its organisation offers, then they count at once.

What was sent before keeps the settings of its time: bodies are frozen, and numbers stay with their invoices.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from events import wording
from events.accounting_target import AccountingTarget, Organisation, Trouble
from events.codec import Envelope
from events.contacts import ContactProblem, NotAContact
from events.settings import CompanySettingsChanged, CompanySettingsRejected, CompanySettingsUpdated, SettingsPatch
from events.snapshot import is_admin
from store import audit, changes, companies, processes
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_answers, creating, new_contacts, offers
from worker.contacts.permits import Wait
from worker.decisions import rights, settings_checks
from worker.decisions.merge_rules import Receipt
from worker.decisions.settings_checks import Choices
from worker.tools import Tools
from worker.waiting import cause_resolved, login_block

ONLY_ADMINS = "Only an admin may change the Xero settings."
NOT_CONNECTED = "Connect the company to Xero first: its own accounts, tax rates and categories can then be chosen."
NOT_CHECKED = "Xero could not be asked for a long time, so nothing was changed. Try again once the connection works."
_SECOND_LOOK_SECONDS = 30.0
_LONGEST_REASON = 1000
_settings_log = logs.log("settings")


def file_settings(
    work: Work, _tools: Tools, envelope: Envelope, asked: CompanySettingsChanged, *_others: Any
) -> Receipt:
    """Accept the change; its one answer comes as an event."""
    change = AskedChange(
        kind="settings",
        company=asked.company,
        wanted=asked.settings.model_dump_json(exclude_unset=True),
        source="person",
        event=contact_answers.name_of_event(envelope.source, envelope.id),
        by=asked.requested_by.id,
        received_at=work.now,
        due_at=work.now,
    )
    changes.add(work, change)
    if rights.needs_admin_of_host(envelope.source) and not is_admin(asked.requested_by):
        _reject(work, change, [ONLY_ADMINS])
    return Receipt(envelope.id, asked.company, "", 0)


def answer_settings(
    tools: Tools, organisation: Organisation | None, change: AskedChange, wait: Wait | None = None
) -> None:
    """Judge the change and answer it. Raises Trouble."""
    patch = SettingsPatch.model_validate_json(change.wanted)
    choices, problems = judge_settings(tools, organisation, patch, wait)
    with tools.store.write() as work:
        if problems:
            _reject(work, change, problems)
        elif changes.settle(work, change, "updated"):
            _apply(work, tools, change, patch, choices)


def judge_settings(
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


def give_up_settings(tools: Tools, tired: Sequence[AskedChange]) -> None:
    """Answer changes that could not be judged for too long."""
    for change in tired:
        with tools.store.write() as work:
            _reject(work, change, [NOT_CHECKED])


def _apply(work: Work, tools: Tools, change: AskedChange, patch: SettingsPatch, choices: Choices) -> None:
    company = change.company
    before = companies.locked_settings(work, company)
    settings = settings_checks.in_force(before, patch, choices)
    companies.set_up(work, company, companies.name_of(work, company), settings)
    cause_resolved.settings_changed(work, company, before, settings, change.by, contact_answers.cause_of(change))
    names = sorted(patch.model_fields_set)
    audit.note(work, change.by, "settings", company, patch.model_dump(mode="json", exclude_unset=True), 0, "")
    event = CompanySettingsUpdated(
        company=company,
        settings=settings,
        changed=tuple(names),
        changed_by=change.by,
        changed_at=work.now,
        login_due=bool(patch.new_contacts) and new_contacts.lacks_permission(work, tools, company),
    )
    contact_answers.contact_answer(work, change, event)
    _settings_log.info("settings.changed", company=company, count=len(names))


def _reject(work: Work, change: AskedChange, problems: Sequence[str]) -> None:
    if changes.settle(work, change, "rejected", wording.whole(problems, _LONGEST_REASON, "; ")):
        contact_answers.contact_answer(
            work, change, CompanySettingsRejected(company=change.company, problems=tuple(problems))
        )


DUTY = "changes"
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 300.0
_log = logs.log("changes")


def answer_due(tools: Tools, holder: str) -> int:
    """Answer what is due, company by company; gives how many changes were answered. Any process may do this."""
    with tools.store.read() as work:
        waiting = changes.companies_due(work)
    return sum(answer_some(tools, company, holder) or 0 for company in tools.while_running(waiting))


def answer_some(tools: Tools, company: str, holder: str, wait: Wait | None = None) -> int | None:
    """Answer the company's next changes; gives how many, none while Xero cannot be asked about them.

    None while another holder is at them. `wait` sits out a limit; without it they wait in the database.
    """
    with tools.store.write() as work:
        # Longer than the calls of one go, and their waits for a permit
        if not processes.take_duty(work, f"{DUTY}/{company}", holder, tools.settings.call_deadline * 3):
            return None
        target, organisation = tools.target_of(work, company), contact_answers.organisation_of(work, tools, company)
        sizes = _sizes(target)
        due = changes.due(work, company, max(sizes.values(), default=1))
    try:
        return _answer_first(tools, organisation, due, sizes, wait)
    finally:
        with tools.store.write() as work:
            processes.leave_duty(work, f"{DUTY}/{company}", holder)


def _sizes(target: AccountingTarget | None) -> Mapping[str, int]:
    """How many changes of each kind one call takes; settings, which a call does not take, as many as contacts."""
    if target is None:
        return {}
    asked = target.sizes.contacts
    return {"contact": asked, "settings": asked, "new_contact": target.sizes.new_contacts}


def _answer_first(
    tools: Tools,
    organisation: Organisation | None,
    due: Sequence[AskedChange],
    sizes: Mapping[str, int],
    wait: Wait | None,
) -> int:
    """Answer those in front that are of one kind, as many as one call takes."""
    some = list(takewhile(lambda change: change.kind == due[0].kind, due))
    if not some:
        return 0
    some = some[: sizes.get(some[0].kind, 1)]
    try:
        _answer(tools, organisation, some, wait)
    except Trouble as trouble:
        return _postpone(tools, organisation, some, trouble)
    tools.bells.wake_relay()
    return len(some)


def _answer(tools: Tools, organisation: Organisation | None, some: Sequence[AskedChange], wait: Wait | None) -> None:
    if some[0].kind == "settings":
        for change in some:
            answer_settings(tools, organisation, change, wait)
    elif some[0].kind == "new_contact":
        creating.answer_new_contacts(tools, organisation, some, wait)
    else:
        contact_answers.answer_contacts(tools, organisation, some, wait)


def _refuse(tools: Tools, some: Sequence[AskedChange], problem: ContactProblem) -> None:
    for change in some:
        with tools.store.write() as work:
            contact_answers.refuse(work, tools, change, NotAContact(problem))


def _postpone(tools: Tools, organisation: Organisation | None, some: Sequence[AskedChange], trouble: Trouble) -> int:
    """Xero cannot be asked: everything of the company waits; what has waited for too long is refused after all."""
    seconds = trouble.wait or min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(some[0].tries, 8))
    _log.warning("changes.postponed", company=some[0].company, effect=trouble.effect, wait=seconds)
    with tools.store.write() as work:
        if trouble.effect == "needs_login" and organisation:
            login_block.after_refusal(work, organisation, trouble)
        oldest = work.after(-tools.settings.expiry_seconds)
        changes.postpone(work, some[0].company, seconds)
    tired = [change for change in some if change.received_at < oldest]
    if some[0].kind == "new_contact":
        creating.give_up(tools, tired)
    elif some[0].kind == "contact":
        _refuse(tools, tired, ContactProblem.NOT_CHECKED)
    else:
        give_up_settings(tools, tired)
    tools.bells.wake_relay()
    return 0
