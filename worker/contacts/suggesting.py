"""Suggest Xero contacts for clients without one. The list of contacts costs one call per thousand of them.

What would be said to a pasted contact: nothing is changed by looking, 45 of them cost one call.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from events.accounting_target import ContactPage, ListedContact, Organisation, Pasted, Trouble
from events.contacts import ContactProblem, NotAContact
from events.invoice import Invoice
from store import bulk_orders, changes, contacts
from store.unit_of_work import Work
from worker.contacts import contact_answers, permits
from worker.contacts.permits import Wait
from worker.decisions import contact_checks
from worker.decisions.contact_checks import Card, Likely, Matches, Suggestion
from worker.decisions.tables import Wish
from worker.tools import Tools

_MOST_PAGES = 50


def unlinked(work: Work, company: str) -> Mapping[Card, int]:
    """The clients of the company's invoices without a contact, and how many of their invoices failed."""
    kept = [(Invoice.of_kept(content).client, failed) for _, content, failed in contacts.unlinked(work, company)]
    return {Card(one.id, one.name, email=one.email or ""): failed for one, failed in kept}


def suggest(
    tools: Tools, organisation: Organisation, cards: Sequence[Card], most: int = 3, wait: Wait | None = None
) -> Mapping[Card, Sequence[Suggestion]]:
    """Contacts that each client may be, the likeliest first. Raises Trouble."""
    likely = Likely(everybody(tools, organisation, wait))
    return {card: likely.suggestions(card, most) for card in cards}


def matches(tools: Tools, organisation: Organisation, wait: Wait | None = None) -> Matches:
    """The clients of the company's invoices without a contact, by how sure theirs is. Raises Trouble.

    Left out is who waits for an answer about its contact.
    """
    company = organisation.lane.company
    with tools.store.read() as work:
        waiting = changes.subjects_waiting(work, company)
        cards = [card for card in unlinked(work, company) if card.client not in waiting]
    return contact_checks.matches_in(suggest(tools, organisation, cards, wait=wait))


def everybody(tools: Tools, organisation: Organisation, wait: Wait | None = None) -> Sequence[ListedContact]:
    """All active contacts of the organisation. Raises Trouble."""
    found: dict[str, ListedContact] = {}
    for page in _pages(tools, organisation, _MOST_PAGES, wait):
        found |= {one.id: one for one in page.contacts}
    return list(found.values())


def all_contacts(
    tools: Tools, organisation: Organisation, most: int, wait: Wait | None = None
) -> Sequence[ListedContact] | None:
    """All contacts, archived ones too; None where so many calls do not show them all. Raises Trouble."""
    found: dict[str, ListedContact] = {}
    more = True
    for page in _pages(tools, organisation, most, wait, archived=True):
        found |= {one.id: one for one in page.contacts}
        more = page.more
    return None if more else list(found.values())


def _pages(
    tools: Tools, organisation: Organisation, most: int, wait: Wait | None, *, archived: bool = False
) -> Iterator[ContactPage]:
    """Pages of the list until its end, at most so many. Raises Trouble."""
    for page in range(1, most + 1):
        ask = functools.partial(tools.target(organisation).all_contacts, organisation, page, archived=archived)
        shown = permits.call(tools, organisation, ask, wait, single=False)
        yield shown
        if not shown.more:
            return


@dataclass(frozen=True)
class ContactLook:
    """What Xero shows of a wish. `reason` and `how` only where it would be refused; `offered` is a merge's winner."""

    client: str
    usable: bool
    message: str
    xero_contact_id: str = ""
    name: str = ""
    status: str = ""
    warnings: tuple[str, ...] = ()
    reason: str = ""
    how: str = ""
    offered: str = ""


def preview_one(tools: Tools, company: str, client: str, pasted: str, wait: Wait | None = None) -> ContactLook:
    """What would be said to this one. Raises Trouble."""
    return look_at(tools, company, [Wish(client, pasted)], wait)[0]


def look_at(
    tools: Tools,
    company: str,
    wishes: Sequence[Wish],
    wait: Wait | None = None,
    shown: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[ContactLook]:
    """What would be said to each, in order; `shown` is told how far it is. Raises Trouble."""
    with tools.store.read() as work:
        target = tools.target_of(work, company)
    looks: list[ContactLook] = []
    for some in bulk_orders.in_chunks(wishes, target.sizes.contacts if target else 1):
        looks += _look_at_some(tools, company, some, wait)
        shown(len(looks), len(wishes))
    return looks


def _look_at_some(tools: Tools, company: str, some: Sequence[Wish], wait: Wait | None) -> list[ContactLook]:
    with tools.store.read() as work:
        organisation = contact_answers.organisation_of(work, tools, company)
        read = [_read_contact(work, tools, company, wish) for wish in some]
    ids = [one.contact_id for one in read if isinstance(one, Pasted)]
    if ids and organisation is None:
        raise Trouble("needs_login", "the company is not connected to Xero")
    seen = contact_answers.look_up(tools, organisation, ids, wait) if ids and organisation else {}
    with tools.store.read() as work:
        return [_judge(work, company, wish, one, seen) for wish, one in zip(some, read, strict=True)]


def _read_contact(work: Work, tools: Tools, company: str, wish: Wish) -> Pasted | NotAContact:
    try:
        return contact_answers.readable(work, tools, company, wish.pasted)
    except NotAContact as refused:
        return refused


def _judge(
    work: Work, company: str, wish: Wish, read: Pasted | NotAContact, seen: Mapping[str, ListedContact]
) -> ContactLook:
    if isinstance(read, NotAContact):
        return _refused(work, company, wish, read.problem, read.facts)
    verdict = contact_checks.verdict(read.contact_id, seen)
    winner = verdict.winner.id if verdict.winner else ""
    if verdict.problem:
        refused = _refused(work, company, wish, verdict.problem, verdict.facts())
        return replace(refused, xero_contact_id=read.contact_id, status=verdict.status, offered=winner)
    name = verdict.contact.name if verdict.contact else ""
    warned = contact_answers.contact_warnings(work, company, wish.client, read.contact_id)
    message = f"“{name}” is an active contact in Xero."
    return ContactLook(wish.client, True, message, read.contact_id, name, verdict.status, warned)


def _refused(work: Work, company: str, wish: Wish, problem: ContactProblem, more: Mapping[str, str]) -> ContactLook:
    facts = {**contact_answers.contact_facts(work, company, wish.client, wish.client_name), **more}
    return ContactLook(
        client=wish.client,
        usable=False,
        message=problem.message(facts),
        name=more.get("name", ""),
        reason=problem.code,
        how=problem.remedy(facts),
    )
