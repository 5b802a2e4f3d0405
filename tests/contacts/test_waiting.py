"""Xero away, a login due, limits, several clocks: changes wait, none is lost, each is answered exactly once."""

import threading

import pytest

from store import changes as filed
from store import contacts
from tests.builders import COMPANY, an_invoice, contact_id
from tests.contacts.admin import ACTIVE, Admin
from worker.contacts import changes, contact_answers


def test_while_xero_is_away_the_change_waits_and_is_answered_when_it_is_back(admin):
    faults = admin.installation.simulator.state.faults
    faults.set({"http_500": 1.0, "reads": True})
    admin.paste("crane", ACTIVE)
    assert admin.clock() == 0
    assert (admin.told("crane"), admin.field("crane").being_checked) == ([], ACTIVE)
    faults.set({})
    assert admin.clock() == 0  # not hammered: it waits a while
    admin.installation.later(10)
    assert admin.clock() == 1
    (answer,) = admin.told("crane")
    assert answer["ended"] == "updated"
    assert admin.field("crane").being_checked is None


def test_one_companys_trouble_does_not_hold_back_another(admin):
    installation = admin.installation
    other = "22222222-2222-4333-8444-555555555555"
    installation.company("wharf", tenant=other)
    admin.allow(company="wharf")
    installation.simulator.state.faults.set({"http_500": 1.0, "reads": True, "tenants": [other]})
    admin.paste("crane", ACTIVE, company="wharf")
    admin.paste("crane", ACTIVE)
    admin.clock()
    assert [answer["company"] for answer in admin.told("crane")] == [COMPANY]


def test_a_login_that_ended_parks_the_company_and_the_change_goes_on_after_the_login(clerk_free):
    installation = clerk_free.installation
    installation.simulator.state.identity.grants.clear()
    clerk_free.paste("crane", ACTIVE)
    for _ in range(5):
        clerk_free.clock()
        installation.later(61)
    assert clerk_free.told("crane") == []
    (event,) = installation.events("xero.connection.needs_login")
    assert event["data"]["reason"]
    installation.company()  # somebody logs in again
    clerk_free.allow()
    installation.later(301)
    clerk_free.clock()
    assert clerk_free.told("crane")[0]["ended"] == "updated"


def test_what_could_not_be_checked_for_too_long_is_refused_and_says_so(clerk_free):
    installation = clerk_free.installation
    installation.simulator.state.faults.set({"http_500": 1.0, "reads": True})
    clerk_free.paste("crane", ACTIVE)
    clerk_free.clock()
    installation.later(installation.settings.expiry_seconds + 1)
    clerk_free.clock()
    (answer,) = clerk_free.told("crane")
    assert (answer["ended"], answer["reason"]) == ("rejected", "not_checked")


def test_without_a_permit_no_call_is_made_and_the_change_waits(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, calls_per_minute=1)
    installation.company()
    admin = Admin(installation)
    admin.answer("crane", ACTIVE)
    admin.paste("quay", ACTIVE)
    assert admin.clock() == 0
    assert len(admin.calls("/contacts")) == 1
    installation.tools.redis.flushall()  # the minute is over
    installation.later(61)
    assert admin.clock() == 1


def test_without_redis_nothing_is_asked_and_nothing_is_lost(clerk_free, monkeypatch):
    import redis

    def gone(*_args, **_named):
        raise redis.ConnectionError("gone")

    clerk_free.paste("crane", ACTIVE)
    with monkeypatch.context() as cut:
        cut.setattr(clerk_free.tools.targets["xero"].pace, "_ask", gone)
        assert clerk_free.clock() == 0
    assert clerk_free.calls("/contacts") == []
    clerk_free.installation.later(20)
    assert clerk_free.clock() == 1


def test_forty_five_changes_cost_one_call(clerk_free):
    for number in range(45):
        clerk_free.paste(f"client{number}", clerk_free.in_xero(id=contact_id(f"c{number}"), name=f"Firm {number}"))
    assert clerk_free.clock() == 45
    assert len(clerk_free.calls("/contacts")) == 1
    assert {answer["contact"]["name"] for answer in clerk_free.told()} == {f"Firm {n}" for n in range(45)}


def test_two_clocks_and_a_command_answer_each_change_once(admin):
    for number in range(6):
        admin.paste(f"client{number}", ACTIVE)
    with admin.installation.store.read() as work:
        due = list(filed.due(work, COMPANY, 45))
        organisation = contact_answers.organisation_of(work, admin.tools, COMPANY)
    barrier = threading.Barrier(3)

    def go():
        barrier.wait()
        contact_answers.answer_contacts(admin.tools, organisation, due)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["client"] for answer in admin.told()) == [f"client{number}" for number in range(6)]


def test_the_work_of_a_clock_that_died_is_taken_up_by_another(clerk_free, monkeypatch):
    """Killed between Xero's answer and our commit: asked again, answered once."""
    clerk_free.paste("crane", ACTIVE)
    with monkeypatch.context() as cut:

        def killed(*_args):
            raise KeyboardInterrupt

        cut.setattr(contact_answers, "_conclude", killed)
        with pytest.raises(KeyboardInterrupt):
            changes.answer_due(clerk_free.tools, "the one that dies")
    clerk_free.installation.later(1000)
    assert changes.answer_due(clerk_free.tools, "another") == 1
    assert len(clerk_free.told("crane")) == 1


@pytest.mark.parametrize("asked", ["contacts", "choices"])
def test_xero_is_asked_outside_any_transaction(clerk_free, monkeypatch, asked):
    """SQLite has one writer: were a transaction open meanwhile, this one would wait for it in vain."""
    ask, wrote = getattr(clerk_free.tools.targets["xero"], asked), []

    def meanwhile(*said):
        with clerk_free.installation.store.write() as work:
            contacts.link(work, COMPANY, "somebody", ACTIVE, "test")
        wrote.append(said)
        return ask(*said)

    monkeypatch.setattr(clerk_free.tools.targets["xero"], asked, meanwhile)
    clerk_free.paste("crane", ACTIVE)
    clerk_free.choose(default_account_code="260")
    assert clerk_free.clock() == 2
    assert wrote


def test_a_later_paste_wins_over_an_earlier_one_that_is_still_to_be_checked(admin):
    admin.paste("crane", ACTIVE)
    admin.paste("crane", contact_id("bolt"))
    admin.clock()
    assert [answer["contact"]["name"] for answer in admin.told("crane")] == ["ACME Ltd", "Bolt & Co"]
    assert admin.field("crane").value == contact_id("bolt")


# -- a host that keeps the contact itself


def snapshot(number, contact, client="crane", **other):
    return an_invoice(f"i{number}", client={"id": client, "name": "Crane", "xero_contact_id": contact}, **other)


def test_the_hosts_word_counts_when_it_changes_and_not_when_it_is_repeated(admin):
    installation = admin.installation
    installation.ask(snapshot(1, ACTIVE), request="r1")
    assert (admin.field("crane").value, admin.field("crane").whose) == (ACTIVE, "host")
    admin.answer("crane", contact_id("bolt"))
    installation.ask(snapshot(2, ACTIVE), request="r2")  # the host repeats what it said before
    assert (admin.field("crane").value, admin.field("crane").whose) == (contact_id("bolt"), "person")
    admin.in_xero(id=contact_id("third"), name="Third Ltd")
    installation.ask(snapshot(3, f"https://go.xero.com/Contacts/View/{contact_id('third')}"), request="r3")
    assert (admin.field("crane").value, admin.field("crane").whose) == (contact_id("third"), "host")


def test_the_log_says_whose_word_it_was(admin):
    from store import audit

    admin.installation.ask(snapshot(1, ACTIVE))
    admin.answer("crane", contact_id("bolt"))
    with admin.installation.store.read() as work:
        said = [(line.who, line.what, line.chosen) for line in audit.newest(work, COMPANY)][::-1]
    assert [(who, what) for who, what, _ in said] == [("host", "contact"), ("anna", "contact")]
    assert ACTIVE in said[1][2]
    assert contact_id("bolt") in said[1][2]


def test_a_paste_that_waits_is_overtaken_by_the_hosts_newer_word(admin):
    admin.paste("crane", ACTIVE)
    admin.installation.ask(snapshot(1, contact_id("bolt")))
    admin.clock()
    (answer,) = admin.told("crane")
    assert (answer["ended"], answer["reason"]) == ("rejected", "overtaken")
    assert admin.field("crane").value == contact_id("bolt")


def test_a_host_that_mends_its_contact_has_what_failed_sent_again(admin):
    installation = admin.installation
    installation.ask(snapshot(1, contact_id("gone")), snapshot(2, contact_id("gone")))
    installation.run()
    assert {answer["reason"] for answer in installation.answers().values()} == {"contact_not_found"}
    installation.ask(snapshot(3, ACTIVE), request="r2")
    installation.run()
    admin.clock()
    installation.run()
    assert len(installation.books()) == 3
    assert admin.told("crane") == []  # nobody asked for a change: the host has its answers about the invoices


def test_links_made_before_this_version_still_count_as_the_hosts_word(clerk_free):
    """As the migration leaves them: what the host had said is remembered as said."""
    with clerk_free.installation.store.write() as work:
        contacts.link(work, COMPANY, "crane", ACTIVE, "host", source="host", host_id=f"{{{ACTIVE.upper()}}}")
    clerk_free.answer("crane", contact_id("bolt"))
    clerk_free.installation.ask(snapshot(1, ACTIVE))
    assert clerk_free.field("crane").value == contact_id("bolt")
