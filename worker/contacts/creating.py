"""Contacts created in Xero for clients that have none: each exactly once, then the client is billed as it.

asked for → looked up by our numbers and by their names → written down → sent, several in one call → linked one by one

By the protocol of every export (exactly-once §a to §c): each is written down before the call, whatever has no clear
answer waits for the settle time and is looked up by a number that only this client has, and every write passes a
fence. What is looked up before each call is also found after a restore, or where somebody asks a second time.
"""

import functools
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.accounting_target import ListedContact, Organisation, Trouble
from events.connections import ConnectionProblem
from events.contacts import ContactProblem, NotAContact
from events.invoice import Client
from store import changes, connections, contacts
from store.tables import AskedChange, CompanyConnection, NewContact
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_answers, new_contacts, permits, suggesting
from worker.contacts.permits import Wait
from worker.decisions import contact_checks
from worker.export.freezing import SEND_WITHIN_SECONDS
from worker.tools import Tools

_NOT_CONNECTED_SECONDS = 60.0
_MOST_CALLS = 8  # after one look: fifty of which one may be why a call had no word go by sevens
_WITHOUT_WORD = ("not_sent", "refused", "limited", "needs_login")  # effects of trouble after which nothing is there
_log = logs.log("contacts")
Outcome = ListedContact | NotAContact


@dataclass(frozen=True)
class PlannedContact:
    """A contact that is to be created: who asked for it, what it is to say, and the earlier call that is in doubt."""

    change: AskedChange
    client: Client
    earlier: NewContact | None
    limit: int

    @property
    def number(self) -> str:
        """The number by which it is known again."""
        return contact_checks.number_of(self.change.company, self.client.id)


def answer_new_contacts(
    tools: Tools, organisation: Organisation | None, asked: Sequence[AskedChange], wait: Wait | None = None
) -> None:
    """Create these contacts, or find that they are there; each is answered once its outcome is known. Raises Trouble.

    Of two that could become one contact the second waits until the first can be looked up.
    """
    planned, at = _planned(tools, organisation, asked)
    if not planned:
        return
    organisation = _writable(organisation, at)
    most = tools.target(organisation).sizes.new_contacts
    listed = suggesting.all_contacts(tools, organisation, 2 * len(planned), wait) if len(planned) > 1 else None
    if listed is None:  # one alone, or a list that would take more calls than searching
        planned = _in_calls(planned, most)[0]
        listed = [shown for one in planned for shown in _searched(tools, organisation, one, wait)]
    absent = [one for one in planned if not _is_found(tools, organisation, one, one.earlier, listed, wait)]
    for some in _in_calls(absent, most)[:_MOST_CALLS]:
        begun = _begin(tools, organisation, some)
        if begun:
            _send(tools, organisation, begun, wait)


def _in_calls(planned: Sequence[PlannedContact], most: int) -> list[list[PlannedContact]]:
    calls = contact_checks.in_calls([(one.client.id, one.client.name, one.limit) for one in planned], most)
    return [[planned[place] for place in places] for places in calls]


def _planned(
    tools: Tools, organisation: Organisation | None, asked: Sequence[AskedChange]
) -> tuple[list[PlannedContact], CompanyConnection | None]:
    """Those to create; what is refused, or may still arrive, is written down as such."""
    company, tenant = asked[0].company, organisation.lane.tenant if organisation else ""
    planned, refused, settling = [], [], []
    with tools.store.read() as work:
        at, begun = connections.of_company(work, company), changes.new_contacts(work, company, _clients(asked))
        together = changes.sent_together(work, company) if begun else {}
        for change in asked:
            earlier = begun.get(change.subject)
            earlier = earlier if earlier and earlier.tenant == tenant else None
            if earlier and earlier.due_at > work.now:
                settling.append((change, earlier.due_at))
                continue
            # A call of several that had no word goes again in several: one of them may be why
            limit = math.isqrt(together.get(earlier.key, 1)) if earlier else contact_checks.ANY_NUMBER
            try:
                client = new_contacts.client_wanted(work, tools, change)
                planned.append(PlannedContact(change, client, earlier, limit))
            except NotAContact as objection:
                refused.append((change, objection))
    for change, until in settling:
        with tools.store.write() as work:
            changes.put_off(work, change, until)
    for change, why in refused:
        _refuse(tools, change, why)
    return planned, at


def _clients(asked: Sequence[AskedChange]) -> list[str]:
    return [change.subject for change in asked]


def _writable(organisation: Organisation | None, at: CompanyConnection | None) -> Organisation:
    """The organisation, while the company exports to it. Raises Trouble: what is asked for waits until it does."""
    if organisation is None or at is None or at.state != "connected":
        raise Trouble("not_sent", "nothing is written to Xero just now", wait=_NOT_CONNECTED_SECONDS)
    return organisation


def give_up(tools: Tools, tired: Sequence[AskedChange]) -> None:
    """Answer those about which Xero could not be asked for too long."""
    for change in tired:
        with tools.store.read() as work:
            begun = changes.new_contacts(work, change.company, [change.subject])
        _refuse(tools, change, NotAContact(ContactProblem.CREATED_PERHAPS if begun else ContactProblem.NOT_CHECKED))


def _searched(
    tools: Tools, organisation: Organisation, one: PlannedContact, wait: Wait | None
) -> list[ListedContact]:
    """What Xero shows for its number, and where that is not there for its name. Raises Trouble."""
    find, name = tools.target(organisation).find_contacts, " ".join(one.client.name.split())
    found = permits.call(tools, organisation, functools.partial(find, organisation, one.number), wait)
    if any(shown.number == one.number for shown in found):
        return list(found)
    named = permits.call(tools, organisation, functools.partial(find, organisation, name), wait)
    return [*found, *named]


def _is_found(
    tools: Tools,
    organisation: Organisation,
    one: PlannedContact,
    begun: NewContact | None,
    shown: Sequence[ListedContact],
    wait: Wait | None,
) -> bool:
    """Whether one of these is it, from an earlier call, or has its name: then this is answered. Raises Trouble."""
    if mine := next((contact for contact in shown if contact.number == one.number), None):
        _link(tools, organisation, one.change, mine, begun, wait)
        return True
    if other := next(iter(contact_checks.namesakes(one.client.name, shown)), None):
        facts = {"name": other.name, "winner": other.name, "winner_id": other.id}
        _refuse(tools, one.change, NotAContact(ContactProblem.NAME_TAKEN, facts), begun)
        return True
    return False


def _begin(
    tools: Tools, organisation: Organisation, absent: Sequence[PlannedContact]
) -> dict[str, tuple[PlannedContact, NewContact]]:
    """Write them down, by number; but what another process was quicker with, or was tried for too long."""
    tenant, company = organisation.lane.tenant, absent[0].change.company
    key = f"{tenant}-{uuid.uuid4().hex}"
    with tools.store.write() as work:
        oldest, until = work.after(-tools.settings.expiry_seconds), work.after(tools.settings.settle_seconds)
        tired = [one for one in absent if one.change.received_at < oldest]
        rows = {
            one.client.id: NewContact(
                company=company,
                client=one.client.id,
                tenant=tenant,
                number=one.number,
                name=one.client.name,
                key=key,
                begun_at=work.now,
                due_at=until,
            )
            for one in sorted(absent, key=lambda one: one.client.id)
            if one not in tired
        }
        for one in tired:
            contact_answers.refuse(work, tools, one.change, NotAContact(ContactProblem.NOT_CHECKED))
        begun = changes.begin_new_contacts(work, list(rows.values())) if rows else set()
        # After the rows are ours: whoever had them may have answered
        waiting = changes.still_waiting(work, [one.change for one in absent])
        return {
            one.number: (one, NewContact(**rows[one.client.id].model_dump()))
            for one in absent
            if one.client.id in rows and _is_ours(work, one, rows[one.client.id], begun, waiting)
        }


def _is_ours(work: Work, one: PlannedContact, row: NewContact, begun: set[str], waiting: set[int]) -> bool:
    if one.client.id not in begun:
        changes.put_off(work, one.change, row.due_at)
        return False
    if one.change.id not in waiting:
        changes.end_new_contact(work, row)
        return False
    return True


def _send(
    tools: Tools,
    organisation: Organisation,
    begun: Mapping[str, tuple[PlannedContact, NewContact]],
    wait: Wait | None,
) -> None:
    """Send them in one call, and answer each by what is said of it. Raises Trouble where nothing came of it."""
    row = next(iter(begun.values()))[1]
    said = _call(tools, organisation, {number: one.client for number, (one, _) in begun.items()}, row.key, wait)
    if isinstance(said, Trouble):
        if said.effect in _WITHOUT_WORD:
            _end_without_word(tools, said, begun)
            return
        said = {}
    taken = []
    for number, (one, mine) in begun.items():
        outcome = said.get(number)
        if isinstance(outcome, ListedContact):
            _link(tools, organisation, one.change, outcome, mine, wait)
        elif outcome and outcome.problem is ContactProblem.NAME_TAKEN:
            taken.append((one, mine, outcome))
        elif outcome:
            _refuse(tools, one.change, outcome, mine)
    unknown = [one.change for number, (one, _) in begun.items() if number not in said]
    if unknown:
        _wait_for(tools, row, unknown)
    for one, mine, outcome in taken:  # what the first look did not show yet
        if not _is_found(tools, organisation, one, mine, _searched(tools, organisation, one, wait), wait):
            _refuse(tools, one.change, outcome, mine)


def _call(
    tools: Tools, organisation: Organisation, wanted: Mapping[str, Client], key: str, wait: Wait | None
) -> Mapping[str, Outcome] | Trouble:
    """What the one call says, by number; what nobody foresaw leaves its outcome unknown."""
    before = tools.elapsed() + SEND_WITHIN_SECONDS
    create = tools.target(organisation).create_contacts

    def call() -> Mapping[str, Outcome]:
        return create(organisation, wanted, key, lambda: tools.elapsed() <= before)

    try:
        return permits.call(tools, organisation, call, wait)
    except Trouble as said:
        return said
    except Exception as broken:
        _log.exception("contacts.call_broke", company=organisation.lane.company)
        return Trouble("unknown", f"the call broke: {type(broken).__name__}")


def _end_without_word(tools: Tools, said: Trouble, begun: Mapping[str, tuple[PlannedContact, NewContact]]) -> None:
    """Nothing came of the call, for certain. Raises the Trouble, where it is no answer to all of them."""
    row = next(iter(begun.values()))[1]
    with tools.store.write() as work:
        changes.end_new_contacts(work, row.company, row.key)
    if said.problem != ConnectionProblem.SCOPE_MISSING.code:
        raise said
    for one, _ in begun.values():
        _refuse(tools, one.change, NotAContact(ContactProblem.NO_PERMISSION))


def _wait_for(tools: Tools, row: NewContact, unknown: Sequence[AskedChange]) -> None:
    """Nobody knows what became of those of the call that are left: they are looked up after the settle time."""
    with tools.store.write() as work:
        until = work.after(tools.settings.settle_seconds)
        changes.wait_for_new_contacts(work, row.company, row.key, until)
        for change in unknown:
            changes.put_off(work, change, until)
    _log.warning("contacts.outcome_unknown", company=row.company, count=len(unknown))


def _link(
    tools: Tools,
    organisation: Organisation,
    change: AskedChange,
    contact: ListedContact,
    begun: NewContact | None,
    wait: Wait | None = None,
) -> None:
    """Bill the client as the contact, if nobody has said otherwise meanwhile and it can be billed. Raises Trouble."""
    shown = {contact.id: contact}
    if not contact.active:
        shown = {**shown, **contact_answers.look_up(tools, organisation, [contact.id], wait)}
    seen = contact_checks.verdict(contact.id, shown)
    if seen.problem:
        _refuse(tools, change, NotAContact(seen.problem, seen.facts()), begun)
        return
    with tools.store.write() as work:
        if begun is not None and not changes.end_new_contact(work, begun):
            return  # somebody else goes on with it
        known = contacts.known_links(work, change.company, [change.subject]).get(change.subject)
        if known and known.xero_contact_id not in ("", contact.id):
            facts = {"name": known.name or known.xero_contact_id}
            contact_answers.refuse(work, tools, change, NotAContact(ContactProblem.LINKED_ALREADY, facts))
        else:
            contact_answers.link(work, tools, change, organisation.lane.tenant, contact.id, seen, created=True)


def _refuse(tools: Tools, change: AskedChange, refused: NotAContact, begun: NewContact | None = None) -> None:
    """Answer with what was wrong; what was written down of it is over, if it still is ours."""
    with tools.store.write() as work:
        if begun is not None and not changes.end_new_contact(work, begun):
            return
        contact_answers.refuse(work, tools, change, refused)
