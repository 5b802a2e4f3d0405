"""Limits: fixed windows that begin with the first call, headers, Retry-After where Xero sends it (facts §1)."""

import pytest

from tests.simulator.desk import OTHER


def calls(desk, count):
    return [desk.call("GET", "Organisation") for _ in range(count)]


def test_the_sixty_first_call_of_a_minute_is_refused_until_the_window_is_over(desk):
    replies = calls(desk, 61)
    assert {reply.status for reply in replies[:60]} == {200}
    refused = replies[60]
    assert refused.status == 429
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    desk.later(int(refused.headers["Retry-After"]))
    assert calls(desk, 1)[0].status == 200


def test_the_window_is_fixed_and_begins_with_the_first_call(desk):
    calls(desk, 1)
    desk.later(50)
    calls(desk, 59)
    desk.later(11)
    assert {reply.status for reply in calls(desk, 60)} == {200}


def test_headers_count_down_and_a_refused_call_costs_nothing(desk):
    desk.control("PUT", "limits", {"per_minute": 2})
    seen = [int(reply.headers["X-MinLimit-Remaining"]) for reply in calls(desk, 4)]
    assert seen == [1, 0, 0, 0]
    (last,) = calls(desk, 1)
    assert last.headers["X-DayLimit-Remaining"] == "4998"
    assert last.headers["X-AppMinLimit-Remaining"] == "9998"


def test_a_day_is_five_thousand_calls_and_a_thousand_on_the_starter_tier(desk):
    (reply,) = calls(desk, 1)
    assert reply.headers["X-DayLimit-Remaining"] == "4999"
    desk.control("POST", "apps", {"client_id": "app", "client_secret": "secret", "tier": "starter"})
    assert calls(desk, 1)[0].headers["X-DayLimit-Remaining"] == "998"


def test_a_used_up_day_asks_to_wait_until_it_is_over(desk):
    desk.control("PUT", "limits", {"per_day": 1})
    refused = calls(desk, 2)[1]
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400


def test_minute_and_day_can_be_short(desk):
    desk.control("PUT", "clock", {"minute": 2, "day": 10})
    desk.control("PUT", "limits", {"per_minute": 1})
    assert [reply.status for reply in calls(desk, 2)] == [200, 429]
    desk.later(2)
    assert calls(desk, 1)[0].status == 200


@pytest.mark.parametrize(
    ("fault", "waits"), [("minute", True), ("day", True), ("concurrent", False), ("appminute", False)]
)
def test_retry_after_comes_only_where_xero_sends_it(desk, fault, waits):
    desk.control("PUT", "faults", {f"limit_{fault}": 1, "reads": True})
    (reply,) = calls(desk, 1)
    assert reply.headers["X-Rate-Limit-Problem"] == fault
    assert ("Retry-After" in reply.headers) is waits


def test_whether_the_apps_minute_says_how_long_is_a_switch(desk):
    desk.switch(retry_after_on_appminute=True)
    desk.control("PUT", "faults", {"limit_appminute": 1, "reads": True})
    assert "Retry-After" in calls(desk, 1)[0].headers


def test_a_limit_may_come_without_a_name(desk):
    desk.control("PUT", "faults", {"limit_unnamed": 1, "reads": True})
    (reply,) = calls(desk, 1)
    assert reply.status == 429
    assert "X-Rate-Limit-Problem" not in reply.headers


def test_each_organisation_has_its_own_minute_and_the_app_one_for_all(desk):
    desk.control("PUT", "limits", {"per_minute": 1, "per_app_minute": 2})
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Other"})
    desk.bearer = desk.grant(tenants=[OTHER])["access_token"]
    assert [reply.status for reply in calls(desk, 2)] == [200, 429]
    there = {"xero-tenant-id": OTHER}
    assert desk.call("GET", "Organisation", headers=there).status == 200
    refused = desk.call("GET", "Organisation", headers=there)
    assert refused.headers["X-Rate-Limit-Problem"] == "appminute"


def test_rapid_sync_lifts_minute_and_day_for_half_an_hour(desk):
    desk.switch(rapid_sync=True)
    desk.control("PUT", "limits", {"per_minute": 1})
    desk.control("POST", "apps", {"client_id": "app", "client_secret": "secret", "tier": "plus"})
    assert [reply.headers["X-MinLimit-Remaining"] for reply in calls(desk, 3)] == ["1", "1", "1"]
    desk.later(1800)
    desk.renew()
    assert [reply.status for reply in calls(desk, 2)] == [200, 429]


def test_limits_can_be_switched_off(desk):
    desk.control("PUT", "limits", {"on": False, "per_minute": 1})
    assert {reply.status for reply in calls(desk, 5)} == {200}


def test_a_day_that_a_fault_uses_up_stays_so_until_retry_after_and_then_is_new(desk):
    desk.control("PUT", "faults", {"limit_day": [1], "reads": True, "retry_after": 25})
    first, later = (calls(desk, 1)[0], (desk.later(10), calls(desk, 1)[0])[1])
    assert [reply.status for reply in (first, later)] == [429, 429]
    assert (first.headers["Retry-After"], later.headers["Retry-After"]) == ("25", "15")
    for reply in (first, later):
        assert reply.headers["X-Rate-Limit-Problem"] == "day"
        assert reply.headers["X-DayLimit-Remaining"] == "0"
        assert int(reply.headers["X-MinLimit-Remaining"]) > 0
    desk.later(15)
    (new,) = calls(desk, 1)
    assert (new.status, new.headers["X-DayLimit-Remaining"]) == (200, "4999")


def test_a_used_up_day_is_one_even_where_limits_are_off(desk):
    desk.control("PUT", "limits", {"on": False})
    desk.control("PUT", "faults", {"limit_day": [1], "reads": True, "retry_after": 25})
    assert [reply.status for reply in calls(desk, 2)] == [429, 429]
    desk.later(25)
    assert calls(desk, 1)[0].status == 200


def test_an_organisation_may_have_a_day_of_its_own(desk):
    desk.change(calls_per_day=2)
    answers = calls(desk, 3)
    assert [reply.headers["X-DayLimit-Remaining"] for reply in answers] == ["1", "0", "0"]
    assert answers[2].headers["X-Rate-Limit-Problem"] == "day"
