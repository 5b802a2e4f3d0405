"""Sending again what failed: for a cause that is gone, or because a person says so. Always a replay, never twice.

A replay takes only exports that stand failed, under their locks: pressed twice, or by a person beside the machine,
each invoice goes once.
"""

import hashlib
from collections.abc import Sequence

from events import wording
from events.codec import Unreadable
from events.export import MOST_INVOICES
from events.orders import InvoiceExportReplayRequested
from store import bulk_orders, failing
from store.tables import Mending
from store.unit_of_work import Work
from worker import logs
from worker.decisions.merge_rules import Receipt
from worker.submission import orders
from worker.tools import Tools
from worker.waiting import cause_resolved

SOURCE = "crewcard-xero/sending-again"
AGAIN_SECONDS = 60.0  # what was failing while the cause went is looked for once more
_log = logs.log("sending_again")


def go_on(tools: Tools) -> int:
    """Send what waited for each cause that is gone; gives how many invoices. Safe to be killed on any line."""
    with tools.store.read() as work:
        waiting = [(mending, _waiting(work, mending)) for mending in failing.due_mendings(work, AGAIN_SECONDS)]
    if not waiting:
        return 0
    sent = {mending.id or 0: _send_all(tools, mending, invoices) for mending, invoices in waiting}
    with tools.store.write() as work:
        failing.mending_acted(work, sent, AGAIN_SECONDS)
    return sum(sent.values())


def group(tools: Tools, company: str, cause: str, by: str, why: str) -> Receipt:
    """A person mended it in Xero and presses “send again”. Raises LookupError for a group that is not there."""
    with tools.store.read() as work:
        if cause not in failing.counts(work, company):
            raise LookupError(cause)
        invoices = failing.of_causes(work, company, [cause])
    if not invoices:
        return Receipt("", company, "", 0)
    order = {"company": company, "causes": [cause], "requested_by": {"id": by, "role": "command"}, "why": why}
    return orders.hand_in(tools, InvoiceExportReplayRequested, order, source=SOURCE)


def _waiting(work: Work, mending: Mending) -> list[str]:
    """The invoices that failed for what is mended, and that nobody asked for since."""
    tenants = cause_resolved.tenants_of(mending.tenant)
    return failing.of_causes(work, mending.company, mending.causes.split("\n"), tenants, mending.at)


def _send_all(tools: Tools, mending: Mending, invoices: Sequence[str]) -> int:
    sent = sum(_send(tools, mending, some) for some in bulk_orders.in_chunks(invoices, MOST_INVOICES))
    if sent:
        _log.info("sending_again.sent", company=mending.company, count=sent, why=mending.why)
    return sent


def _send(tools: Tools, mending: Mending, invoices: Sequence[str]) -> int:
    """One order; given by two at once it is the same event and counts once."""
    named = hashlib.sha256("\n".join(invoices).encode()).hexdigest()[:16]
    order = {
        "company": mending.company,
        "causes": mending.causes.split("\n"),
        "invoices": invoices,
        "requested_by": {"id": mending.by, "role": "mended"},
        "why": mending.why,
    }
    try:
        name = f"mended-{mending.id}-{named}"
        return orders.hand_in(
            tools, InvoiceExportReplayRequested, order, source=SOURCE, event=name, caused_by=mending.event
        ).invoices
    except Unreadable as refused:
        _log.warning(
            "sending_again.refused", company=mending.company, error=wording.whole(refused.problems, 200, "; ")
        )
        return 0
