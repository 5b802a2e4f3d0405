"""Changes that people asked for and that Xero is asked about first: answered soon, in order, exactly once.

They wait in the database. While Xero is away, or a login is due, a company's changes wait and nothing is refused.
"""

from collections.abc import Sequence
from itertools import takewhile

from events.accounting_target import Lane, Organisation, Trouble
from events.contact_problems import ContactProblem, NotAContact
from store import changes, connections, duties
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import changing_settings, contact_answers
from worker.contacts.permits import Wait
from worker.tools import Tools
from worker.waiting import login_block

DUTY = "changes"
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 300.0
_log = logs.log("changes")


def answer_due(tools: Tools, holder: str) -> int:
    """Answer what is due, company by company; gives how many changes were answered. Any process may do this."""
    with tools.store.read() as work:
        waiting = changes.companies_due(work)
    return sum(answer_some(tools, company, holder) or 0 for company in waiting)


def answer_some(tools: Tools, company: str, holder: str, wait: Wait | None = None) -> int | None:
    """Answer the company's next changes; gives how many, none while Xero cannot be asked about them.

    None while another holder is at them. `wait` sits out a limit; without it they wait in the database.
    """
    with tools.store.write() as work:
        # Longer than the calls of one go, and their waits for a permit
        if not duties.take(work, f"{DUTY}/{company}", holder, tools.settings.call_deadline * 3):
            return None
        target, organisation = tools.target_of(work, company), organisation_of(work, tools, company)
        due = changes.due(work, company, target.sizes.contacts if target else 1)
    try:
        return _answer_first(tools, organisation, due, wait)
    finally:
        with tools.store.write() as work:
            duties.leave(work, f"{DUTY}/{company}", holder)


def _answer_first(
    tools: Tools, organisation: Organisation | None, due: Sequence[AskedChange], wait: Wait | None
) -> int:
    """Answer those in front that are of one kind."""
    some = list(takewhile(lambda change: change.kind == due[0].kind, due))
    if not some:
        return 0
    try:
        _answer(tools, organisation, some, wait)
    except Trouble as trouble:
        return _postpone(tools, organisation, some, trouble)
    tools.bells.wake_relay()
    return len(some)


def organisation_of(work: Work, tools: Tools, company: str) -> Organisation | None:
    """The organisation the company is connected to, however its login is; None when it is connected to none."""
    connection = connections.of_company(work, company)
    return tools.organisation(work, Lane(company, connection.tenant)) if connection else None


def _answer(tools: Tools, organisation: Organisation | None, some: Sequence[AskedChange], wait: Wait | None) -> None:
    if some[0].kind == "settings":
        for change in some:
            changing_settings.answer(tools, organisation, change, wait)
    else:
        contact_answers.answer(tools, organisation, some, wait)


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
    if some[0].kind == "contact":
        _refuse(tools, tired, ContactProblem.NOT_CHECKED)
    elif some[0].kind == "settings":
        changing_settings.give_up(tools, tired)
    tools.bells.wake_relay()
    return 0
