"""Orders to erase or remove go on piece by piece, by any clock: killed at any line, the next one goes on."""

from typing import Any

from events.accounting_target import Lane
from store import audit, erasing, erasures, removing
from store.connections import NOT_YET
from store.erasures import StepProgress
from store.unit_of_work import Work
from worker import logs
from worker.erasing import erase_client, remove_company
from worker.tools import Tools

_IN_A_ROW = 20
_log = logs.log("erasing")


def go_on(tools: Tools, number: int | None = None, most: int = _IN_A_ROW) -> int:
    """Pieces of one order, or of all that are due; gives how many were carried out."""
    with tools.store.read() as work:
        numbers = erasures.due(work, most) if number is None else [number]
    done = 0
    for one in numbers:
        for _ in range(most):
            if not _piece(tools, one):
                break
            done += 1
    return done


def _piece(tools: Tools, number: int) -> bool:
    """One piece of the order; False where it waits, is done, or somebody else is at it."""
    with tools.store.write() as work:
        order = erasures.locked(work, number)
        if order is None:
            return False
        login = not order.client and order.step == removing.LOGIN
        if not login:
            reached = _reach(tools, work, order)
            following = _following(order) if reached.over else order.step
            erasures.keep_progress(work, order, reached, following)
            if reached.over and not following:
                _finish(work, order)
    if login:
        return remove_company.end_login(tools, number)
    return not reached.waits


def _reach(tools: Tools, work: Work, order: Any) -> StepProgress:
    if order.client:
        return erasing.STEPS[order.step](work, order, erase_client.cut_with(tools, work, order.company))
    if order.step == removing.AFTER_LOGIN:
        for tenant in {*removing.tenants(work, order.company), NOT_YET}:
            tools.bells.forget(Lane(order.company, tenant).key)
    return removing.STEPS[order.step](work, order, tools.settings.shut_doors)


def _following(order: Any) -> str:
    steps = list(erasing.STEPS if order.client else removing.STEPS)
    return dict(zip(steps, [*steps[1:], ""], strict=True))[order.step]


def _finish(work: Work, order: Any) -> None:
    counts = erasures.counts(erasures.known(work, order.id))
    what = "erased" if order.client else "removed"
    chosen = {"client": order.client, **counts}
    audit.note(work, order.by, what, order.company, chosen, counts.get("invoices", 0), order.why)
    _log.info("erasing.done", company=order.company, kind=what, count=sum(counts.values()))
