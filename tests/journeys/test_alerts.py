"""Quiet alerts: what needs a person is told at once, what repeats is counted and told with the next one."""

import pytest

from store import alerts
from tests import machines
from tests.builders import COMPANY, an_invoice, an_order
from tests.journeys.plain import wrong_with
from tests.journeys.test_groups import OTHER_TENANT, go_on, link, waiting_for
from tests.journeys.test_races import held, in_thread, waits_for_lock
from worker.commands import excluding
from worker.failing import alerting, sending_again
from worker.intake import intake

HOUR = alerting.QUIET_SECONDS


def watch(installation):
    installation.relay()
    return alerting.watch(installation.tools)


def told(installation):
    return [event["data"] for event in installation.events("xero.export.attention_needed")]


def fail(installation, *ids, request="r1", **content):
    installation.ask(*waiting_for("wharf", *ids, name="Old Wharf", **content), request=request)
    installation.run()


def test_what_needs_a_person_is_told_at_once_with_who_and_how(installation):
    fail(installation, "a", "b")
    assert watch(installation) == 1
    (alert,) = told(installation)
    assert (alert["cause"], alert["about"], alert["invoices"], alert["repeated"]) == (
        "contact_not_mapped:wharf",
        "Old Wharf",
        2,
        False,
    )
    assert alert["who"] == "admin"
    assert "Xero Client ID" in alert["how"]
    assert [wrong_with(alert[name]) for name in ("title", "message", "how")] == [[], [], []]
    assert watch(installation) == 0


def test_the_same_cause_is_quiet_for_an_hour_and_what_was_held_back_is_told_with_the_next(installation):
    fail(installation, "a")
    watch(installation)
    for number in range(5):
        installation.later(HOUR / 6)
        fail(installation, f"b{number}", request=f"again{number}")
        assert watch(installation) == 0
    installation.later(HOUR / 6 + 1)
    fail(installation, "c", request="next")
    assert watch(installation) == 1
    assert [(alert["invoices"], alert["repeated"]) for alert in told(installation)] == [(1, False), (6, True)]


def test_what_was_held_back_is_told_when_the_hour_is_over_unless_it_is_mended(installation):
    fail(installation, "a")
    watch(installation)
    fail(installation, "b", request="r2")
    watch(installation)
    installation.later(HOUR + 1)
    assert watch(installation) == 1
    assert [alert["invoices"] for alert in told(installation)] == [1, 1]
    fail(installation, "c", request="r3")
    watch(installation)
    link(installation, "wharf")
    go_on(installation)
    installation.later(HOUR + 1)
    assert watch(installation) == 0


def test_another_cause_and_another_company_are_told_of_their_own(installation):
    installation.company("quay", OTHER_TENANT)
    fail(installation, "a")
    watch(installation)
    installation.ask(*waiting_for("crane", "b"), request="r2")
    installation.ask(*waiting_for("wharf", "a"), company="quay")
    installation.run()
    assert watch(installation) == 2
    assert {(alert["company"], alert["cause"]) for alert in told(installation)} == {
        (COMPANY, "contact_not_mapped:wharf"),
        (COMPANY, "contact_not_mapped:crane"),
        ("quay", "contact_not_mapped:wharf"),
    }


def test_what_a_person_ordered_is_no_alert(installation):
    installation.ask(an_invoice("a"), an_invoice("b"))
    intake.accept(installation.tools, an_order("cancel", request="r1", invoices=["a"]))
    excluding.exclude(installation.tools, COMPANY, ["b"], "olga", "in dispute")
    installation.run()
    assert watch(installation) == 0


def test_a_connection_that_needs_a_login_is_an_alert_and_neither_it_nor_the_event_has_a_link(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice())
    installation.until_proven()
    assert watch(installation) == 1
    (alert,) = told(installation)
    assert (alert["cause"], alert["who"]) == ("connection:login_ended", "clerk")
    (parked,) = installation.events("xero.connection.needs_login")
    assert parked["data"]["login_due"] is True
    assert "link=" not in str([alert, parked])


def test_an_upgrade_tells_nothing_of_long_ago(installation):
    fail(installation, "a")
    installation.relay()
    installation.later(HOUR + 1)
    assert watch(installation) == 0
    fail(installation, "b", request="r2")
    assert watch(installation) == 1


def test_many_at_once_are_one_alert(on_sqlite):
    fail(on_sqlite, *(f"i{number}" for number in range(400)))
    assert watch(on_sqlite) == 1
    assert [alert["invoices"] for alert in told(on_sqlite)] == [400]


def test_alerts_can_be_looked_at(installation):
    fail(installation, "a")
    watch(installation)
    fail(installation, "b", request="r2")
    watch(installation)
    with installation.store.read() as work:
        (alert,) = alerts.newest(work, COMPANY)
        assert alerts.newest(work, "quay") == []
    assert (alert.told, alert.invoices, alert.untold, alert.reason) == (1, 1, 1, "contact_not_mapped")


@pytest.fixture
def on_postgres(make_installation, request):
    server = request.getfixturevalue("postgres")
    made = make_installation(machines.copy_of_template(server, f"alert_{request.node.name[:40]}".lower()))
    made.company()
    return made


def test_two_watchers_at_once_tell_it_once(on_postgres):
    """One is held just before its commit; the other waits for it and then finds nothing new."""
    fail(on_postgres, "a", "b")
    on_postgres.relay()
    with held(on_postgres, lambda: alerting.watch(on_postgres.tools)) as first:
        second = in_thread(lambda: alerting.watch(on_postgres.tools))
        waits_for_lock(on_postgres)
        first.let_go()
        second.join(20)
    assert [alert["invoices"] for alert in told(on_postgres)] == [2]


def test_two_watchers_at_the_end_of_the_hour_tell_what_was_held_back_once(on_postgres):
    fail(on_postgres, "a")
    watch(on_postgres)
    fail(on_postgres, "b", request="r2")
    watch(on_postgres)
    on_postgres.later(HOUR + 1)
    with held(on_postgres, lambda: alerting.watch(on_postgres.tools)) as first:
        second = in_thread(lambda: alerting.watch(on_postgres.tools))
        waits_for_lock(on_postgres)
        first.let_go()
        second.join(20)
    assert [alert["invoices"] for alert in told(on_postgres)] == [1, 1]


def test_a_press_beside_the_machine_sends_each_invoice_once(on_postgres):
    """The machine's order is held before its commit; a person presses “send again” meanwhile."""
    fail(on_postgres, "a", "b", "c")
    sending_again.go_on(on_postgres.tools)
    link(on_postgres, "wharf")
    pressed = []
    with held(on_postgres, lambda: sending_again.go_on(on_postgres.tools)) as machine:
        person = in_thread(
            lambda: pressed.append(
                sending_again.group(on_postgres.tools, COMPANY, "contact_not_mapped:wharf", "olga", "linked")
            )
        )
        waits_for_lock(on_postgres)
        machine.let_go()
        person.join(20)
    on_postgres.settle_down(1)
    assert [receipt.invoices for receipt in pressed] == [0]
    assert len(on_postgres.books()) == 3
    assert [call["method"] for call in on_postgres.calls()] == ["PUT"]
