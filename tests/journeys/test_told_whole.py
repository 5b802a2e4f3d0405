"""A refusal of the whole call, row by row of the catalogue: told to the person it concerns, or nobody's matter."""

import random

import pytest

from simulator import refusals
from simulator.refusals import No
from simulator.wire import exception
from tests.builders import an_invoice
from tests.journeys import saying
from tests.journeys.plain import unlike_speech, wrong_with
from tests.rooms.test_words_of_xero import CONNECTION, WHOLE

_DICE = random.Random(7)


def denied(row, status, error=""):
    return refusals.problem(status, row(), _DICE, "mixed", error)


REPLIES = {
    No.OTHER_REQUEST: lambda row: exception(10, "ValidationException", row(key="k-1")),
    No.KEY_TOO_LONG: lambda row: exception(10, "ValidationException", row()),
    No.UNREADABLE: lambda row: refusals.unreadable(row(problem="near line 1")),
    No.INVALID: lambda row: refusals.unreadable(row()),
    No.NO_DATE: lambda row: refusals.unreadable(row(value="20/11/2026", path="Invoices[0].Date")),
    No.NOT_RECOGNISED: lambda row: refusals.unreadable(row(name="Bills")),
    No.NO_DATA: lambda row: exception(None, "NoDataProcessedException", row()),
    No.NOT_FOUND: lambda _row: refusals.nowhere(),
    No.PRECONDITION: lambda row: saying.plainly(row(), 412),
    No.WRONG_VERB: lambda row: exception(20, "ApiMethodNotImplementedException", row(), 501),
    No.TOO_LARGE: lambda row: saying.plainly(row(), 413),
    No.MALFORMED_GUID: lambda row: exception(500, "UnknownErrorException", row(), 500),
    No.NO_TOKEN: lambda row: denied(row, 401),
    No.NO_SCOPE: lambda row: denied(row, 401, "insufficient_scope"),
    No.NOT_PERMITTED: lambda row: denied(row, 403),
}


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row.name.lower())
def test_a_refusal_of_the_whole_call_fails_the_invoice_in_plain_words(on_sqlite, monkeypatch, row):
    saying.of_call(monkeypatch, REPLIES[row](row))
    on_sqlite.ask(an_invoice())
    on_sqlite.settle_down(30)
    answer = on_sqlite.answers()["i1"]
    assert answer["reason"] == WHOLE[row].code
    assert unlike_speech(answer) == []
    assert answer["who"] == "support"


@pytest.mark.parametrize("row", [No.NO_SCOPE, No.NOT_PERMITTED], ids=lambda row: row.name.lower())
def test_a_refusal_of_the_login_that_lasts_fails_nothing_and_says_who_mends_it(on_sqlite, monkeypatch, row):
    saying.of_call(monkeypatch, REPLIES[row](row))
    on_sqlite.ask(an_invoice())
    on_sqlite.settle_down(4)
    parked_is_told(on_sqlite, CONNECTION[row])


def test_a_token_that_xero_has_just_given_and_refuses_asks_nobody_to_log_in(on_sqlite, monkeypatch):
    saying.of_call(monkeypatch, REPLIES[No.NO_TOKEN](No.NO_TOKEN))
    on_sqlite.ask(an_invoice())
    on_sqlite.settle_down(8)
    assert on_sqlite.events("xero.connection.needs_login") == []
    assert on_sqlite.answers() == {}


def test_an_organisation_that_is_gone_is_told_as_disconnected(on_sqlite):
    (grant,) = on_sqlite.simulator.state.identity.grants.values()
    grant.connections.clear()
    on_sqlite.ask(an_invoice())
    on_sqlite.settle_down(2)
    parked_is_told(on_sqlite, CONNECTION[No.NO_TENANT])


def parked_is_told(installation, problem):
    (event,) = installation.events("xero.connection.needs_login")
    assert event["data"]["reason"] == problem.code
    assert wrong_with(event["data"]["message"]) == []
    assert installation.answers() == {}
