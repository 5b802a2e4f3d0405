"""Xero's messages (facts §6.2) and what they mean."""

import pytest

from events.reasons import Reason
from xero_adapter.answers import Message, failure_of_message

MESSAGES = [
    (
        "The document date cannot be before the period lock date, currently set at 30-Nov-2018",
        Reason.PERIOD_LOCKED,
        {"lock_date": "30 November 2018"},
    ),
    (
        "The document date cannot be before the end of year lock date, currently set at 31-Mar-2020",
        Reason.PERIOD_LOCKED,
        {"lock_date": "31 March 2020"},
    ),
    (
        "Account code '200' has been archived, or has been deleted. Each line item must reference a valid account",
        Reason.ACCOUNT_ARCHIVED,
        {"account": "200"},
    ),
    ("Account code '200' is not a valid code for this document.", Reason.ACCOUNT_INVALID, {"account": "200"}),
    (
        "Account code '476' has been removed as it does not match a recognised account.",
        Reason.ACCOUNT_INVALID,
        {"account": "476"},
    ),
    ("Account code or ID must be specified", Reason.ACCOUNT_MISSING, {}),
    ("Account code must be specified", Reason.ACCOUNT_MISSING, {}),
    (
        "The TaxType code GST on Income does not exist or cannot be used for this type of transaction.",
        Reason.TAX_TYPE_INVALID,
        {"tax": "GST on Income"},
    ),
    (
        "The TaxType code 'OUTPUT' cannot be used with account code '630'.",
        Reason.TAX_NOT_FOR_ACCOUNT,
        {"tax": "OUTPUT", "account": "630"},
    ),
    ("Tax rate must be Active", Reason.TAX_TYPE_INVALID, {}),
    ("Invoice # must be unique.", Reason.NUMBER_TAKEN, {}),
    ("Invoice not of valid status for modification", Reason.INVOICE_FINALISED, {}),
    (
        "This document cannot be edited as it has a payment or credit note allocated to it.",
        Reason.PAID_IN_XERO,
        {},
    ),
    (
        "The contact with the specified contact details has been archived. The contact must be un-archived before "
        "creating new invoices or credit notes",
        Reason.CONTACT_ARCHIVED,
        {},
    ),
    ("A Contact must be specified for this type of transaction", Reason.CONTACT_NOT_FOUND, {}),
    ("Email address must be valid.", Reason.CONTACT_EMAIL_INVALID, {}),
    ("Organisation is not subscribed to currency EUR", Reason.CURRENCY_NOT_ENABLED, {"currency": "EUR"}),
    ("Users Organisation is not subscribed to currency NZD", Reason.CURRENCY_NOT_ENABLED, {"currency": "NZD"}),
    (
        "The current organisation is not subscribed to currency 'EUR'.",
        Reason.CURRENCY_NOT_ENABLED,
        {"currency": "EUR"},
    ),
    ("You have reached the limit of invoices you can approve", Reason.PLAN_LIMIT, {}),
    ("Item code 'X1' is not valid", Reason.ITEM_UNKNOWN, {"item": "X1"}),
    (
        "The discount rate '27.83' is invalid. Discount must not be greater than the line total.",
        Reason.DISCOUNT_TOO_LARGE,
        {"discount": "27.83"},
    ),
    ("Contact Name cannot be empty.", Reason.CONTACT_NOT_FOUND, {}),
    (
        "JSON for post data was invalid. Could not convert string to DateTime: 20/11/2026. Path 'Invoices[0].Date'.",
        Reason.SENT_WRONGLY,
        {},
    ),
    ("The document DueDate field must be specified", Reason.DUE_DATE_MISSING, {}),
    ("Something Xero has never said before", Reason.XERO_REFUSED, {}),
]


@pytest.mark.parametrize(("text", "reason", "facts"), MESSAGES, ids=[text[:40] for text, _, _ in MESSAGES])
def test_a_message_of_xeros_has_its_reason_and_facts(text, reason, facts):
    found = failure_of_message([Message(text, 2)])
    assert found.reason is reason
    assert found.facts == facts
    assert found.said == text
    assert found.line == 2


def test_a_recognised_message_wins_over_an_unknown_one_and_both_are_told():
    found = failure_of_message([Message("Gibberish"), Message("Email address must be valid.")])
    assert found.reason is Reason.CONTACT_EMAIL_INVALID
    assert found.words() == "Email address must be valid. Gibberish"
    assert [(one.reason, one.said) for one in found.others] == [(Reason.XERO_REFUSED, "Gibberish")]


def test_what_xero_says_twice_is_told_once_with_its_line():
    found = failure_of_message(
        [Message("Tax rate must be Active"), Message("Tax rate must be Active", 2, {"tax": "OLD"})]
    )
    assert (found.line, found.facts, found.others) == (2, {"tax": "OLD"}, ())


def test_no_message_at_all_is_still_a_failure():
    assert failure_of_message([]).reason is Reason.XERO_REFUSED
