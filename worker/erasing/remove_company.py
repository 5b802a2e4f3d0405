"""Remove a company: doors know it no more, what was accepted is answered, then its login, data and events go.

What remains is this order and the audit. Should the company come back, Xero's invoices carry our mark still: a create
meets “must be unique”, and the invoice is taken over.
"""

from events.accounting_target import Trouble
from store import audit, companies, erasing, erasures, removing
from store.erasures import StepProgress
from store.vault import Unopenable
from worker.connections import connecting
from worker.erasing.erasure import ErasurePreview, ErasureRefused, letters_first, reason_given
from worker.tools import Tools

FIRST, *_ = removing.STEPS
# A door that had seen the company before it was closed is through by then: no transaction lasts longer.
_GRACE = StepProgress(waits="a minute, until no door is at work for it any more", wait_seconds=65)
_TRIES = 10  # calls to Xero in vain, ever later: about an hour
_NOT_TOLD = (
    "Xero could not be told that the login ends ({why}). In Xero somebody has to open Settings, then Connected apps, "
    "and disconnect the app."
)


def preview(tools: Tools, company: str) -> ErasurePreview:
    """What there is of the company, and what has to be done first."""
    with tools.store.read() as work:
        if not companies.exists(work, company):
            raise ErasureRefused(f"There is no company “{company}” here.")
        left = removing.under_way(work, company)
        objections = [f"Not over yet: {count} {what}." for what, count in left.items()]
        if objections:
            objections.append("Wait until they are, or cancel what waits, first.")
        objections += letters_first(erasing.open_letters(work, company, ""))
        return ErasurePreview(removing.standing(work, company), objections)


def remove(tools: Tools, company: str, by: str, why: str) -> int:
    """Order it; gives the order's number, with which `pieces` goes on. Raises ErasureRefused."""
    reason = reason_given(why)
    with tools.store.read() as work:
        under_way = erasures.open_one(work, company, "")
    if under_way:
        return under_way
    seen = preview(tools, company)
    seen.must_be_free()
    with tools.store.write() as work:
        if not removing.close(work, company):
            raise ErasureRefused(f"{company} is being removed already.")
        number = erasures.make(work, company, "", by, reason, FIRST, _GRACE)
        audit.note(work, by, "remove", company, dict(seen.counts), seen.counts["invoices"], reason)
    return number


def end_login(tools: Tools, number: int) -> bool:
    """Disconnect the company in Xero; False where that has to be tried again. After an hour it goes on without."""
    with tools.store.read() as work:
        order = erasures.known(work, number)
    why = ""
    try:
        connecting.disconnect(tools, order.company, order.by, order.why)
    except LookupError:
        pass  # it is not connected, or no more
    except (Trouble, Unopenable) as away:
        why = away.message if isinstance(away, Trouble) else str(away)
    with tools.store.write() as work:
        order = erasures.locked(work, number)
        if order is None or order.step != removing.LOGIN:
            return False
        if why and order.tries < _TRIES:
            erasures.change(work, number, tries=order.tries + 1)
            waits = f"Xero cannot be told that the login ends: {why}"
            erasures.keep_progress(
                work, order, StepProgress(waits=waits, wait_seconds=60.0 * (order.tries + 1)), removing.LOGIN
            )
            return False
        erasures.change(work, number, left=_NOT_TOLD.format(why=why) if why else "")
        erasures.keep_progress(work, order, StepProgress(over=True), removing.AFTER_LOGIN)
    return True
