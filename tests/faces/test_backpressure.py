"""Backpressure at the door: one company with too much waiting is told to come again, and loses nothing."""

import pytest
import uvicorn

from tests import machines
from tests.builders import a_request, an_invoice, an_order, invoices
from tests.faces.test_door import Host
from web import main

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def full(make_installation, sqlite_url):
    """An installation that takes 500 invoices per company, and has them."""
    made = make_installation(sqlite_url, most_pending=500)
    made.company()
    made.company("pier", OTHER)
    made.ask(*invoices(500))
    return made


@pytest.fixture
def host(full):
    chosen = uvicorn.Config(main.build(full.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as url:
        yield Host(full, url)


def test_a_company_with_too_much_waiting_gets_a_429_with_a_time_and_a_sentence(host, full):
    answer = host.post(a_request(an_invoice("more"), request="r2"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 10
    assert "harbour has 500 invoices waiting" in answer.json()["problems"][0]
    full.run()
    assert host.post(a_request(an_invoice("more"), request="r2")).status_code == 202


def test_others_and_a_persons_click_are_let_in(host):
    assert host.post(a_request(request="p", company="pier")).status_code == 202
    assert host.post(a_request(an_invoice("click"), request="click", mode="single")).status_code == 202


def test_thousands_of_clicks_are_a_bulk(host, full):
    for number in range(50):
        full.ask(an_invoice(f"c{number}"), request=f"c{number}", mode="single")
    assert host.post(a_request(an_invoice("click"), request="click", mode="single")).status_code == 429


def test_in_an_array_the_one_that_is_too_much_says_when_to_come_again(host):
    answer = host.post([a_request(request="p", company="pier"), a_request(an_invoice("more"), request="r2")])
    taken, refused = answer.json()["results"]
    assert (taken["status"], refused["status"]) == (202, 429)
    assert refused["retry_after"] >= 10


def test_clicks_that_come_together_count_each_other(host):
    clicks = [a_request(an_invoice(f"c{number}"), request=f"c{number}", mode="single") for number in range(60)]
    results = host.post(clicks).json()["results"]
    assert [one["status"] for one in results] == [202] * 50 + [429] * 10


def test_what_was_accepted_is_answered_the_same_however_full_it_is(host):
    again = host.post(a_request(*invoices(500)))
    assert again.status_code == 202
    assert again.headers["x-crewcard-repeated"] == "true"


def test_an_order_to_cancel_always_gets_in(host, full):
    assert host.post(an_order("cancel", request="r1")).status_code == 202
    assert host.post(a_request(an_invoice("more"), request="r2")).status_code == 202
