"""Every week all linked contacts are looked at, 45 in one call; what is not as it was is told, nothing is changed."""

from store import contacts
from tests.builders import COMPANY, contact_id
from tests.contacts.admin import ACTIVE
from worker.contacts import rechecking

WEEK = rechecking.WEEK_SECONDS


def linked(admin, count):
    with admin.installation.store.write() as work:
        for number in range(count):
            admin.in_xero(id=contact_id(f"c{number}"), name=f"Firm {number}")
            contacts.link(work, COMPANY, f"client{number}", contact_id(f"c{number}"), "test")


def test_a_thousand_contacts_cost_twenty_three_calls_a_week(clerk_free):
    linked(clerk_free, 998)  # with the two that every company of these tests has
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 1000
    assert len(clerk_free.calls("/contacts")) == 23
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 0
    clerk_free.installation.later(WEEK - 3600)
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 0
    assert len(clerk_free.calls("/contacts")) == 23
    clerk_free.installation.later(7200)
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 1000
    assert len(clerk_free.calls("/contacts")) == 46


def test_names_and_states_are_kept_and_good_ones_are_no_news(admin):
    rechecking.recheck_due(admin.tools, "clock")
    field = admin.field("acme")
    assert (field.name, field.status) == ("ACME Ltd", "active")
    assert field.checked_at is not None
    assert admin.told() == []


def test_an_archived_a_merged_a_renamed_and_a_vanished_contact_are_told_once(admin):
    linked(admin, 4)
    rechecking.recheck_due(admin.tools, "clock")
    admin.in_xero(id=contact_id("c0"), status="ARCHIVED")
    admin.in_xero(id=contact_id("c1"), status="ARCHIVED", merged_to=ACTIVE)
    admin.in_xero(id=contact_id("c2"), name="Another name")
    del admin.organisation.contacts[contact_id("c3")]
    admin.installation.later(WEEK + 1)
    rechecking.recheck_due(admin.tools, "clock")
    told = {answer["client"]: answer for answer in admin.told()}
    assert {client: answer["status"] for client, answer in told.items()} == {
        "client0": "archived",
        "client1": "merged",
        "client2": "active",
        "client3": "missing",
    }
    assert {answer["cause"] for answer in told.values()} == {"recheck"}
    assert told["client0"]["warnings"][0].startswith("“Firm 0” is archived in Xero")
    assert "was merged in Xero into “ACME Ltd”" in told["client1"]["warnings"][0]
    assert (told["client2"]["contact"]["name"], told["client2"]["warnings"]) == ("Another name", [])
    assert admin.field("client1").value == contact_id("c1")  # offered, never swapped
    assert admin.field("client1").merged_into == ACTIVE
    admin.installation.later(WEEK + 1)
    rechecking.recheck_due(admin.tools, "clock")
    assert len(admin.told()) == 4


def test_what_was_pasted_yesterday_goes_along_instead_of_costing_its_own_call(clerk_free):
    rechecking.recheck_due(clerk_free.tools, "clock")
    clerk_free.installation.later(7200)
    clerk_free.answer("crane", ACTIVE)
    calls = len(clerk_free.calls("/contacts"))
    clerk_free.installation.later(WEEK - 3600)
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 3
    assert len(clerk_free.calls("/contacts")) == calls + 1


def test_trouble_in_the_middle_keeps_what_was_looked_at_and_the_rest_follows(clerk_free):
    linked(clerk_free, 98)
    clerk_free.installation.simulator.state.faults.set({"http_500": [2], "reads": True})
    rechecking.recheck_due(clerk_free.tools, "clock")
    with clerk_free.installation.store.read() as work:
        looked = sum(one.checked_at is not None for one in contacts.of_company(work, COMPANY))
    assert looked == 45
    assert rechecking.recheck_due(clerk_free.tools, "clock") == 55


def test_two_clocks_do_not_look_twice(clerk_free):
    assert rechecking.recheck_due(clerk_free.tools, "one") == 2
    with clerk_free.installation.store.write() as work:
        contacts.link(work, COMPANY, "crane", ACTIVE, "test")
    assert rechecking.recheck_due(clerk_free.tools, "other") == 0


def test_a_recheck_does_not_overwrite_a_link_that_changed_meanwhile(clerk_free, monkeypatch):
    asked = clerk_free.tools.targets["xero"].contacts

    def meanwhile(organisation, ids):
        shown = asked(organisation, ids)
        with clerk_free.installation.store.write() as work:
            contacts.link(work, COMPANY, "acme", contact_id("bolt"), "anna", status="active", name="Bolt & Co")
        return shown

    monkeypatch.setattr(clerk_free.tools.targets["xero"], "contacts", meanwhile)
    rechecking.recheck(clerk_free.tools, COMPANY)
    assert (clerk_free.field("acme").value, clerk_free.field("acme").name) == (contact_id("bolt"), "Bolt & Co")


def test_after_a_change_of_organisation_all_links_are_looked_at_anew_and_told(admin):
    """The ids are of the organisation that was left: the admin hears of it, and nobody is billed wrongly."""
    admin.answer("crane", ACTIVE)
    rechecking.recheck_due(admin.tools, "clock")
    other = "22222222-2222-4333-8444-555555555555"
    admin.installation.company(COMPANY, tenant=other, organisation={"short_code": "!Oth"})
    admin.installation.simulator.state.world.organisations[other].contacts.clear()
    assert rechecking.recheck_due(admin.tools, "clock") == 3
    told = {answer["client"]: answer["status"] for answer in admin.told() if answer["cause"] == "recheck"}
    assert told["crane"] == "missing"
    assert rechecking.recheck_due(admin.tools, "clock") == 0
