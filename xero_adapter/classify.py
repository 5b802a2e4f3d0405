"""Xero's messages told apart by what a person must do about them; pure (facts §6.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.failures import Failure
from events.reasons import Reason
from events.wording import spoken


@dataclass(frozen=True)
class Message:
    """One of Xero's messages about an invoice, the line it stood at (from 1), if any, and what that line says."""

    text: str
    line: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


# What a person must know first stands first. Patterns are searched ignoring case; named groups become facts.
_RECOGNISERS: tuple[tuple[Reason, str], ...] = (
    (
        Reason.PERIOD_LOCKED,
        r"before the (?:period|end of year) lock date(?:, currently set at (?P<lock_date>[\w-]+))?",
    ),
    (Reason.CONTACT_ARCHIVED, r"contact details has been archived"),
    (
        Reason.CONTACT_NOT_FOUND,
        r"A Contact must be specified|Contact must contain at least 1 of the following|Contact Name cannot be empty",
    ),
    (Reason.CONTACT_NAME_TAKEN, r"contact name .* is already assigned to another contact"),
    (Reason.CONTACT_EMAIL_INVALID, r"Email address must be valid"),
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
    (Reason.PAID_IN_XERO, r"has a? ?payments? or credit notes? allocated to it"),
    (Reason.INVOICE_FINALISED, r"Invoice not of valid status for modification"),
    (Reason.GONE_FROM_XERO, r"An existing Invoice with the specified InvoiceID could not be found"),
    (Reason.CURRENCY_NOT_ENABLED, r"not subscribed to currency '?(?P<currency>[A-Z]{3})"),
    (Reason.PLAN_LIMIT, r"reached the limit of invoices you can approve"),
    (Reason.ITEM_UNKNOWN, r"Item code '(?P<item>[^']*)' is not valid"),
    (
        Reason.DISCOUNT_TOO_LARGE,
        r"discount rate '(?P<discount>[^']*)' is invalid|must not be greater than the line total",
    ),
    (Reason.TRACKING_INVALID, r"tracking option '(?P<option>[^']*)' of the tracking category '(?P<category>[^']*)'"),
    (Reason.TRACKING_INVALID, r"tracking (?:option|categor)"),
    (Reason.BRANDING_THEME_INVALID, r"branding theme .*(?:does not exist|not be found|is not valid)"),
    (Reason.DUE_DATE_MISSING, r"DueDate field must be specified"),
    (Reason.LINES_MISSING, r"One or more line items must be specified"),
    (Reason.NEGATIVE_TOTAL, r"total must be greater than or equal to zero"),
    # Nothing we send should bring these about (facts §6.2, “ours”).
    (Reason.SENT_WRONGLY, r"Account must be valid|Tax rate must be valid"),
    (Reason.SENT_WRONGLY, r"does not match the expected line total|does not equal the sum of the lines"),
    (Reason.SENT_WRONGLY, r"Invoice Type must be specified|not of valid status for creation"),
    (Reason.SENT_WRONGLY, r"is used with a different request|body could not be read|post data was invalid"),
    (Reason.SENT_WRONGLY, r"The element '.*' was not recognised|No data has been processed|The Url must not contain"),
)


def failure(messages: Sequence[Message]) -> Failure:
    """The failure behind Xero's messages: the most useful is told first, none is left out, all are kept verbatim."""
    told = [_ranked(message) for message in _each_once(messages)] or [(0, Failure(Reason.XERO_REFUSED))]
    told.sort(key=lambda one: (one[0], one[1].line or 0))
    first, *others = [one for _, one in told]
    return Failure(first.reason, first.facts, first.said, first.line, tuple(others))


def _each_once(messages: Sequence[Message]) -> list[Message]:
    """Xero says things twice, at the invoice and at the line: the one with the line says more."""
    at_lines = {message.text for message in messages if message.line}
    kept = [message for message in messages if message.line or message.text not in at_lines]
    return list({(message.text, message.line): message for message in kept}.values())


def _ranked(message: Message) -> tuple[int, Failure]:
    for rank, (reason, pattern) in enumerate(_RECOGNISERS):
        found = re.search(pattern, message.text, re.IGNORECASE)
        if found:
            # What the message itself names, dates in words people use
            facts = {name: text for name, text in found.groupdict().items() if text}
            if "lock_date" in facts:
                facts["lock_date"] = _spoken(facts["lock_date"])
            if {"option", "category"} <= set(facts):
                facts["tracking"] = f"{facts.pop('category')} “{facts.pop('option')}”"
            return rank, Failure(reason, {**message.facts, **facts}, message.text, message.line)
    return len(_RECOGNISERS), Failure(Reason.XERO_REFUSED, message.facts, message.text, message.line)


def _spoken(day: str) -> str:
    """Xero's 03-Jul-1996 as 3 July 1996; anything else as it stands."""
    try:
        return spoken(datetime.strptime(day, "%d-%b-%Y").date())  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return day
