"""Xero's messages told apart by what a person must do about them; pure (xero/facts.md §6.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events.failures import Failure, spoken
from events.reasons import Reason


@dataclass(frozen=True)
class Message:
    """One of Xero's messages about an invoice, and the line it stood at (from 1), if any."""

    text: str
    line: int | None = None


# §6.2 numbers the rows; patterns are searched in order, ignoring case. Named groups become facts.
_RECOGNISERS: tuple[tuple[Reason, str], ...] = (
    (
        Reason.PERIOD_LOCKED,
        r"before the (?:period|end of year) lock date(?:, currently set at (?P<lock_date>[\w-]+))?",
    ),
    (Reason.ACCOUNT_ARCHIVED, r"Account code '(?P<account>[^']*)' has been archived, or has been deleted"),
    (
        Reason.TAX_NOT_FOR_ACCOUNT,
        r"TaxType code '?(?P<tax>.+?)'? cannot be used with account code '?(?P<account>[^'. ]+)",
    ),
    (Reason.ACCOUNT_INVALID, r"Account code '(?P<account>[^']*)' (?:is not a valid code|has been removed)"),
    (Reason.ACCOUNT_MISSING, r"Account code (?:or ID )?must be specified"),
    (Reason.TAX_TYPE_INVALID, r"The TaxType code '?(?P<tax>.+?)'? does not exist"),
    (Reason.TAX_TYPE_INVALID, r"Tax rate must be Active"),
    (Reason.NUMBER_TAKEN, r"Invoice # must be unique"),
    (Reason.INVOICE_FINALISED, r"Invoice not of valid status for modification"),
    (Reason.INVOICE_FINALISED, r"cannot be edited as it has a payment or credit note"),
    (Reason.CONTACT_ARCHIVED, r"contact details has been archived"),
    (Reason.CONTACT_NOT_FOUND, r"A Contact must be specified"),
    (Reason.CONTACT_EMAIL_INVALID, r"Email address must be valid"),
    (Reason.CURRENCY_NOT_ENABLED, r"not subscribed to currency '?(?P<currency>[A-Z]{3})"),
    (Reason.PLAN_LIMIT, r"reached the limit of invoices you can approve"),
    (Reason.ITEM_UNKNOWN, r"Item code '(?P<item>[^']*)' is not valid"),
    (Reason.DUE_DATE_MISSING, r"DueDate field must be specified"),
)


def failure(messages: Sequence[Message]) -> Failure:
    """The failure behind Xero's messages: the first recognised one gives the reason, all are kept verbatim."""
    said = " ".join(dict.fromkeys(message.text for message in messages)) or "no reason given"
    for reason, pattern in _RECOGNISERS:
        for message in messages:
            found = re.search(pattern, message.text, re.IGNORECASE)
            if found:
                return Failure(reason, _facts(found), said, message.line)
    return Failure(Reason.XERO_REFUSED, {}, said, next((m.line for m in messages if m.line), None))


def _facts(found: re.Match[str]) -> dict[str, str]:
    """What the message itself names, dates in words people use."""
    facts = {name: text for name, text in found.groupdict().items() if text}
    if "lock_date" in facts:
        facts["lock_date"] = _spoken(facts["lock_date"])
    return facts


def _spoken(day: str) -> str:
    """Xero's 03-Jul-1996 as 3 July 1996; anything else as it stands."""
    try:
        return spoken(datetime.strptime(day, "%d-%b-%Y").date())  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return day
