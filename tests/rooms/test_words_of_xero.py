"""Every message in the simulator's catalogue (facts §6.2) has its reason, its facts and its words for people."""

import re

import pytest

from events.connections import ConnectionProblem
from events.failures import LONGEST_MESSAGE, Failure
from events.reasons import Reason
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.refusals import No
from tests.journeys.plain import wrong_with
from tests.simulator import test_reasons
from xero_adapter.answers import Message, failure_of_message
from xero_adapter.auth import _PROBLEMS

# What stands in the places of a text.
PLACES = {
    "account": "630",
    "category": "Region",
    "code": "EUR",
    "discount": "27.83",
    "expected": "10",
    "field": "Description",
    "least": "1",
    "lock": "30-Nov-2018",
    "most": "4000",
    "name": "ACME",
    "option": "North",
    "sent": "0",
    "status": "VOIDED",
}
CURRENCY = {"currency": "EUR"}
LOCKED = {"lock_date": "30 November 2018"}
OF_INVOICES = {
    Say.PERIOD_LOCKED: (Reason.PERIOD_LOCKED, LOCKED),
    Say.YEAR_LOCKED: (Reason.PERIOD_LOCKED, LOCKED),
    Say.NUMBER_TAKEN: (Reason.NUMBER_TAKEN, {}),
    Say.NOT_MODIFIABLE: (Reason.INVOICE_FINALISED, {}),
    Say.HAS_PAYMENT: (Reason.PAID_IN_XERO, {}),
    Say.NOT_CREATABLE: (Reason.SENT_WRONGLY, {}),
    Say.CONTACT_ARCHIVED: (Reason.CONTACT_ARCHIVED, {}),
    Say.CONTACT_NAME_TAKEN: (Reason.CONTACT_NAME_TAKEN, {}),
    Say.CONTACT_MISSING: (Reason.CONTACT_NOT_FOUND, {}),
    Say.CONTACT_EMPTY: (Reason.CONTACT_NOT_FOUND, {}),
    Say.CONTACT_NAMELESS: (Reason.CONTACT_NOT_FOUND, {}),
    Say.EMAIL_INVALID: (Reason.CONTACT_EMAIL_INVALID, {}),
    Say.CURRENCY: (Reason.CURRENCY_NOT_ENABLED, CURRENCY),
    Say.CURRENCY_OLDER: (Reason.CURRENCY_NOT_ENABLED, CURRENCY),
    Say.CURRENCY_QUOTED: (Reason.CURRENCY_NOT_ENABLED, CURRENCY),
    Say.PLAN_LIMIT: (Reason.PLAN_LIMIT, {}),
    Say.DOCUMENT_TOTAL: (Reason.SENT_WRONGLY, {}),
    Say.INVOICE_TOTAL: (Reason.SENT_WRONGLY, {}),
    Say.NO_LINES: (Reason.LINES_MISSING, {}),
    Say.DUE_DATE: (Reason.DUE_DATE_MISSING, {}),
    Say.TYPE: (Reason.SENT_WRONGLY, {}),
    Say.STATUS_HAS_PAYMENT: (Reason.PAID_IN_XERO, {}),
    Say.DATE_HAS_PAYMENT: (Reason.PAID_IN_XERO, {}),
    Say.NEGATIVE: (Reason.NEGATIVE_TOTAL, {}),
    Say.ID_UNKNOWN: (Reason.GONE_FROM_XERO, {}),
    Say.URL_OF_XERO: (Reason.SENT_WRONGLY, {}),
    Say.CREDIT_NOTE_NUMBER_TAKEN: (Reason.NUMBER_TAKEN, {}),
    Say.CREDIT_NOTE_UNKNOWN: (Reason.GONE_FROM_XERO, {}),
    Say.CREDIT_NOTE_DISCOUNT: (Reason.XERO_REFUSED, {}),
    # Of allocations, which are told in Xero's own words.
    Say.CREDIT_NOTE_NOT_APPROVED: (Reason.XERO_REFUSED, {}),
    Say.ALLOCATED_TO_PAID: (Reason.XERO_REFUSED, {}),
    Say.ALLOCATED_TOO_MUCH: (Reason.XERO_REFUSED, {}),
    Say.ALLOCATED_NOTHING: (Reason.XERO_REFUSED, {}),
    Say.ALLOCATED_TO_OTHER_TYPE: (Reason.XERO_REFUSED, {}),
    Say.ALLOCATED_TO_OTHER_CONTACT: (Reason.XERO_REFUSED, {}),
    # Not in the error catalogue of the facts, captured by nobody: shown word for word and counted.
    Say.NUMBER_UNREADABLE: (Reason.XERO_REFUSED, {}),
    Say.THEME_UNKNOWN: (Reason.BRANDING_THEME_INVALID, {}),
    SayOfLine.LINE_EMPTY: (Reason.XERO_REFUSED, {}),
    Say.TOO_LONG: (Reason.XERO_REFUSED, {}),
    Say.NAME_CHARACTERS: (Reason.XERO_REFUSED, {}),
    Say.ODD_RATE: (Reason.XERO_REFUSED, {}),  # a warning, which refuses nothing
    SayOfLine.ACCOUNT_ARCHIVED: (Reason.ACCOUNT_ARCHIVED, {"account": "EUR"}),
    SayOfLine.ACCOUNT_INVALID: (Reason.ACCOUNT_INVALID, {"account": "EUR"}),
    SayOfLine.ACCOUNT_REMOVED: (Reason.ACCOUNT_INVALID, {"account": "EUR"}),
    SayOfLine.ACCOUNT_MISSING: (Reason.ACCOUNT_MISSING, {}),
    SayOfLine.ACCOUNT_EMPTY: (Reason.ACCOUNT_MISSING, {}),
    SayOfLine.ACCOUNT_MUST_BE_VALID: (Reason.SENT_WRONGLY, {}),
    SayOfLine.TAX_MUST_BE_VALID: (Reason.SENT_WRONGLY, {}),
    SayOfLine.TAX_UNKNOWN: (Reason.TAX_TYPE_INVALID, {"tax": "EUR"}),
    SayOfLine.TAX_NOT_FOR_ACCOUNT: (Reason.TAX_NOT_FOR_ACCOUNT, {"tax": "EUR", "account": "630"}),
    SayOfLine.TAX_NOT_ACTIVE: (Reason.TAX_TYPE_INVALID, {}),
    SayOfLine.LINE_TOTAL: (Reason.SENT_WRONGLY, {}),
    SayOfLine.DISCOUNT_TOO_LARGE: (Reason.DISCOUNT_TOO_LARGE, {"discount": "27.83"}),
    SayOfLine.DISCOUNT_BELOW_ZERO: (Reason.XERO_REFUSED, {}),
    SayOfLine.ITEM_UNKNOWN: (Reason.ITEM_UNKNOWN, {"item": "EUR"}),
    SayOfLine.TRACKING_UNKNOWN: (Reason.TRACKING_INVALID, {"tracking": "Region “North”"}),
    SayOfLine.TRACKING_TOO_MANY: (Reason.TRACKING_INVALID, {}),
    SayOfLine.LINE_TOO_LARGE: (Reason.XERO_REFUSED, {}),
}
# A whole call that needs no person: the invoice waits or is looked up, and is in Xero once in the end
# (tests/simulator/test_reasons.py brings each fault about; the day's limit: test_promise_4_waiting.py).
WAITS = {
    No.TOKEN_EXPIRED: "expire_tokens",
    No.MINUTE: "limit_minute",
    No.DAY: "limit_day",
    No.CONCURRENT: "limit_concurrent",
    No.APP_MINUTE: "limit_appminute",
    No.SERVER_ERROR: "http_500",
    No.OFFLINE: "offline",
    No.MAINTENANCE: "api_offline",
    No.UNAVAILABLE: "api_unavailable",
    No.EDGE: "html_503",
    No.GATEWAY: "gateway_504",
}
# The company's work waits for a person at the connection, once that is proven.
CONNECTION = {
    No.NO_TOKEN: ConnectionProblem.LOGIN_ENDED,
    No.NO_SCOPE: ConnectionProblem.SCOPE_MISSING,
    No.NO_TENANT: ConnectionProblem.DISCONNECTED,
    No.NOT_PERMITTED: ConnectionProblem.NOT_PERMITTED,
    No.INVALID_GRANT: ConnectionProblem.LOGIN_ENDED,
    No.UNAUTHORIZED_CLIENT: ConnectionProblem.APP_REFUSED,
    No.INVALID_CLIENT: ConnectionProblem.APP_REFUSED,
    No.INVALID_SCOPE: ConnectionProblem.APP_NOT_ALLOWED,
}
# A refusal of the whole call that names nobody: sent alone, it fails (tests/journeys/test_told_whole.py).
WHOLE = {
    No.OTHER_REQUEST: Reason.SENT_WRONGLY,
    No.KEY_TOO_LONG: Reason.SENT_WRONGLY,
    No.UNREADABLE: Reason.SENT_WRONGLY,
    No.INVALID: Reason.SENT_WRONGLY,
    No.NO_DATE: Reason.SENT_WRONGLY,
    No.NOT_RECOGNISED: Reason.SENT_WRONGLY,
    No.NO_DATA: Reason.SENT_WRONGLY,
    No.NOT_FOUND: Reason.SENT_WRONGLY,
    No.PRECONDITION: Reason.SENT_WRONGLY,
    No.WRONG_VERB: Reason.SENT_WRONGLY,
    No.TOO_LARGE: Reason.SENT_WRONGLY,
    No.MALFORMED_GUID: Reason.XERO_KEEPS_FAILING,
}
# A refused file (No.PAYLOAD_TOO_LARGE is one as well) is told as such, and its invoice does not fail.
OF_FILES = {Say.TOO_MANY_ATTACHMENTS, Say.ATTACHMENT_EMPTY, Say.ATTACHMENT_NAME}
# We send no e-mail, no filter, no search without pages, and nothing to what is not modelled.
NEVER_ASKED = {No.NO_EMAIL, No.QUERY, No.HIGH_VOLUME, No.NOT_MODELLED}


@pytest.mark.parametrize("row", OF_INVOICES, ids=lambda row: row.name.lower())
def test_a_message_of_the_catalogue_has_its_reason_and_its_facts(row):
    reason, facts = OF_INVOICES[row]
    text = row.value.text.format_map(PLACES)
    line = 2 if isinstance(row, SayOfLine) else None
    found = failure_of_message([Message(text, line)])
    assert (found.reason, dict(found.facts), found.said, found.line) == (reason, facts, text, line)


def test_no_message_of_the_catalogue_is_missing():
    assert set(OF_INVOICES) | OF_FILES == {*Say, *SayOfLine}
    assert set(WAITS) | set(CONNECTION) | set(WHOLE) | NEVER_ASKED | {No.PAYLOAD_TOO_LARGE} == set(No)


@pytest.mark.parametrize("row", OF_INVOICES, ids=lambda row: row.name.lower())
def test_what_the_facts_list_is_never_merely_shown(row):
    if re.search(r"§6\.2 #\d+", row.value.source):
        assert OF_INVOICES[row][0] is not Reason.XERO_REFUSED


def test_what_only_waits_is_brought_about_elsewhere():
    assert set(WAITS.values()) - {"limit_day"} <= set(test_reasons.TROUBLES)


def test_what_the_token_service_says_has_its_problem():
    said = {No.INVALID_GRANT, No.UNAUTHORIZED_CLIENT, No.INVALID_CLIENT}
    assert {row: _PROBLEMS[row.value.text] for row in said} == {row: CONNECTION[row] for row in said}


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
@pytest.mark.parametrize("length", [5, 300])
def test_a_sentence_stays_whole_however_long_the_names_in_it(reason, length):
    facts = dict.fromkeys(re.findall(r"{(\w+)}", reason.value.message + reason.value.how), "Long " * (length // 5))
    others = tuple(Failure(one, facts, "Said " * length, 3) for one in (reason, *Reason))
    told = Failure(reason, {**facts, "line_said": "Crew " * length}, "Said " * length, 2, others)
    assert len(told.message()) <= LONGEST_MESSAGE
    assert not wrong_with(told.message())
    skeleton = re.split(r"{\w+}", reason.value.message)
    assert all(part in told.message() for part in skeleton)
    assert all(len(step) <= LONGEST_MESSAGE for step in told.steps())
