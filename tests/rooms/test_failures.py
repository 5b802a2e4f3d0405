"""The catalogue: every reason reads well with and without facts."""

import re

import pytest

from events.export import Notification, summary
from events.failures import LONGEST_MESSAGE, Failure
from events.reasons import Reason

FACTS = {
    "account": "200",
    "client": "ACME Ltd",
    "currency": "EUR",
    "date": "4 July 1996",
    "discount": "27.83",
    "rate": "10",
    "item": "CHAIR",
    "lines": "90.00",
    "lock_date": "30 June 1996",
    "number": "INV-7",
    "other": "Bolt & Co",
    "problem": "date: must be a date",
    "stated": "100.00",
    "tax": "OUTPUT",
}


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("facts", [FACTS, {}], ids=["with facts", "without"])
def test_a_failure_reads_as_sentences(reason, facts):
    told = Failure(reason, facts, said="Xero's words").message()
    assert re.fullmatch(r"[A-Z“{t].*[.)]|.*Xero's words", told), told
    assert not re.search(r"[{}]|None|_|Exception", told)
    assert len(told) <= LONGEST_MESSAGE
    assert Failure(reason, facts).remedy().endswith(".")


def test_a_very_long_message_of_xeros_is_cut_not_dropped():
    told = Failure(Reason.XERO_REFUSED, FACTS, said="x" * 1000).message()
    assert len(told) == LONGEST_MESSAGE
    assert told.endswith("…")


def test_the_line_is_named():
    assert Failure(Reason.ACCOUNT_INVALID, FACTS, line=3).message().endswith("(Line 3.)")


def test_codes_are_found_again():
    assert all(Reason.of(reason.code) is reason for reason in Reason)


@pytest.mark.parametrize(
    ("exported", "failed", "reasons", "message"),
    [
        (3, 0, {}, "Invoices exported to Xero."),
        (0, 1, {"cancelled": 1}, "1 invoice failed: cancelled (1)."),
        (
            2,
            3,
            {"account_invalid": 1, "contact_not_mapped": 2},
            "2 exported to Xero, 3 invoices failed: client has no Xero contact (2); account not usable (1).",
        ),
    ],
)
def test_the_summary_counts_causes(exported, failed, reasons, message):
    told = summary(exported, failed, reasons)
    assert isinstance(told, Notification)
    assert told.message == message


def test_where_most_went_well_the_title_does_not_say_failed():
    titles = [
        summary(exported, failed, {"cancelled": failed}).title for exported, failed in ((60, 0), (55, 5), (0, 5))
    ]
    assert titles == ["Xero export", "55 of 60 invoices exported to Xero", "Invoice Failed to Export"]


def test_each_step_knows_its_reader_and_to_export_again_is_the_clerks():
    readers = {}
    for reason in Reason:
        failure = Failure(reason)
        assert len(failure.readers()) == len(failure.steps())
        for step, reader in zip(failure.steps(), failure.readers(), strict=True):
            readers.setdefault(reader, set()).add(step)
            assert reader in ("clerk", failure.who), (reason, step)
            assert reader == "clerk" or "xport the invoice again" not in step, (reason, step)
    assert Failure(Reason.CURRENCY_NOT_ENABLED).readers() == ("bookkeeper", "bookkeeper", "clerk")
    assert Failure(Reason.DISCOUNT_TWICE).readers() == ("clerk", "clerk")
