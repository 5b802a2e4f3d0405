"""Failures grouped by what has to be mended: mended once the group goes, by itself or at one press, each once."""

import pytest
from sqlmodel import select

from events.settings import CompanySettings
from store import audit, companies, contacts, failing, searching
from store.tables import Mending
from tests.builders import COMPANY, TENANT, an_invoice, an_order, contact_id
from tests.journeys import saying
from worker.commands import excluding
from worker.export import rescuer
from worker.failing import sending_again
from worker.intake import intake
from worker.waiting import cause_resolved

OTHER_TENANT = "22222222-2222-4333-8444-555555555555"


def waiting_for(client, *ids, name="", **content):
    """Invoices of a client nobody linked yet."""
    whom = {"id": client, "name": name or client.title()}
    return [an_invoice(id_, client=whom, **content) for id_ in ids]


def link(installation, client, contact="acme"):
    """As whoever keeps contacts does it: the link and the note that the cause is gone, in one transaction."""
    with installation.store.write() as work:
        contacts.link(work, COMPANY, client, contact_id(contact), said_by="admin")
        cause_resolved.contact_linked(work, COMPANY, client, "olga", event="contact-event-1")


def go_on(installation):
    sent = sending_again.go_on(installation.tools)
    installation.settle_down(1)
    return sent


def groups(installation):
    with installation.store.read() as work:
        return {group.cause: group for group in failing.groups(work, COMPANY)}


def retry(installation, cause, by="olga"):
    return sending_again.group(installation.tools, COMPANY, cause, by, "mended in Xero")


def test_twelve_invoices_wait_for_one_contact_and_go_when_it_is_linked(installation):
    installation.ask(*waiting_for("wharf", *"abcdefghijkl", name="Old Wharf"), *waiting_for("crane", "x"))
    installation.run()
    group = groups(installation)["contact_not_mapped:wharf"]
    assert (group.invoices, group.about, len(group.numbers)) == (12, "Old Wharf", 12)
    link(installation, "wharf")
    assert go_on(installation) == 12
    assert len(installation.books()) == 12
    assert list(groups(installation)) == ["contact_not_mapped:crane"]
    assert go_on(installation) == 0


def test_the_sending_again_is_a_request_that_says_who_and_what_removed_the_cause(installation):
    installation.ask(*waiting_for("wharf", "a", "b"))
    installation.run()
    link(installation, "wharf")
    go_on(installation)
    (completed,) = [e for e in installation.events("invoice.export.completed") if e["data"]["request"] != "r1"]
    assert completed["causationid"] == "contact-event-1"
    assert (completed["data"]["total"], completed["data"]["exported"]) == (2, 2)
    with installation.store.read() as work:
        (line,) = audit.newest(work)
        noted = work.session.exec(select(Mending).where(Mending.event == "contact-event-1")).one()
    assert (noted.invoices, noted.by) == (2, "olga")
    assert (line.who, line.what, line.why, line.count) == ("olga", "replay", "Xero contact linked", 2)


def test_a_link_to_another_contact_mends_whatever_was_wrong_with_the_former_one(installation):
    old = {"id": "wharf", "name": "Old Wharf", "xero_contact_id": contact_id("old")}
    gone = {"id": "crane", "name": "Crane", "xero_contact_id": contact_id("gone")}
    odd = {"id": "odd", "name": "Odd", "xero_contact_id": "ask Anna"}
    installation.ask(*(an_invoice(whom["id"], client=whom) for whom in (old, gone, odd)))
    installation.run()
    assert {cause.partition(":")[0] for cause in groups(installation)} == {
        "contact_archived",
        "contact_not_found",
        "contact_id_malformed",
    }
    for client in ("wharf", "crane", "odd"):
        link(installation, client)
    assert go_on(installation) == 3
    assert len(installation.books()) == 3


def test_a_host_that_sends_the_contact_along_frees_the_group_as_well(installation):
    installation.ask(*waiting_for("wharf", "a", "b"))
    installation.run()
    known = {"id": "wharf", "name": "Wharf", "xero_contact_id": contact_id("acme")}
    installation.ask(an_invoice("c", client=known), request="r2")
    assert go_on(installation) == 2
    assert len(installation.books()) == 3


def test_the_same_contact_sent_along_again_sends_nothing_again(installation):
    gone = {"id": "crane", "name": "Crane", "xero_contact_id": contact_id("gone")}
    installation.ask(an_invoice("a", client=gone))
    installation.run()
    go_on(installation)
    installation.ask(an_invoice("b", client=gone), request="r2")
    installation.run()
    assert go_on(installation) == 0


def test_a_renewed_login_sends_what_waited_too_long_for_it(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice("a"), an_invoice("b"))
    installation.until_proven()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    assert groups(installation)["expired:the-connection-to-Xero"].invoices == 2
    installation.company()
    assert go_on(installation) == 2
    assert len(installation.books()) == 2
    connected = installation.events("xero.connection.connected")[-1]
    (completed,) = [e for e in installation.events("invoice.export.completed") if e["data"]["request"] != "r1"]
    assert completed["causationid"] == connected["id"]


def test_a_login_to_another_organisation_sends_nothing_there_by_itself(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice("a"))
    installation.until_proven()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    installation.company(tenant=OTHER_TENANT)
    assert go_on(installation) == 0
    assert installation.books(OTHER_TENANT) == []
    assert "expired:the-connection-to-Xero" in groups(installation), "a person may still press “send again”"


def test_what_waited_before_the_first_login_goes_with_it(make_installation, database_url):
    installation = make_installation(database_url)
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(default_account_code="200"))
    installation.ask(an_invoice("a"))
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    assert list(groups(installation)) == ["expired:the-connection-to-Xero"]
    installation.company()
    assert go_on(installation) == 1
    assert len(installation.books()) == 1


def test_new_settings_send_what_waited_for_them_and_nothing_else(make_installation, database_url):
    installation = make_installation(database_url)
    installation.company(default_account_code=None)
    installation.ask(
        an_invoice("a"), an_invoice("b"), an_invoice("euro", currency="EUR", line={"account_code": "200"})
    )
    installation.run()
    before, after = CompanySettings(), CompanySettings(default_account_code="200")
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", after)
        assert cause_resolved.settings_changed(work, COMPANY, before, after, "olga") == ["account_missing"]
    assert go_on(installation) == 2
    assert list(groups(installation)) == ["currency_not_enabled:EUR"]


def test_mended_in_xero_a_press_sends_the_group(installation):
    installation.ask(
        *(an_invoice(id_, line={"account_code": "299"}) for id_ in "abc"), an_invoice("e", currency="EUR")
    )
    installation.run()
    installation.simulator.state.world.organisations[TENANT].accounts["299"].status = "ACTIVE"
    assert retry(installation, "account_archived:299").invoices == 3
    assert groups(installation)["account_archived:299"].sending == 3
    installation.run()
    assert len(installation.books()) == 3
    assert list(groups(installation)) == ["currency_not_enabled:EUR"]
    with pytest.raises(LookupError):
        retry(installation, "account_archived:299")


def test_pressed_twice_or_beside_the_machine_each_invoice_goes_once(installation):
    installation.ask(*waiting_for("wharf", "a", "b", "c"))
    installation.run()
    link(installation, "wharf")
    first = retry(installation, "contact_not_mapped:wharf", "olga")
    again = retry(installation, "contact_not_mapped:wharf", "hugo")
    assert (first.invoices, again.invoices, sending_again.go_on(installation.tools)) == (3, 0, 0)
    installation.settle_down(1)
    assert len(installation.books()) == 3
    assert [call["method"] for call in installation.calls()] == ["PUT"]


def test_killed_in_the_middle_the_rest_goes_at_the_next_look_and_nothing_twice(installation, monkeypatch):
    sending_again.go_on(installation.tools)  # the first login
    installation.ask(*waiting_for("wharf", "a", "b"))
    installation.run()
    link(installation, "wharf")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(failing, "mending_acted", killed)
        with pytest.raises(KeyboardInterrupt):
            sending_again.go_on(installation.tools)
    assert go_on(installation) == 0
    assert len(installation.books()) == 2
    assert go_on(installation) == 0
    with installation.store.read() as work:
        assert failing.due_mendings(work, 0) == []


def test_what_was_failing_while_the_cause_went_is_not_forgotten(installation):
    """A turn that read the old link and failed after the new one was acted upon: the second look finds it."""
    installation.ask(*waiting_for("wharf", "a"))
    with installation.store.write() as work:
        cause_resolved.contact_linked(work, COMPANY, "wharf", "olga")
    assert sending_again.go_on(installation.tools) == 0
    installation.run()
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "wharf", contact_id("acme"), said_by="admin")
    assert sending_again.go_on(installation.tools) == 0
    installation.later(sending_again.AGAIN_SECONDS + 1)
    assert go_on(installation) == 1
    assert len(installation.books()) == 1


def test_what_is_asked_for_after_the_cause_went_is_its_own_matter(installation):
    link(installation, "wharf", "gone")
    installation.ask(*waiting_for("wharf", "a"))
    installation.run()
    assert list(groups(installation)) == ["contact_not_found:wharf"]
    assert go_on(installation) == 0


def test_what_is_marked_cancelled_or_in_xero_is_left_alone(installation):
    installation.ask(*waiting_for("wharf", "marked", "cancelled", "there", "good"))
    installation.run()
    excluding.exclude(installation.tools, COMPANY, ["marked"], "olga", "in dispute")
    installation.simulator.state.faults.set({"drop": 1.0})
    installation.ask(*waiting_for("acme", "cancelled", "there", revision=2), request="r2")
    intake.accept(installation.tools, an_order("cancel", request="r2", invoices=["cancelled"]))
    installation.simulator.state.faults.set({})
    installation.settle_down(2)
    assert installation.markers("r2") == {"cancelled": "failed", "there": "exported"}
    assert {name: group.numbers for name, group in groups(installation).items()} == {
        "contact_not_mapped:wharf": ["N-good"]
    }
    link(installation, "wharf")
    assert go_on(installation) == 1
    assert sorted(book["InvoiceNumber"] for book in installation.books()) == ["N-good", "N-there"]


def test_what_still_fails_after_mending_is_in_its_new_group(installation):
    installation.ask(*waiting_for("wharf", "a", currency="EUR"))
    installation.run()
    link(installation, "wharf")
    go_on(installation)
    assert list(groups(installation)) == ["currency_not_enabled:EUR"]


def test_a_group_of_one_company_is_not_anothers(installation):
    installation.company("quay", OTHER_TENANT)
    installation.ask(*waiting_for("wharf", "a"))
    installation.ask(*waiting_for("wharf", "a"), company="quay")
    installation.run()
    link(installation, "wharf")
    assert go_on(installation) == 1
    assert installation.books(OTHER_TENANT) == []


def test_more_than_an_event_holds_goes_whole(on_sqlite):
    for part in (1, 2):
        some = waiting_for("wharf", *(f"p{part}-{number}" for number in range(255)))
        on_sqlite.ask(*some, part=part, parts=2)
    on_sqlite.run()
    link(on_sqlite, "wharf")
    assert go_on(on_sqlite) == 510
    assert len(on_sqlite.books()) == 510


def test_a_host_can_order_the_same_by_cause(installation):
    installation.ask(*waiting_for("wharf", "a"), *waiting_for("crane", "b"))
    installation.run()
    cause = installation.answers()["a"]["cause"]
    link(installation, "wharf")
    receipt = intake.accept(installation.tools, an_order("replay", causes=[cause]))
    installation.run()
    assert list(installation.answers(receipt.request)) == ["a"]


def test_words_that_nobody_knows_are_shown_counted_and_listed(installation, monkeypatch):
    saying.of_lines(monkeypatch, "The moon is in the wrong quarter.")
    installation.ask(an_invoice("a"), an_invoice("b"))
    installation.run()
    assert installation.answers()["a"]["notification"]["message"] == (
        "Xero did not accept invoice N-a. Xero said: The moon is in the wrong quarter. (Line 1, “Crew, one day”.)"
    )
    with installation.store.read() as work:
        (unknown,) = searching.unmatched(work)
    assert (unknown.text, unknown.times, unknown.companies) == ("The moon is in the wrong quarter.", 2, 1)
    assert groups(installation)["xero_refused:The-moon-is-in-the-wrong-quarter."].invoices == 2


def test_what_failed_before_causes_were_kept_is_a_group_too(installation):
    installation.ask(*waiting_for("wharf", "a"))
    installation.run()
    with installation.store.write() as work:
        work.session.connection().exec_driver_sql("UPDATE invoice_statuses SET cause = NULL, about = NULL")
    assert groups(installation)["contact_not_mapped"].numbers == ["N-a"]
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "wharf", contact_id("acme"), said_by="admin")
    assert retry(installation, "contact_not_mapped").invoices == 1
