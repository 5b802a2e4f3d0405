"""What changes while a person is at Xero: another login, another app, other permissions, a switch turned off."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.connections.house import BACK, OTHER_TENANT, TENANT, hidden_fields
from worker.connections import apps

BOTH = [TENANT, OTHER_TENANT]


def test_of_two_companies_that_choose_one_organisation_at_the_same_moment_one_is_told_so(house):
    answers = _at_the_same_moment(house, "harbour", "rival")
    assert sorted(reply.status_code for reply in answers) == [303, 409]
    (refused,) = (reply.text for reply in answers if reply.status_code == 409)
    assert "already used by another company" in refused
    assert sorted(house.connection(company) is None for company in ("harbour", "rival")) == [False, True]


def test_two_logins_of_one_company_that_end_at_the_same_moment_both_come_back_connected(house):
    answers = _at_the_same_moment(house, "harbour", "harbour")
    assert [reply.headers.get("location") for reply in answers] == [f"{BACK}?xero=connected"] * 2
    assert house.connection().tenant == TENANT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("other app", "another Xero app"),
        ("switched off", "switched off"),
        ("more permissions", "does not carry every permission"),
    ],
)
def test_what_support_changed_before_the_choice_is_not_undone_by_it(small_house, change, words):
    small_house.company_of_a_group()
    browser = small_house.browser()
    page = small_house.log_in(tenant=BOTH, browser=browser)
    _change(small_house, change)
    reply = browser.post("/connect/xero/choose", data=hidden_fields(page.text) | {"tenant": TENANT})
    assert reply.status_code == 409
    assert words in reply.text
    assert small_house.connection() is None


@pytest.mark.parametrize(("change", "words"), [("other app", "another Xero app"), ("switched off", "switched off")])
def test_what_support_changed_before_xeros_answer_costs_no_token_call(small_house, change, words):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    _change(small_house, change)
    reply = browser.get(back)
    assert reply.status_code == 409
    assert words in reply.text
    assert small_house.xero.token_calls() == 0


def _change(house, what: str) -> None:
    if what == "other app":
        house.company(client_id="another-app", secret="another")
    elif what == "switched off":
        apps.disable(house.tools, "harbour", "olga")
    else:
        apps.change_scopes(house.tools, "harbour", "granular accounting.attachments", "olga")


def _at_the_same_moment(house, *names: str) -> list:
    """Xero's answers to these companies' logins, all for one organisation, given at once."""
    for name in set(names):
        house.company(name)
    begun = []
    for name in names:
        browser = house.browser()
        begun.append((browser, house.xero.answer(house.to_xero(browser, house.link(name)), tenant=TENANT)))
    together = threading.Barrier(len(begun))

    def answer(one):
        together.wait()
        return one[0].get(one[1])

    with ThreadPoolExecutor(len(begun)) as pool:
        return list(pool.map(answer, begun))
