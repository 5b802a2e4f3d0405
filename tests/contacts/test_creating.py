"""A contact is created in Xero for a client without one: exactly once, whatever dies; the client is billed as it."""

import contextlib
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from events.contacts import ClientXeroContactCreateRequested
from store import audit, companies, connections, contacts
from store import changes as filed
from tests.builders import COMPANY, an_invoice, contact_id
from tests.contacts.admin import ACTIVE, an_event
from worker.connections import login_links
from worker.contacts import changes, contact_answers, creating, new_contacts
from worker.intake import intake
from xero_adapter.target import XeroTarget

NEWCOMER = {
    "id": "new",
    "name": "Newcomer Ltd",
    "email": "office@newcomer.example",
    "tax_number": "GB 123",
    "address": {"lines": ["1 Quay"], "city": "Hull", "postal_code": "HU1 1AA", "country": "Norway"},
}


def turn_on(admin, how="on_request", *, permitted=True, **more):
    with admin.installation.store.write() as work:
        settings = companies.settings_of(work, COMPANY).model_copy(update={"new_contacts": how, **more})
        companies.set_up(work, COMPANY, "Harbour", settings)
        if permitted:
            permit(work)
    if permitted:
        state = admin.installation.simulator.state
        for grant in state.identity.grants.values():
            for token in grant.access.values():
                token.scopes.append("accounting.contacts")


def permit(work):
    at = connections.of_company(work, COMPANY)
    at.scopes = f"{at.scopes} accounting.contacts"


def wish(admin, client="new", **other):
    return intake.accept(admin.tools, an_event(ClientXeroContactCreateRequested.TYPE, client=client, **other))


def created(admin, name="Newcomer Ltd"):
    return [one for one in admin.organisation.contacts.values() if one.name == name]


def puts(admin):
    return [call for call in admin.installation.calls("PUT") if "contacts" in call["path"].lower()]


def answer(admin, **other):
    wish(admin, **other)
    admin.clock()
    return admin.told(other.get("client", "new"))[-1]


@pytest.fixture
def creator(admin):
    turn_on(admin)
    admin.installation.ask(an_invoice("n1", client=NEWCOMER), an_invoice("n2", client=NEWCOMER))
    admin.installation.run()
    return admin


@pytest.fixture
def on_one(clerk_free):
    turn_on(clerk_free)
    clerk_free.installation.ask(an_invoice("n1", client=NEWCOMER))
    clerk_free.installation.run()
    return clerk_free


def test_it_is_created_with_what_the_host_said_and_what_waited_goes_again(creator):
    told = answer(creator)
    (made,) = created(creator)
    assert (told["ended"], told["created"], told["sent_again"]) == ("updated", True, 2)
    assert told["contact"]["xero_contact_id"] == made.id
    assert (made.email, made.tax_number) == ("office@newcomer.example", "GB 123")
    (address,) = made.addresses
    assert address == {
        "AddressType": "POBOX",
        "AddressLine1": "1 Quay",
        "City": "Hull",
        "PostalCode": "HU1 1AA",
        "Country": "Norway",
    }
    assert creator.field("new").value == made.id
    creator.installation.run()
    assert {book["Contact"]["ContactID"] for book in creator.installation.books()} == {made.id}
    with creator.installation.store.read() as work:
        assert audit.newest(work, COMPANY, 1, "contact created")[0].who == "anna"


def test_a_wish_of_two_admins_creates_one_contact_and_both_are_told(creator):
    wish(creator, by="anna")
    wish(creator, by="bert")
    creator.clock()
    assert [(one["ended"], one.get("reason")) for one in creator.told("new")] == [
        ("updated", None),
        ("rejected", "linked_already"),
    ]
    assert len(created(creator)) == len(puts(creator)) == 1


def test_two_processes_that_are_at_it_together_create_one_contact(creator):
    """Each was told that nobody else is at it, as if a lease had ended."""
    wish(creator, by="anna")
    wish(creator, by="bert")
    with creator.installation.store.read() as work:
        due = list(filed.due(work, COMPANY, 5))
        organisation = contact_answers.organisation_of(work, creator.tools, COMPANY)
    barrier = threading.Barrier(4)

    def go(change):
        barrier.wait()
        creating.answer_new_contacts(creator.tools, organisation, [change])

    threads = [threading.Thread(target=go, args=(change,)) for change in due * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    creator.installation.later(10)
    creator.clock()
    (made,) = created(creator)
    told = creator.told("new")
    assert len(told) == 2  # the second is told of the same contact, or that the client has it already
    linked = {one["contact"]["xero_contact_id"] for one in told if one["ended"] == "updated"}
    assert linked == {made.id}


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "truncated", "drop", "http_500"])
def test_an_unknown_outcome_waits_is_looked_up_and_comes_to_one_contact(on_one, fault):
    installation = on_one.installation
    installation.simulator.state.faults.set({fault: 1.0})
    wish(on_one)
    on_one.clock()
    assert on_one.told("new") == []
    installation.simulator.state.faults.set({})
    with installation.store.write() as work:
        filed.hasten(work, COMPANY)  # somebody asks for something else
    on_one.clock()
    assert (on_one.told("new"), len(puts(on_one))) == ([], 1)  # before the settle time nobody looks, nobody sends
    installation.later(installation.settings.settle_seconds + 1)
    on_one.clock()
    (told,) = on_one.told("new")
    assert (told["ended"], told["created"], len(created(on_one))) == ("updated", True, 1)
    with installation.store.read() as work:
        assert filed.new_contacts(work, COMPANY, ["new"]) == {}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", range(1, 15))
def test_killed_at_any_statement_it_ends_in_one_contact_and_one_answer(on_one, at):
    """At each write of a transaction, each commit and each call: whatever dies, another process goes on."""
    installation = on_one.installation
    wish(on_one)
    steps = iter(range(1, 1000))

    def step():
        if next(steps) == at:
            raise Killed

    with pytest.MonkeyPatch.context() as cut:
        for holder, name in [
            (filed, "begin_new_contacts"),
            (filed, "end_new_contact"),
            (filed, "settle"),
            (XeroTarget, "find_contacts"),
            (XeroTarget, "create_contacts"),
            (contact_answers, "contact_answer"),
        ]:
            kept = getattr(holder, name)

            def before_and_after(*args, kept=kept, **named):
                step()
                said = kept(*args, **named)
                step()
                return said

            cut.setattr(holder, name, before_and_after)
        with contextlib.suppress(Killed):
            on_one.clock()
    installation.tools.redis.flushall()
    for _ in range(3):
        installation.later(400)
        on_one.clock()
    (told,) = on_one.told("new")
    assert (told["ended"], len(created(on_one))) == ("updated", 1)
    assert on_one.field("new").value == created(on_one)[0].id


def test_what_a_suspended_process_wakes_up_with_is_not_sent(on_one):
    wish(on_one)
    moments = iter([0.0])
    object.__setattr__(on_one.tools, "elapsed", lambda: next(moments, 6.0))  # six seconds from the commit to the call
    on_one.clock()
    assert (puts(on_one), on_one.waiting(), created(on_one)) == ([], 1, [])


def test_a_name_that_another_contact_has_is_told_with_that_contact_to_take(on_one):
    other = on_one.in_xero(id=contact_id("namesake"), name="NEWCOMER ltd")
    told = answer(on_one)
    assert (told["ended"], told["reason"], told["offered"]["xero_contact_id"]) == ("rejected", "name_taken", other)
    assert puts(on_one) == []
    assert on_one.field("new").value == ""


def test_a_name_that_comes_to_be_taken_meanwhile_is_told_too(on_one, monkeypatch):
    """Xero refuses what the search did not show yet."""
    other = on_one.in_xero(id=contact_id("namesake"), name="Newcomer Ltd")
    find, shown = XeroTarget.find_contacts, []

    def late(self, *args):
        shown.append(args)
        return [] if len(shown) <= 2 else find(self, *args)

    monkeypatch.setattr(XeroTarget, "find_contacts", late)
    told = answer(on_one)
    assert (told["reason"], told["offered"]["xero_contact_id"], len(puts(on_one))) == ("name_taken", other, 1)


def test_one_that_was_created_before_is_found_and_never_made_twice(on_one):
    """The link was ended, or the database is of yesterday: the number tells whose it is, whatever it is called."""
    first = answer(on_one)["contact"]["xero_contact_id"]
    on_one.answer("new", "")
    on_one.organisation.contacts[first].name = "Newcomer (Hull)"
    told = answer(on_one)
    assert (told["ended"], told["contact"]["xero_contact_id"], len(puts(on_one))) == ("updated", first, 1)


def test_one_that_was_created_before_and_is_archived_is_told(on_one):
    first = answer(on_one)["contact"]["xero_contact_id"]
    on_one.answer("new", "")
    on_one.organisation.contacts[first].status = "ARCHIVED"
    told = answer(on_one)
    assert (told["ended"], told["reason"], len(puts(on_one))) == ("rejected", "archived", 1)


def test_what_xero_refuses_is_told_in_its_words_and_may_be_asked_for_again(on_one):
    installation = on_one.installation
    installation.ask(an_invoice("n1", revision=2, client={**NEWCOMER, "email": "at home"}), request="r2")
    installation.run()
    told = answer(on_one)
    assert (told["reason"], "Email address must be valid." in told["message"]) == ("not_created", True)
    installation.ask(an_invoice("n1", revision=3, client=NEWCOMER), request="r3")
    installation.run()
    assert answer(on_one)["ended"] == "updated"


def test_a_client_that_somebody_linked_meanwhile_keeps_that_contact(on_one):
    wish(on_one)
    on_one.installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    on_one.clock()
    on_one.installation.simulator.state.faults.set({})
    assert on_one.answer("new", ACTIVE)["ended"] == "updated"
    on_one.installation.later(400)
    on_one.clock()
    assert [(one["ended"], one.get("reason")) for one in on_one.told("new")] == [
        ("updated", None),
        ("rejected", "linked_already"),
    ]
    assert on_one.field("new").value == ACTIVE


def test_a_client_that_is_linked_during_the_call_keeps_that_contact(on_one, monkeypatch):
    create = XeroTarget.create_contacts

    def meanwhile(self, *args):
        made = create(self, *args)
        with on_one.installation.store.write() as work:
            contacts.link(work, COMPANY, "new", ACTIVE, "anna")
        return made

    monkeypatch.setattr(XeroTarget, "create_contacts", meanwhile)
    assert answer(on_one)["reason"] == "linked_already"
    assert on_one.field("new").value == ACTIVE


@pytest.mark.parametrize(
    ("settings", "permitted", "other", "reason"),
    [
        ({"how": None}, True, {}, "creating_off"),
        ({"contact_ids_editable": False}, True, {}, "not_editable"),
        ({}, False, {}, "no_permission"),
        ({}, True, {"role": "clerk"}, "not_admin"),
        ({}, True, {"client": "acme"}, "linked_already"),
        ({}, True, {"client": "unheard-of"}, "nameless"),
    ],
)
def test_what_may_not_be_is_refused_at_once_without_a_call(clerk_free, settings, permitted, other, reason):
    turn_on(clerk_free, permitted=permitted, **{"how": "on_request", **settings})
    wish(clerk_free, **{"client": "new", "client_name": "" if other else "Newcomer", **other})
    (told,) = clerk_free.told()
    assert (told["ended"], told["reason"]) == ("rejected", reason)
    assert told["how"]
    assert clerk_free.clock() == 0
    assert puts(clerk_free) == []


def test_while_the_login_is_due_it_waits_and_nothing_is_refused(on_one):
    wish(on_one)
    with on_one.installation.store.write() as work:
        connections.of_company(work, COMPANY).state = "needs_login"
    on_one.clock()
    assert (on_one.told("new"), on_one.waiting(), puts(on_one)) == ([], 1, [])
    with on_one.installation.store.write() as work:
        connections.of_company(work, COMPANY).state = "connected"
    on_one.installation.later(301)
    on_one.clock()
    assert on_one.told("new")[0]["ended"] == "updated"


def test_one_that_nobody_knows_of_holds_no_other_change_back(on_one):
    on_one.installation.simulator.state.faults.set({"drop": 1.0})
    wish(on_one)
    assert on_one.answer("quay", ACTIVE)["ended"] == "updated"
    assert on_one.told("new") == []


def test_what_never_gets_an_answer_is_told_after_the_expiry(on_one):
    installation = on_one.installation
    installation.simulator.state.faults.set({"http_500": 1.0})
    wish(on_one)
    on_one.clock()
    installation.later(installation.settings.expiry_seconds + 1)
    on_one.clock()
    (told,) = on_one.told("new")
    assert (told["ended"], told["reason"], created(on_one)) == ("rejected", "not_checked", [])


def test_by_setting_a_client_like_nothing_in_xero_gets_its_contact_by_itself(creator):
    turn_on(creator, "automatic", permitted=False, contact_ids_editable=False)
    creator.installation.ask(an_invoice("m1", client={"id": "acme2", "name": "ACME Limited"}), request="r2")
    creator.installation.run()
    assert new_contacts.ask_by_setting(creator.tools, "clock") == 2
    creator.clock()
    told = {one["client"]: one for one in creator.told()}
    assert (told["new"]["ended"], told["new"]["changed_by"]) == ("updated", "crewcard-xero")
    assert (told["acme2"]["ended"], told["acme2"]["reason"]) == ("rejected", "similar")
    assert "“ACME Ltd”" in told["acme2"]["message"]
    before = len(creator.calls("/contacts"))
    creator.installation.later(new_contacts.PASS_SECONDS * 3)
    assert new_contacts.ask_by_setting(creator.tools, "clock") == 0  # each client once, and no call for nothing
    assert (len(creator.calls("/contacts")), len(created(creator))) == (before, 1)


def test_without_the_setting_nothing_is_created_by_itself(creator):
    assert new_contacts.ask_by_setting(creator.tools, "clock") == 0
    assert changes.answer_due(creator.tools, "clock") == 0
    assert puts(creator) == []


def scopes_asked(admin):
    """What a person is asked for at Xero."""
    link = login_links.link(admin.tools, COMPANY).url
    address = login_links.start(admin.tools, COMPANY, parse_qs(urlsplit(link).query)["link"][0]).address
    return parse_qs(urlsplit(address).query)["scope"][0].split()


def test_turning_it_on_says_that_a_login_is_due_and_the_login_asks_for_the_permission(creator):
    with creator.installation.store.write() as work:
        at = connections.of_company(work, COMPANY)
        at.scopes = " ".join(one for one in at.scopes.split() if one != "accounting.contacts")
    told = creator.settings_answer(new_contacts="automatic")["data"]
    assert (told["settings"]["new_contacts"], told["login_due"]) == ("automatic", True)
    assert "accounting.contacts" in scopes_asked(creator)
    with creator.installation.store.read() as work:
        assert connections.of_company(work, COMPANY).state == "connected"  # exports go on
    off = creator.settings_answer(new_contacts=None)["data"]
    assert (off["settings"].get("new_contacts"), off["login_due"]) == (None, False)
    assert "accounting.contacts" not in scopes_asked(creator)
