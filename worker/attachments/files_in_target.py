"""The files that an invoice has in the accounting system: asked for behind the exports, a permit for each call."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from events.accounting_target import FileRefused, Organisation, Trouble
from events.pace import Permit, TargetPace
from worker.tools import Tools

UNKNOWN = ("unknown", "offline")  # effects of trouble after which what was sent may be there
T = TypeVar("T")


class NoPermit(Exception):
    """Leave for a call is given in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def find(tools: Tools, organisation: Organisation, target_id: str, row: Any, sha256: str) -> bytes | None:
    """The content of this file at an invoice, by its name, size and SHA-256; None where the invoice has it not.

    Raises NoPermit, FileRefused, Trouble.
    """
    target = tools.target(organisation)
    for one in _ask(tools, organisation, lambda: target.attached(organisation, target_id)):
        if (one.name, one.size) == (row.name, row.size):
            content = _ask(tools, organisation, partial(target.attached_content, organisation, target_id, one))
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
    return None


def book(pace: TargetPace, permit: Permit, trouble: Trouble) -> None:
    """What became of the call that the permit was for."""
    noted = pace.lost if trouble.effect in UNKNOWN else pace.abandon if trouble.effect == "not_sent" else pace.done
    noted(permit)


def _ask(tools: Tools, organisation: Organisation, question: Callable[[], T]) -> T:
    """The answer to a call, made behind the exports. Raises NoPermit, FileRefused, Trouble."""
    pace = tools.target(organisation).pace
    permit = pace.ask_behind(organisation)
    if permit.wait:
        raise NoPermit(permit.wait)
    try:
        found = question()
    except Trouble as trouble:
        book(pace, permit, trouble)
        raise
    except FileRefused:
        pace.done(permit)
        raise
    pace.done(permit)
    return found
