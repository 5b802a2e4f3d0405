"""Changes that people give at the command line or on a page: filed as a host's are, answered while they wait."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from events.snapshot import Incoming
from store import changes as filed
from worker.contacts import changes, contact_words
from worker.contacts.permits import Wait
from worker.decisions.rights import ConsoleUser, Operator
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
            told.update({"state": change.state, **contact_words.answered(work, change)} if change else {})
        return told.get("state") != "waiting"

    answer(tools, said["company"], finished, patience, wait)
    return told


def file(tools: Tools, model: type[Incoming], said: Said, by: GivenBy) -> str:
    """Hand a change in; gives the name of its event. Raises Unreadable, NotAllowed."""
    id_, data = uuid.uuid4().hex, {**said, "requested_by": orders.requested_by(by.person)}
    orders.hand_in(tools, model, data, (by.person,), by.source, id_)
    return contact_words.name_of_event(by.source, id_)


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
