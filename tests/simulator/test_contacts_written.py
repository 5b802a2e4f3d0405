"""Creating contacts: what is kept, and what is refused in Xero's words (facts §5, §6.2 #16, #52)."""

import pytest

from tests.simulator.desk import ACME, NOTHING

NEW = {
    "Name": "Newcomer Ltd",
    "ContactNumber": "crewcard-1",
    "EmailAddress": "office@newcomer.example",
    "TaxNumber": "GB123",
    "Addresses": [{"AddressType": "POBOX", "AddressLine1": "1 Quay", "City": "Hull", "PostalCode": "HU1"}],
}


def put(desk, *contacts, **query):
    reply = desk.call("PUT", "Contacts", {"Contacts": list(contacts)}, summarizeErrors="false", **query)
    assert reply.status == 200, reply.body
    return reply.document()["Contacts"]


def messages(answer):
    return [one["Message"] for one in answer["ValidationErrors"]]


def test_a_contact_is_created_with_all_that_was_said_and_found_by_its_number(desk):
    (made,) = put(desk, NEW)
    assert made["StatusAttributeString"] == "OK"
    (found,) = desk.get("Contacts", searchTerm="CREWCARD-1", page="1")
    assert {name: found[name] for name in NEW} == NEW
    assert (found["ContactID"], found["ContactStatus"]) == (made["ContactID"], "ACTIVE")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"Name": "acme ltd"},
            "The contact name acme ltd is already assigned to another contact. "
            "The contact name must be unique across all active contacts.",
        ),
        ({"Name": None}, "Contact Name cannot be empty."),
        ({"EmailAddress": "at home"}, "Email address must be valid."),
        ({"TaxNumber": "1" * 51}, "TaxNumber must be between 0 and 50 characters."),
    ],
)
def test_what_is_wrong_creates_nothing_and_the_others_are_created(desk, change, said):
    before = len(desk.get("Contacts"))
    answers = put(desk, {**NEW, **change}, {"Name": "Another"})
    bad, good = sorted(answers, key=lambda one: one["StatusAttributeString"])  # in whatever order they come
    assert (bad["ContactID"], bad["StatusAttributeString"], messages(bad)) == (NOTHING, "ERROR", [said])
    assert good["Name"] == "Another"
    assert len(desk.get("Contacts")) == before + 1


def test_the_name_of_an_archived_contact_is_free(desk):
    (made,) = put(desk, {"Name": "Old Wharf"})
    assert made["StatusAttributeString"] == "OK"


def test_without_summarize_errors_false_it_is_a_400_with_those_that_failed(desk):
    reply = desk.call("PUT", "Contacts", {"Contacts": [NEW, {"Name": "ACME Ltd"}]})
    assert reply.status == 400
    assert [one["Name"] for one in reply.document()["Elements"]] == ["ACME Ltd"]


def test_the_same_key_creates_once(desk):
    headers = {"idempotency-key": "one"}
    first, again = (desk.call("PUT", "Contacts", {"Contacts": [NEW]}, headers).document() for _ in range(2))
    assert first["Contacts"][0]["ContactID"] == again["Contacts"][0]["ContactID"]
    assert len(desk.get("Contacts", searchTerm="newcomer")) == 1


def test_who_may_only_read_contacts_creates_none(desk):
    desk.bearer = desk.grant("accounting.contacts.read accounting.invoices")["access_token"]
    assert desk.call("PUT", "Contacts", {"Contacts": [NEW]}).status == 401
    assert desk.get("Contacts", IDs=ACME)
