"""A login to another organisation than the work was meant for: noticed, and a person decides."""

import pytest
from sqlmodel import select

from events.invoice import folded
from store.tables import Attempt, NumberClaim
from tests.builders import an_invoice, invoices
from tests.connections.house import OTHER_TENANT, TENANT
from worker.connections import apps, connecting, tending


def test_another_organisation_is_noticed_and_nothing_is_sent_before_a_person_decides(house):
    waiting_for_the_first(house)
    page = house.log_in(tenant=OTHER_TENANT)
    assert "2 invoices were meant for another organisation" in page.text
    assert house.connection().state == "undecided"
    assert house.installation.ask(an_invoice("new"), request="r2").connection == "decision"
    house.installation.settle_down(2)
    assert house.books(OTHER_TENANT) == house.books(TENANT) == []
    (told,) = house.installation.events("xero.connection.connected")[1:]
    assert told["data"]["waiting_for_decision"] == 2


@pytest.mark.parametrize("mended", ["switched on again", "secret replaced"])
def test_a_decision_that_is_due_stays_due_whatever_else_is_mended_meanwhile(make_house, database_url, mended):
    house = make_house(database_url, keep_alive_days=1)
    waiting_for_the_first(house)
    house.log_in(tenant=OTHER_TENANT)
    if mended == "switched on again":
        apps.disable(house.tools, "harbour", "olga")
        apps.enable(house.tools, "harbour", "olga")
    else:
        house.xero.app("app-harbour", "changed at Xero")
        house.installation.later(2 * 86_400)
        for _ in range(3):
            tending.tend(house.tools, "clock")
            house.installation.later(tending.seconds_until_next(house.tools))
        assert house.connection().problem == "app_refused"
        apps.rotate_secret(house.tools, "harbour", "changed at Xero", "olga")
    assert house.connection().state == "undecided"
    house.installation.settle_down(2)
    assert house.books(OTHER_TENANT) == []
    assert connecting.decide(house.tools, "harbour", send=True, by="olga") == 2
    house.installation.settle_down(2)
    assert len(house.books(OTHER_TENANT)) == 2


def test_decided_to_send_everything_goes_to_the_organisation_of_now(house):
    waiting_for_the_first(house)
    house.log_in(tenant=OTHER_TENANT)
    house.installation.ask(an_invoice("i0001"), request="again")
    assert connecting.decide(house.tools, "harbour", send=True, by="olga") == 2
    house.installation.settle_down(2)
    assert sorted(invoice["InvoiceNumber"] for invoice in house.books(OTHER_TENANT)) == ["N-i0001", "N-i0002"]
    assert house.books(TENANT) == []
    for request in ("r1", "again"):
        assert {answer["type"] for answer in house.installation.answers(request).values()} == {"succeeded"}
    assert house.connection().state == "connected"


def test_decided_to_cancel_everybody_gets_an_answer_and_the_lane_goes_on(small_house):
    waiting_for_the_first(small_house)
    small_house.log_in(tenant=OTHER_TENANT)
    assert connecting.decide(small_house.tools, "harbour", send=False, by="olga") == 2
    assert {answer["reason"] for answer in small_house.installation.answers().values()} == {"cancelled"}
    small_house.installation.ask(an_invoice("new"), request="r2")
    small_house.installation.run()
    assert len(small_house.books(OTHER_TENANT)) == 1


def test_logging_in_to_the_first_organisation_again_needs_no_decision(small_house):
    waiting_for_the_first(small_house)
    small_house.log_in(tenant=OTHER_TENANT)
    assert small_house.log_in().status_code == 303
    small_house.installation.settle_down(2)
    assert len(small_house.books(TENANT)) == 2
    assert small_house.books(OTHER_TENANT) == []


def test_what_may_be_in_the_first_organisation_stays_with_it(house):
    house.company()
    house.log_in()
    house.installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    house.installation.ask(an_invoice("uncertain"))
    house.installation.run()
    house.installation.simulator.state.faults.set({})
    house.installation.simulator.state.identity.grants.clear()
    house.installation.ask(an_invoice("pending"), request="r2")
    house.installation.until_proven()
    house.log_in(tenant=OTHER_TENANT)
    connecting.decide(house.tools, "harbour", send=True, by="olga")
    house.installation.settle_down(2)
    assert [invoice["InvoiceNumber"] for invoice in house.books(OTHER_TENANT)] == ["N-pending"]
    assert house.installation.export("uncertain").tenant == TENANT
    assert house.installation.export("uncertain").state == "uncertain"


def test_what_waits_but_was_sent_before_without_an_answer_stays_as_well(small_house):
    waiting_for_the_first(small_house)
    with small_house.tools.store.write() as work:
        sent = work.session.exec(select(Attempt).order_by(Attempt.number)).first()
        sent.outcome = "unknown"
    small_house.log_in(tenant=OTHER_TENANT)
    assert connecting.decide(small_house.tools, "harbour", send=True, by="olga") == 1
    small_house.installation.settle_down(2)
    assert [invoice["InvoiceNumber"] for invoice in small_house.books(OTHER_TENANT)] == ["N-i0002"]


def test_a_number_taken_in_the_other_organisation_fails_alone(small_house):
    waiting_for_the_first(small_house)
    small_house.log_in(tenant=OTHER_TENANT)
    with small_house.tools.store.write() as work:
        work.session.add(
            NumberClaim(tenant=OTHER_TENANT, folded=folded("N-i0001"), company="harbour", invoice="older")
        )
    connecting.decide(small_house.tools, "harbour", send=True, by="olga")
    small_house.installation.settle_down(2)
    answers = small_house.installation.answers()
    assert (answers["i0001"]["reason"], answers["i0002"]["type"]) == ("number_used_twice", "succeeded")


def waiting_for_the_first(house) -> None:
    """Two invoices wait for the first organisation, whose login has ended."""
    house.company()
    house.log_in()
    house.installation.simulator.state.identity.grants.clear()
    house.installation.ask(*invoices(2))
    house.installation.until_proven()
    assert house.connection().state == "needs_login"
