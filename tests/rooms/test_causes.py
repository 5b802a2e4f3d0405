"""What one act mends: causes, and which of them are gone when something is mended; pure."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import failures
from events.failures import Failure
from events.reasons import Reason
from events.settings import CompanySettings
from events.wording import lines


@pytest.mark.parametrize(
    ("failure", "cause", "about"),
    [
        (Failure(Reason.CONTACT_NOT_MAPPED, {"client": "ACME Ltd", "client_id": "acme"}), "acme", "ACME Ltd"),
        (Failure(Reason.ACCOUNT_ARCHIVED, {"account": "299", "number": "N-1"}), "299", "299"),
        (Failure(Reason.TAX_NOT_FOR_ACCOUNT, {"tax": "OUTPUT", "account": "260"}), "OUTPUT-with-260", "OUTPUT, 260"),
        (Failure(Reason.TAX_TYPE_INVALID, {"tax": "GST on Income"}), "GST-on-Income", "GST on Income"),
        (Failure(Reason.PERIOD_LOCKED, {"lock_date": "30 June 2020"}), "30-June-2020", "30 June 2020"),
        (Failure(Reason.NEGATIVE_TOTAL, {"total": "-5"}), "", ""),
        (Failure(Reason.XERO_REFUSED, {}, "Line 7 of 'ACME' is odd."), "Line-of-is-odd.", "Line 7 of 'ACME' is odd."),
    ],
)
def test_a_cause_is_a_reason_and_the_thing_to_mend(failure, cause, about):
    assert failures.cause_of(failure) == f"{failure.reason.code}:{cause}".rstrip(":")
    assert failures.about(failure) == about
    assert failures.reason_of(failures.cause_of(failure)) is failure.reason


names = st.text(string.ascii_letters + string.digits + "._:-", min_size=1, max_size=100).filter(
    lambda name: name.strip("-") == name
)


@given(names, names)
def test_two_clients_are_two_groups_and_one_client_is_one(one, other):
    def cause(client):
        return failures.cause_of(Failure(Reason.CONTACT_NOT_FOUND, {"client_id": client}))

    assert (cause(one) == cause(other)) == (one == other)
    assert cause(one) in failures.gone_with_contact(one)


@given(st.sampled_from(Reason), st.text(max_size=300), st.text(max_size=300))
def test_a_cause_survives_a_command_line(reason, fact, said):
    failure = Failure(reason, dict.fromkeys((*reason.value.thing, "number"), fact), said)
    cause = failures.cause_of(failure)
    assert failures.reason_of(cause) is reason
    assert not set(cause) & set(" '\"$`\\\n*?;&|<>(){}")
    assert len(cause) < (700 if reason.code.startswith("contact_") else 200), "a client's id is kept whole"


OPEN = {
    "account_missing": 2,
    "account_archived:299": 1,
    "account_invalid:200": 1,
    "tax_not_for_account:OUTPUT-with-299": 1,
    "tax_type_invalid:OUTPUT": 1,
    "due_date_missing": 3,
    "plan_limit:June-2026": 1,
    "contact_not_mapped:acme": 4,
}


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ({}, {}, []),
        ({}, {"default_account_code": "200"}, ["account_missing"]),
        (
            {"default_account_code": "299"},
            {"default_account_code": "200"},
            ["account_archived:299", "account_missing", "tax_not_for_account:OUTPUT-with-299"],
        ),
        (
            {"default_tax_type": "OUTPUT"},
            {"default_tax_type": "OUTPUT2"},
            ["tax_not_for_account:OUTPUT-with-299", "tax_type_invalid:OUTPUT"],
        ),
        ({}, {"days_until_due": 14}, ["due_date_missing"]),
        ({}, {"invoice_status": "DRAFT"}, ["account_missing", "due_date_missing", "plan_limit:June-2026"]),
        ({"default_account_code": "200"}, {}, []),
    ],
)
def test_which_causes_new_settings_mend(before, after, gone):
    assert failures.gone_with_settings(CompanySettings(**before), CompanySettings(**after), OPEN) == gone


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([3], "line 3"), ([3, 4], "lines 3 and 4"), ([1, 2, 3, 4, 5, 6], "lines 1, 2, 3, 4 and 2 more")],
)
def test_lines_as_people_count_them(numbers, said):
    assert lines(numbers) == said
