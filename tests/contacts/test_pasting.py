"""An admin pastes a contact: Xero is asked, its name is shown back, and what is wrong is said in plain words."""

import pytest

from events.snapshot import Person
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from tests.contacts.admin import ACTIVE, OLD, an_event
from worker.intake import intake

LINK = f"https://go.xero.com/app/!AbC1/contacts/contact/{ACTIVE}"


def test_a_pasted_address_links_the_client_and_shows_xeros_name(admin):
    answer = admin.answer("crane", LINK, client_name="Crane & Co")
    assert (answer["ended"], answer["status"]) == ("updated", "active")
    assert answer["contact"] == {"xero_contact_id": ACTIVE, "name": "ACME Ltd", "link": LINK}
    field = admin.field("crane")
    assert (field.value, field.name, field.status, field.changed_by) == (ACTIVE, "ACME Ltd", "active", "anna")
    assert len(admin.calls("/contacts")) == 1


def test_the_event_is_answered_exactly_once_however_often_it_comes(admin):
    event = an_event("client.xero_contact.update_requested", client="crane", xero_contact=LINK)
    first = intake.accept(admin.tools, event)
    assert intake.accept(admin.tools, event).repeated
    admin.clock()
    assert intake.accept(admin.tools, event).repeated
    admin.clock()
    (answer,) = admin.told("crane")
    assert answer["cause_id"] == first.event


def test_what_failed_for_want_of_it_goes_again_by_itself(admin):
    installation = admin.installation
    wanted = [an_invoice(f"n{number}", client={"id": "new", "name": "Newcomer"}) for number in range(12)]
    installation.ask(*wanted, an_invoice("good"))
    installation.run()
    assert {answer.get("reason") for answer in installation.answers().values()} == {None, "contact_not_mapped"}
    assert admin.answer("new", LINK)["sent_again"] == 12
    installation.run()
    assert len(installation.books()) == 13
    assert {book["Contact"]["ContactID"] for book in installation.books()} == {ACTIVE}
    requests = {event["data"]["request"] for event in installation.events("invoice.export.succeeded")}
    assert len(requests) == 2  # the first one, and one new request for the twelve


def test_another_clients_failures_are_left_alone(admin):
    installation = admin.installation
    installation.ask(
        an_invoice("a", client={"id": "new", "name": "Newcomer"}), an_invoice("b", client={"id": "else", "name": "E"})
    )
    installation.run()
    assert admin.answer("new", LINK)["sent_again"] == 1
    installation.run()
    assert installation.export("b").state == "failed"


def test_a_failure_that_no_contact_mends_is_not_sent_again(admin):
    installation = admin.installation
    installation.ask(an_invoice("i1", client={"id": "new", "name": "N", "xero_contact_id": ACTIVE}, currency="EUR"))
    installation.run()
    assert admin.answer("new", LINK)["sent_again"] == 0


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("ACME Ltd", "no_id", "“ACME Ltd” is not the address or the ID of a Xero contact."),
        (f"https://go.xero.com/app/!AbC1/invoicing/view/{ACTIVE}", "not_of_a_contact", "of an invoice in Xero"),
        ("https://go.xero.com/app/!AbC1/contacts", "list_of_contacts", "a list of contacts"),
        (f"https://app.crewcard.example/clients/{ACTIVE}", "not_xeros", "leads to app.crewcard.example, not to Xero"),
        (f"{ACTIVE} {OLD}", "several", "more than one contact"),
        (
            f"https://go.xero.com/app/!Zz9/contacts/contact/{ACTIVE}",
            "other_organisation",
            "another Xero organisation (!Zz9); Harbour exports to Organisation 1111 (!AbC1)",
        ),
    ],
)
def test_what_is_no_contact_of_ours_is_refused_at_once_without_a_call(clerk_free, text, reason, said):
    clerk_free.paste("crane", text)
    (answer,) = clerk_free.told("crane")
    assert (answer["ended"], answer["reason"]) == ("rejected", reason)
    assert said in answer["message"]
    assert answer["how"]
    assert clerk_free.clock() == 0
    assert clerk_free.calls("/contacts") == []
    assert clerk_free.field("crane").value == ""


def test_an_unknown_contact_is_refused_and_the_former_one_stays(clerk_free):
    answer = clerk_free.answer("acme", contact_id("nobody"))
    assert (answer["reason"], answer["message"]) == ("not_found", "Organisation 1111 has no contact with this ID.")
    assert clerk_free.field("acme").value == ACTIVE


def test_an_archived_contact_is_refused_by_its_name(clerk_free):
    answer = clerk_free.answer("crane", OLD)
    assert (answer["reason"], answer["who"]) == ("archived", "bookkeeper")
    assert "“Old Wharf” is archived in Xero" in answer["message"]


def test_a_merged_contact_offers_the_winner_at_the_end_of_all_merges(clerk_free):
    middle, loser = contact_id("middle"), contact_id("loser")
    clerk_free.in_xero(id=middle, name="Acme (old)", status="ARCHIVED", merged_to=ACTIVE)
    clerk_free.in_xero(id=loser, name="Acme (older)", status="ARCHIVED", merged_to=middle)
    answer = clerk_free.answer("crane", loser)
    assert (answer["reason"], answer["offered"]["xero_contact_id"]) == ("merged", ACTIVE)
    assert answer["offered"]["name"] == "ACME Ltd"
    assert "“Acme (older)” was merged in Xero into “ACME Ltd”" in answer["message"]
    assert ACTIVE in answer["how"]
    assert clerk_free.field("crane").value == ""
    assert clerk_free.answer("crane", answer["offered"]["link"])["ended"] == "updated"


def test_a_contact_whose_data_was_erased_is_refused(clerk_free):
    clerk_free.in_xero(id=contact_id("gone"), name="", status="GDPRREQUEST")
    assert clerk_free.answer("crane", contact_id("gone"))["reason"] == "erased"


def test_the_same_contact_for_two_clients_is_warned_of_and_allowed(clerk_free):
    assert clerk_free.answer("crane", contact_id("bolt"))["warnings"] == ["bolt is billed as the same Xero contact."]
    assert clerk_free.field("crane").value == contact_id("bolt")


def test_nothing_pasted_ends_the_link_and_the_client_waits_with_its_reason(clerk_free):
    answer = clerk_free.answer("acme", "")
    assert (answer["ended"], answer.get("contact")) == ("updated", None)
    clerk_free.installation.ask(an_invoice())
    clerk_free.installation.run()
    assert clerk_free.installation.answers()["i1"]["reason"] == "contact_not_mapped"


def test_only_admins_may_change_a_contact(clerk_free):
    answer = clerk_free.answer("crane", LINK, role="clerk")
    assert (answer["reason"], answer["how"]) == ("not_admin", "Ask an admin of Harbour to change it.")
    assert clerk_free.answer("crane", LINK, role="Admin")["ended"] == "updated"


def test_while_the_setting_is_off_the_field_is_seen_but_not_changed(clerk_free):
    clerk_free.answer("crane", LINK)
    clerk_free.allow(editable=False)
    answer = clerk_free.answer("crane", contact_id("bolt"))
    assert answer["reason"] == "not_editable"
    field = clerk_free.field("crane")
    assert (field.value, field.name, field.editable) == (ACTIVE, "ACME Ltd", False)
    assert field.why_not == "The settings of Harbour do not allow anybody to change a client's Xero Client ID."


def test_the_field_is_editable_for_an_admin_and_greyed_out_for_a_clerk(clerk_free):
    assert clerk_free.field("acme", Person(id="anna", role="admin")).editable
    seen = clerk_free.field("acme", Person(id="carl", role="clerk"))
    assert (seen.editable, seen.why_not) == (False, "Only an admin may change a client's Xero Client ID.")


def test_a_disconnected_company_may_end_links_and_must_connect_to_make_them(clerk_free):
    from worker.connections import connecting

    clerk_free.paste("crane", contact_id("bolt"))  # accepted while it was connected
    connecting.disconnect(clerk_free.tools, COMPANY, "olga")
    clerk_free.clock()
    assert clerk_free.told("crane")[0]["reason"] == "not_connected"
    assert clerk_free.answer("acme", "")["ended"] == "updated"
    assert clerk_free.field("acme").why_not.startswith("Harbour is not connected to a Xero organisation")


def test_a_company_without_a_connection_is_told_to_connect_first(make_installation, sqlite_url):
    from events.settings import CompanySettings
    from store import companies

    installation = make_installation(sqlite_url)
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(contact_ids_editable=True))
    intake.accept(
        installation.tools, an_event("client.xero_contact.update_requested", client="c", xero_contact=ACTIVE)
    )
    (event,) = installation.events("client.xero_contact.rejected")
    assert event["data"]["reason"] == "not_connected"


def test_one_companys_contacts_are_never_looked_for_in_anothers_organisation(clerk_free):
    other = "22222222-2222-4333-8444-555555555555"
    clerk_free.installation.company("wharf", tenant=other)
    clerk_free.allow(company="wharf")
    clerk_free.paste("crane", ACTIVE)
    clerk_free.paste("crane", contact_id("bolt"), company="wharf")
    clerk_free.clock()
    seen = {(call["tenant"], ACTIVE in call["query"]) for call in clerk_free.calls("/contacts")}
    assert seen == {(TENANT, True), (other, False)}
