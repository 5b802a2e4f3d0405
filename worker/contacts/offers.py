"""What an organisation offers to choose from: kept for a day, fetched anew where it is older; one call per kind."""

import functools
from collections.abc import Sequence

from events.accounting_target import ChoiceKind, ListedChoice, Organisation
from store import companies
from worker.contacts import permits
from worker.contacts.permits import Wait
from worker.tools import Tools

KEPT_SECONDS = 86_400.0
KINDS: Sequence[ChoiceKind] = ("accounts", "tax_rates", "tracking", "branding_themes")


def offered(
    tools: Tools,
    organisation: Organisation,
    kinds: Sequence[ChoiceKind],
    wait: Wait | None = None,
    *,
    at_most_old: float = KEPT_SECONDS,
) -> dict[ChoiceKind, Sequence[ListedChoice]]:
    """The organisation's choices of these kinds, none older than so many seconds. Raises Trouble."""
    old = outdated(tools, organisation, kinds, at_most_old)
    with tools.store.read() as work:
        known = companies.choices_of_lane(work, organisation.lane)
    return {kind: fetch(tools, organisation, kind, wait) if kind in old else known[kind].choices for kind in kinds}


def outdated(
    tools: Tools, organisation: Organisation, kinds: Sequence[ChoiceKind], at_most_old: float
) -> list[ChoiceKind]:
    """Those of these kinds that were never fetched, or not within so many seconds."""
    with tools.store.read() as work:
        known = companies.choices_of_lane(work, organisation.lane)
        oldest = work.after(-at_most_old)
    return [kind for kind in kinds if kind not in known or known[kind].fetched_at <= oldest]


def fetch(
    tools: Tools, organisation: Organisation, kind: ChoiceKind, wait: Wait | None = None
) -> Sequence[ListedChoice]:
    """Ask the organisation, and keep what it says. Raises Trouble."""
    choices = permits.call(
        tools, organisation, functools.partial(tools.target(organisation).choices, organisation, kind), wait
    )
    with tools.store.write() as work:
        companies.save_choices(work, organisation.lane, kind, choices)
    return choices
