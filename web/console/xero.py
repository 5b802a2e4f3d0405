"""What pages say when Xero cannot be asked."""

from events.accounting_target import Trouble
from web.console import wording


def away(trouble: Trouble) -> str:
    """Why it cannot be asked, and what to do."""
    if trouble.effect == "needs_login":
        return "Xero does not let us in: the company's login is due. Make a connect link on its setup page."
    if trouble.effect == "limited" and trouble.wait:
        limit = "the day's limit of calls" if trouble.limit == "day" else "Xero's limit of calls"
        return f"{limit[0].upper()}{limit[1:]} is reached. Try again in {wording.length(trouble.wait)}."
    return f"Xero cannot be asked just now ({trouble.message}). Nothing was changed; try again in a few minutes."
