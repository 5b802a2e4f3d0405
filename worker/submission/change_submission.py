"""Changes that people give at the command line or on a page: filed as a host's are, answered while they wait.

A table of clients and their Xero contacts is imported: lines with mistakes are named, the rest is linked. Contacts
are created for clients that have none.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested, NotAContact
from events.snapshot import Incoming
from store import bulk_orders, contacts
from store import changes as filed
from worker.contacts import changes, contact_answers, suggesting
from worker.contacts.permits import Wait
from worker.decisions import rights
from worker.decisions.contact_checks import Card, Matches
from worker.decisions.rights import ConsoleUser, Effect, NotAllowed, Operator
from worker.decisions.tables import Wish
from worker.submission import orders
from worker.tools import Tools

_LOOK_AGAIN_SECONDS = 0.2
Said = dict[str, Any]


@dataclass(frozen=True)
class GivenBy:
    """Who gives a change, and where: the person must be allowed it, and is who asked for it."""

    person: ConsoleUser | Operator
    source: str


def file_change(
    tools: Tools, model: type[Incoming], said: Said, by: GivenBy, patience: float, wait: Wait | None = None
) -> Said:
    """File a change and answer it: its state (updated, rejected, waiting) and what the answer says.

    It waits where Xero cannot be asked within these seconds; the clock answers it then.
    Raises Unreadable, NotAllowed.
    """
    event = file(tools, model, said, by)
    told: Said = {}

    def finished() -> bool:
        with tools.store.read() as work:
            change = filed.of_event(work, said["company"], event)
            told.update({"state": change.state, **contact_answers.contact_answered(work, change)} if change else {})
        return told.get("state") != "waiting"

    answer(tools, said["company"], finished, patience, wait)
    return told


def file(tools: Tools, model: type[Incoming], said: Said, by: GivenBy) -> str:
    """Hand a change in; gives the name of its event. Raises Unreadable, NotAllowed."""
    id_, data = uuid.uuid4().hex, {**said, "requested_by": orders.requested_by(by.person)}
    orders.hand_in(tools, model, data, (by.person,), by.source, id_)
    return contact_answers.name_of_event(by.source, id_)


def answer(
    tools: Tools, company: str, finished: Callable[[], bool], patience: float, wait: Wait | None = None
) -> None:
    """Answer the company's changes until it is finished, or Xero cannot be asked.

    Where another process is at them already, it may take these seconds.
    """
    with tools.store.write() as work:
        filed.hasten(work, company)
    holder, end = f"person/{uuid.uuid4().hex}", time.monotonic() + patience
    while not finished():
        answered = changes.answer_some(tools, company, holder, wait)
        if answered is None and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN_SECONDS)  # the clock is at them already
        elif not answered:
            finished()  # the clock may have been quicker
            return


SOURCE, PIECE = "crewcard-xero/import", 500
Line = tuple[str, Wish]
Shown = Callable[[int, int], None]
Progress = Callable[[str], AbstractContextManager[Shown]]


@contextmanager
def _unseen(_title: str) -> Iterator[Shown]:
    """Nobody watches."""
    yield lambda _done, _all: None


@dataclass
class Imported:
    """What became of a table: clients linked now, linked so before, still to be checked, and mistakes by line.

    `left` is how many are not handed in yet.
    """

    linked: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    left: int = 0


def take(
    tools: Tools,
    company: str,
    lines: Mapping[str, Line],
    done: Imported,
    person: ConsoleUser | Operator | None,
    patience: float,
    wait: Wait | None = None,
    progress: Progress = _unseen,
) -> None:
    """Link the clients of these lines, or say what would become of them where no `person` does it.

    Asks Xero until all is answered, it cannot be asked, or these seconds are over. Raises Unreadable, NotAllowed,
    Trouble.
    """
    fresh = _without_known(tools, company, lines, done)
    if person is None:
        with progress("Asking Xero") as shown:
            looks = suggesting.look_at(tools, company, [wish for _, wish in fresh], wait, shown)
        for (place, wish), look in zip(fresh, looks, strict=True):
            if look.usable:
                _linked(done, wish.client, look.warnings)
            else:
                done.mistakes[place] = f"{look.message} {look.how}"
        return
    said = {place: _said(company, wish) for place, wish in fresh}
    by = GivenBy(person, SOURCE)
    _file_all(tools, company, ClientXeroContactUpdateRequested, said, by, done, patience, wait, progress)


def link_exact(
    tools: Tools,
    company: str,
    found: Matches,
    done: Imported,
    person: ConsoleUser | Operator,
    patience: float,
    wait: Wait | None = None,
    progress: Progress = _unseen,
) -> None:
    """Link each client that is one contact without doubt, as `take` does; mistakes are by client.

    They are handed in by pieces, each a transaction, until these seconds are over; `left` are not handed in then.
    Killed in between, or ordered twice, nothing is lost or done twice: who waits for an answer is left out. Raises
    NotAllowed, Trouble.
    """
    if wrong := rights.objection((person,), Effect.CONTACT, company):
        raise NotAllowed(wrong)
    with tools.store.read() as work:
        before = filed.newest_id(work)
        over = contact_answers.linked_or_asked(work, company, [card.client for card in found.exact])
    exact = [(card.client, card.name, one.contact.id) for card, one in found.exact.items() if card.client not in over]
    end, places, done.left = time.monotonic() + patience, dict[str, str](), len(exact)
    with progress("Accepting") as shown:
        for piece in bulk_orders.in_chunks(exact, PIECE):
            try:
                with tools.store.write() as work:
                    some = contact_answers.file_links(work, company, piece, person.id, SOURCE)
            except NotAContact as refused:
                done.mistakes[company] = (
                    f"{refused.problem.message(refused.facts)} {refused.problem.remedy(refused.facts)}"
                )
                break
            tools.bells.wake_changes()
            places |= {change.event: change.subject for change in some}
            done.left -= len(piece)
            shown(len(exact) - done.left, len(exact))
            if time.monotonic() > end:
                break
    _collect(tools, company, before, places, done, patience, wait, progress)


def create(
    tools: Tools,
    company: str,
    cards: Sequence[Card],
    done: Imported,
    by: GivenBy,
    patience: float,
    wait: Wait | None = None,
    progress: Progress = _unseen,
) -> None:
    """Create a contact in Xero for each of these clients. Waits for answers as `take` does; mistakes are by client.

    Raises Unreadable, NotAllowed.
    """
    said = {card.client: {"company": company, "client": card.client, "client_name": card.name} for card in cards}
    _file_all(tools, company, ClientXeroContactCreateRequested, said, by, done, patience, wait, progress)


def _file_all(
    tools: Tools,
    company: str,
    model: type[Incoming],
    said: Mapping[str, Said],
    by: GivenBy,
    done: Imported,
    patience: float,
    wait: Wait | None,
    progress: Progress,
) -> None:
    """Hand in what is said, by its place, and sort out the answers that come within these seconds."""
    with tools.store.read() as work:
        before = filed.newest_id(work)
    places: dict[str, str] = {}
    with progress("Accepting") as shown:
        for place, one in said.items():
            places[file(tools, model, one, by)] = place
            shown(len(places), len(said))
    _collect(tools, company, before, places, done, patience, wait, progress)


def _collect(
    tools: Tools,
    company: str,
    before: int,
    places: Mapping[str, str],
    done: Imported,
    patience: float,
    wait: Wait | None,
    progress: Progress,
) -> None:
    """Sort out the answers to what was handed in after this change, those that come within these seconds."""
    with progress("Asking Xero") as shown:
        _answer(tools, company, before, patience, wait, shown)
    _sort_out(tools, company, before, places, done)


def _without_known(tools: Tools, company: str, lines: Mapping[str, Line], done: Imported) -> list[Line]:
    """The lines that say something new."""
    with tools.store.read() as work:
        known = contacts.known_links(work, company, list(lines))
        target = tools.target_of(work, company)
    fresh = []
    for client, (place, wish) in lines.items():
        kept = known.get(client)
        if kept and kept.status == "active" and target and kept.xero_contact_id == target.contact_id(wish.pasted):
            done.before.append(client)
        else:
            fresh.append((place, wish))
    return fresh


def _answer(tools: Tools, company: str, before: int, patience: float, wait: Wait | None, shown: Shown) -> None:
    """Ask Xero about what was handed in, until all is answered, Xero cannot be asked, or these seconds are over."""
    end = time.monotonic() + patience
    with tools.store.read() as work:
        whole = filed.waiting(work, company, before)

    def finished() -> bool:
        with tools.store.read() as work:
            left = filed.waiting(work, company, before)
        shown(max(0, whole - left), whole)
        return left == 0 or time.monotonic() > end

    answer(tools, company, finished, patience, wait)


def _sort_out(tools: Tools, company: str, before: int, places: Mapping[str, str], done: Imported) -> None:
    """What was answered to each line."""
    with tools.store.read() as work:
        for change in filed.after(work, company, before):
            if change.event not in places:
                continue
            told = contact_answers.contact_answered(work, change) if change.state != "waiting" else {}
            if change.state == "rejected":
                done.mistakes[places[change.event]] = f"{told['message']} {told['how']}"
            elif change.state == "updated":
                _linked(done, change.subject, told.get("warnings", ()))
            else:
                done.waiting.append(change.subject)


def _said(company: str, wish: Wish) -> Said:
    return {
        "company": company,
        "client": wish.client,
        "client_name": wish.client_name,
        "xero_contact": wish.pasted,
    }


def _linked(done: Imported, client: str, warnings: Sequence[str]) -> None:
    done.linked.append(client)
    if warnings:
        done.warnings[client] = " ".join(warnings)
