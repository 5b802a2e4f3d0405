"""Ask Xero for many invoices at a person's pace: a permit for each call, and a wait where there is none."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from events.accounting_target import Organisation, Posted
from events.invoice import folded
from store import choosing
from worker.decisions.claiming import Claim
from worker.tools import Tools

_A_CALL = 20  # numbers or ids short enough for one query, so that one permit is one call (facts §4.3)
Wait = Callable[[float], None]
T = TypeVar("T")


def shown(
    tools: Tools, organisation: Organisation, claims: Sequence[Claim], wait: Wait
) -> Mapping[str, Sequence[Posted]]:
    """What Xero has under each claim's id, or else under its number, by invoice. Raises Trouble."""
    found: dict[str, Sequence[Posted]] = {}
    for some in choosing.in_chunks([claim for claim in claims if claim.xero_invoice_id], _A_CALL):
        ids = {claim.id: (claim.xero_invoice_id or "").lower() for claim in some}
        ask = functools.partial(tools.target(organisation).fetch, organisation, list(ids.values()))
        by_id = _call(tools, organisation, ask, wait)
        found |= {invoice: [by_id[id_]] for invoice, id_ in ids.items() if id_ in by_id}
    for some in choosing.in_chunks([claim for claim in claims if not claim.xero_invoice_id], _A_CALL):
        numbers = {claim.id: claim.number or "" for claim in some}
        look = functools.partial(tools.target(organisation).find, organisation, list(numbers.values()))
        by_number = _call(tools, organisation, look, wait)
        found |= {invoice: by_number.get(folded(number), ()) for invoice, number in numbers.items()}
    return found


def _call(tools: Tools, organisation: Organisation, ask: Callable[[], T], wait: Wait) -> T:
    while (permit := tools.target(organisation).pace.ask(organisation)).wait:
        wait(permit.wait)
    try:
        return ask()
    finally:
        tools.target(organisation).pace.done(permit)
