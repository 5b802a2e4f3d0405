"""The words of a request's pop-up."""

from collections.abc import Mapping

from events.export import Notification
from events.failures import FAILED_TITLE
from events.reasons import Reason
from events.wording import inside

EXPORTED = "Invoices exported to Xero."


def summary(exported: int, failed: int, reasons: Mapping[str, int]) -> Notification:
    """The notification at the end of a request: all well, mixed, or all failed, with counts per reason."""
    if not failed:
        return Notification(title="Xero export", message=EXPORTED)
    causes = "; ".join(
        f"{inside(Reason.of(code).value.title)} ({count})"
        for code, count in sorted(reasons.items(), key=lambda cause: (-cause[1], cause[0]))
    )
    invoices = "invoice" if failed == 1 else "invoices"
    done = f"{exported} exported to Xero, " if exported else ""
    return Notification(title=FAILED_TITLE, message=f"{done}{failed} {invoices} failed: {causes}.")
