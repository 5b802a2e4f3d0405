"""Every reason that Xero can cause has a rule or a fault in the simulator, and a journey that ends in it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from events.reasons import Reason
from events.settings import Theme
from simulator import ledger
from simulator.faults import KINDS
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from tests.builders import TENANT, an_invoice, contact_id

MAIL = contact_id("mail")


@dataclass(frozen=True)
class Cause:
    """The rule behind a reason, and the invoice, company and organisation that meet it.

    `silent` is true where Xero's words are not in the answer: our mapping sees it first, or a look-up says more.
    """

    row: Say | SayOfLine
    invoice: Mapping[str, Any] = field(default_factory=dict)
    organisation: Mapping[str, Any] = field(default_factory=dict)
    company: Mapping[str, Any] = field(default_factory=dict)
    in_xero: str = ""
    switches: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False


def client(name):
    return {"client": {"id": name, "name": name.title(), "xero_contact_id": contact_id(name)}}


def line(unit, **more):
    return {"description": "Crew", "quantity": "1", "unit_amount": unit, **more}


CAUSED = {
    Reason.ACCOUNT_ARCHIVED: Cause(SayOfLine.ACCOUNT_ARCHIVED, {"line": {"account_code": "299"}}),
    Reason.ACCOUNT_INVALID: Cause(SayOfLine.ACCOUNT_INVALID, {"line": {"account_code": "999"}}),
    Reason.ACCOUNT_MISSING: Cause(
        SayOfLine.ACCOUNT_MISSING,
        {"line": {"item_code": "BARE"}},
        {"items": [{"code": "BARE"}]},
        {"default_account_code": None},
    ),
    Reason.BRANDING_THEME_INVALID: Cause(
        Say.THEME_UNKNOWN,
        company={"branding_theme": Theme(id=str(uuid.UUID(int=7)), name="Deleted since")},
        switches={"deleted_theme_refused": True},
    ),
    Reason.CONTACT_ARCHIVED: Cause(Say.CONTACT_ARCHIVED, client("old")),
    Reason.CONTACT_EMAIL_INVALID: Cause(
        Say.EMAIL_INVALID, client("mail"), {"contacts": [{"id": MAIL, "name": "Mail", "email": "at home"}]}
    ),
    Reason.CONTACT_NOT_FOUND: Cause(Say.CONTACT_MISSING, client("gone")),
    Reason.CURRENCY_NOT_ENABLED: Cause(Say.CURRENCY, {"currency": "EUR"}),
    Reason.DISCOUNT_TOO_LARGE: Cause(
        SayOfLine.DISCOUNT_TOO_LARGE,
        {"lines": [line("20.00", discount_amount="25.00"), line("50.00")]},
        silent=True,
    ),
    Reason.DUE_DATE_MISSING: Cause(Say.DUE_DATE, {"due_date": None}, silent=True),
    Reason.INVOICE_FINALISED: Cause(
        Say.NOT_MODIFIABLE, in_xero="VOIDED", switches={"put_on_voided_number": "status"}
    ),
    Reason.ITEM_UNKNOWN: Cause(SayOfLine.ITEM_UNKNOWN, {"line": {"item_code": "SHIP"}}),
    Reason.NEGATIVE_TOTAL: Cause(Say.NEGATIVE, {"line": {"unit_amount": "-5"}}, silent=True),
    Reason.NUMBER_TAKEN: Cause(Say.NUMBER_TAKEN, in_xero="AUTHORISED", silent=True),
    Reason.PERIOD_LOCKED: Cause(Say.PERIOD_LOCKED, {"date": "2020-06-30"}),
    Reason.PLAN_LIMIT: Cause(Say.PLAN_LIMIT, organisation={"approvals_per_month": 0}),
    Reason.TAX_NOT_FOR_ACCOUNT: Cause(
        SayOfLine.TAX_NOT_FOR_ACCOUNT, {"line": {"account_code": "260", "tax_type": "OUTPUT"}}
    ),
    Reason.TAX_TYPE_INVALID: Cause(SayOfLine.TAX_UNKNOWN, {"line": {"tax_type": "GST on Income"}}),
    Reason.TRACKING_INVALID: Cause(
        SayOfLine.TRACKING_UNKNOWN, {"line": {"tracking": [{"category": "Region", "option": "Nowhere"}]}}
    ),
}
# Reasons that no answer of Xero leads to, and who gives them.
OURS = {
    Reason.CANCELLED: "a person",
    Reason.CONTACT_ID_MALFORMED: "the worker: what was pasted holds no id",
    Reason.CONTACT_NAME_TAKEN: "Xero, of a contact that is renamed; we send ids only (test_told_aloud.py)",
    Reason.CONTACT_NOT_MAPPED: "the worker: nobody linked the client",
    Reason.CREDIT_NOTES_OFF: "intake (tests/journeys/test_credit_notes.py)",
    Reason.DISCOUNT_BELOW_ZERO: "our mapping",
    Reason.DISCOUNT_TWICE: "our mapping",
    Reason.DOCUMENT_FIXED: "intake (tests/journeys/test_credit_notes.py)",
    Reason.EDITED_IN_XERO: "the worker's guard, before an update (tests/journeys/test_re_export.py)",
    Reason.EXCLUDED: "a person",
    Reason.EXPIRED: "the clock",
    Reason.GONE_FROM_XERO: "the worker's guard, before an update (tests/journeys/test_re_export.py)",
    Reason.INVOICE_UNREADABLE: "intake",
    Reason.LINE_TOO_LARGE: "our mapping",
    Reason.XERO_REFUSED: "Xero, in words that we do not know (test_told_aloud.py)",
    Reason.LINES_MISSING: "Xero, of an invoice that intake does not let in (test_told_aloud.py)",
    Reason.NUMBER_USED_TWICE: "intake",
    Reason.LOCKED_IN_XERO: "an update's answer (tests/journeys/test_re_export.py)",
    Reason.OUTCOME_UNKNOWN: "the clock, when Xero never came back after a fault such as commit_then_drop",
    Reason.PAID_IN_XERO: "the worker's guard, before an update (tests/journeys/test_re_export.py)",
    Reason.PERHAPS_IN_XERO: "the worker, after it looked for half a day (tests/journeys/test_uncertain.py)",
    Reason.QUARANTINED: "the worker, after crashes",
    Reason.SENT_WRONGLY: "Xero, of what our mapping never sends (test_told_aloud.py)",
    Reason.STILL_IN_XERO: "the worker, before it raises anew (tests/journeys/test_raising_anew.py)",
    Reason.TOTALS_DO_NOT_ADD_UP: "intake",
    Reason.XERO_KEEPS_FAILING: "the worker, after eight errors (tests/journeys/test_breaker_and_expiry.py)",
    Reason.ZERO_MARKED_PAID: "the worker's guard, before an update (tests/journeys/test_raising_anew.py)",
}


def test_no_reason_is_missing():
    assert set(CAUSED) | set(OURS) == set(Reason), (
        "a new reason needs its cause in the simulator, or a word on whose it is"
    )
    assert not set(CAUSED) & set(OURS)


@pytest.mark.parametrize("reason", CAUSED, ids=lambda reason: reason.code)
def test_an_invoice_that_xero_refuses_ends_in_the_reason(make_installation, sqlite_url, reason):
    cause = CAUSED[reason]
    installation = make_installation(sqlite_url)
    installation.company(organisation=dict(cause.organisation), **cause.company)
    state = installation.simulator.state
    vars(state.switches).update(cause.switches)
    if cause.in_xero:
        books = state.world.organisations[TENANT]
        ledger.write_by_hand(state.world, books, "N-i1", contact_id("bolt"))["Status"] = cause.in_xero
    installation.ask(an_invoice(**cause.invoice))
    installation.settle_down(2)
    answer = installation.answers()["i1"]
    assert answer["reason"] == reason.code
    said = cause.row.value.text.partition("{")[0]
    assert cause.silent or said in answer["xero_words"]
    assert [one for one in installation.books() if one["Url"]] == []


# Faults that befall a whole call: an invoice waits or is looked up, and still ends in the books, once.
TROUBLES = {
    "commit_then_drop": "adopted",
    "commit_then_500": "adopted",
    "commit_then_504": "adopted",
    "truncated": "adopted",
    "malformed_json": "adopted",
    "foreign_body": "adopted",
    "missing_element": "adopted",
    "drop": "created",
    "http_500": "created",
    "html_503": "created",
    "gateway_504": "created",
    "api_offline": "created",
    "api_unavailable": "created",
    "offline": "created",
    "key_store_down": "created",
    "limit_unnamed": "created",
    "limit_appminute": "created",
    "limit_minute": "created",
    "limit_concurrent": "created",
    "refuse_tokens": "created",
    "expire_tokens": "created",
    "slow": "created",
    "slow_then_drop": "adopted",
}


def test_no_fault_is_missing():
    assert set(TROUBLES) | {"limit_day"} == set(KINDS)  # the day's limit: test_promise_4_waiting.py


@pytest.mark.parametrize("fault", TROUBLES)
def test_an_invoice_outlives_every_fault_and_is_in_xero_once(on_sqlite, fault):
    on_sqlite.simulator.state.faults.set({fault: [1], "slow_seconds": 0.01})
    on_sqlite.ask(an_invoice())
    on_sqlite.settle_down()
    assert on_sqlite.simulator.state.faults.happened == {fault: 1}
    assert [one["InvoiceNumber"] for one in on_sqlite.books()] == ["N-i1"]
    assert on_sqlite.answers()["i1"]["outcome"] == TROUBLES[fault]
