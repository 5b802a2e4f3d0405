"""Finding invoices and contacts (facts §4, §5), and the organisation's settings (facts §7.3)."""

import pytest

from tests.simulator.desk import ACME, AMERICAN, BOLT, LOSER, NOBODY, OLD, TENANT, a_line, an_invoice


def numbers(found):
    return sorted(one["InvoiceNumber"] for one in found)


@pytest.fixture
def filled(desk):
    desk.put(
        an_invoice("A", Reference="boats", Date="2026-11-01"),
        an_invoice("B", Status="DRAFT", Contact={"ContactID": BOLT}),
        an_invoice("C", line={"UnitAmount": 10}),
    )
    desk.pay("C")
    return desk


def test_by_numbers(filled):
    assert numbers(filled.get(InvoiceNumbers="A,c,Z")) == ["A", "C"]


def test_by_ids(filled):
    wanted = [filled.books["A"]["InvoiceID"], filled.books["B"]["InvoiceID"].upper(), NOBODY]
    assert numbers(filled.get(IDs=",".join(wanted))) == ["A", "B"]


def test_by_contacts_and_statuses(filled):
    assert numbers(filled.get(ContactIDs=BOLT)) == ["B"]
    assert numbers(filled.get(Statuses="PAID,DRAFT")) == ["B", "C"]


def test_by_search_term_over_number_and_reference(filled):
    assert numbers(filled.get(searchTerm="BOAT")) == ["A"]


WHERES = {
    'Status=="DRAFT"': ["B"],
    'InvoiceNumber=="A"': ["A"],
    'Reference=="boats" AND Type=="ACCREC"': ["A"],
    f'Contact.ContactID=guid("{BOLT}")': ["B"],
    f'Contact.ContactID==guid("{ACME}") && AmountDue>0': ["A"],
    'Contact.Name=="Bolt & Co"': ["B"],
    "AmountPaid==11.5": ["C"],
    "Date>=DateTime(2026,11,02) AND Date<DateTime(2026, 12, 1)": ["B", "C"],
    "DueDate==DateTime(2026,12,20)": ["A", "B", "C"],
    'Reference.Contains("oat")': ["A"],
    'Reference=="a AND b"': [],
}


@pytest.mark.parametrize("where", WHERES)
def test_by_the_optimised_filters(filled, where):
    assert numbers(filled.get(where=where)) == WHERES[where]


def test_or_joins_invoice_ids(filled):
    first, second = filled.books["A"]["InvoiceID"], filled.books["C"]["InvoiceID"]
    where = f'InvoiceID==guid("{first}") OR InvoiceID==guid("{second}")'
    assert numbers(filled.get(where=where)) == ["A", "C"]


@pytest.mark.parametrize("where", ["Date>=DateTime(2026,13,1)", "Status==", "(((", 'Colour=="red"', "Status==DRAFT"])
def test_a_filter_that_cannot_be_read_is_a_400(filled, where):
    reply = filled.call("GET", "Invoices", where=where)
    assert (reply.status, reply.document()["ErrorNumber"]) == (400, 16)


def test_only_what_this_app_created(filled):
    filled.control("POST", f"organisations/{TENANT}/invoices", {"number": "H", "contact": ACME})
    assert numbers(filled.get()) == ["A", "B", "C", "H"]
    assert numbers(filled.get(createdByMyApp="true")) == ["A", "B", "C"]


def test_only_what_changed_since(filled):
    filled.later(60)
    since = filled.state.world.now().strftime("%Y-%m-%dT%H:%M:%S")
    filled.put(an_invoice("NEW"))
    assert numbers(filled.get(headers={"if-modified-since": since})) == ["NEW"]


def test_pages_and_their_counts(desk):
    desk.put(*(an_invoice(f"P-{number:03d}") for number in range(120)))
    reply = desk.call("GET", "Invoices", page=2, order="InvoiceNumber DESC").document()
    assert reply["pagination"] == {"page": 2, "pageSize": 100, "pageCount": 2, "itemCount": 120}
    assert reply["Invoices"][0]["InvoiceNumber"] == "P-019"
    assert desk.call("GET", "Invoices", page=0, pageSize=9999).document()["pagination"]["pageSize"] == 1000
    assert "pagination" not in desk.call("GET", "Invoices").document()


def test_lines_come_with_single_and_paged_reads_only(filled):
    assert filled.get()[0]["LineItems"] == []
    assert filled.get(page=1)[0]["LineItems"] != []
    assert filled.get("Invoices/A")[0]["LineItems"] != []
    assert filled.get(Statuses="DRAFT")[0]["LineItems"] != []


def test_a_summary_leaves_lines_and_payments_out_and_is_paged(filled):
    reply = filled.call("GET", "Invoices", summaryOnly="true").document()
    assert "pagination" in reply
    assert not {"LineItems", "Payments", "HasAttachments"} & set(reply["Invoices"][0])


def test_one_by_id_or_by_number_and_none_that_is_not_there(filled):
    assert filled.get("Invoices/A")[0]["InvoiceID"] == filled.books["A"]["InvoiceID"]
    assert filled.get(f"Invoices/{filled.books['A']['InvoiceID']}")[0]["InvoiceNumber"] == "A"
    reply = filled.call("GET", f"Invoices/{NOBODY}")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 404)])
def test_a_query_of_more_than_2048_characters_is_a_404(desk, more, status):
    start = "InvoiceNumbers="
    assert desk.call("GET", "Invoices", InvoiceNumbers="x" * (2048 - len(start) + more)).status == status


def test_a_read_names_the_contact_an_invoice_moved_to(filled):
    filled.change(contacts=[{"id": BOLT, "name": "Bolt & Co", "status": "ARCHIVED", "merged_to": ACME}])
    assert filled.get("Invoices/B")[0]["Contact"]["ContactID"] == ACME


def test_archived_contacts_come_only_when_asked_for(desk):
    assert OLD not in [one["ContactID"] for one in desk.get("Contacts")]
    assert OLD in [one["ContactID"] for one in desk.get("Contacts", includeArchived="true")]
    assert desk.get("Contacts", IDs=f"{OLD},{NOBODY}") == []


def test_who_a_contact_was_merged_into_comes_only_paged_or_by_id(desk):
    asked = {"IDs": LOSER, "includeArchived": "true"}
    assert "MergedToContactID" not in desk.get("Contacts", **asked)[0]
    assert desk.get("Contacts", page=1, **asked)[0]["MergedToContactID"] == ACME
    assert desk.get(f"Contacts/{LOSER}")[0]["MergedToContactID"] == ACME


def test_a_contact_by_its_number_and_in_short(desk):
    assert desk.get("Contacts/C-1")[0]["ContactID"] == ACME
    assert "Addresses" not in desk.get("Contacts", summaryOnly="true")[0]
    assert [one["ContactID"] for one in desk.get("Contacts", where='Name=="Yankee Inc"')] == [AMERICAN]


def test_the_organisation_names_its_lock_dates_currency_and_short_code(desk):
    (found,) = desk.get("Organisation")
    assert (found["BaseCurrency"], found["ShortCode"]) == ("NZD", "!Hc1B2")
    assert found["PeriodLockDate"] == "/Date(1593475200000+0000)/"
    assert "EndOfYearLockDate" not in found


def test_what_the_user_may_do(desk):
    allowed = {one["Name"]: one["Status"] for one in desk.get("Organisation/Actions")}
    assert allowed["CreateApprovedInvoice"] == allowed["UseMulticurrency"] == "ALLOWED"
    desk.change(users={"anna@harbour.test": "INVOICEONLY"}, currencies=[])
    allowed = {one["Name"]: one["Status"] for one in desk.get("Organisation/Actions")}
    assert (allowed["CreateApprovedInvoice"], allowed["CreateDraftInvoice"]) == ("NOT-ALLOWED", "ALLOWED")
    assert allowed["UseMulticurrency"] == "NOT-ALLOWED"


SETTINGS = {
    "Accounts": ("Code", {"200", "201", "260", "299", "090", "610"}),
    "TaxRates": ("TaxType", {"OUTPUT", "INPUT", "OLDGST", "NONE"}),
    "Currencies": ("Code", {"NZD", "USD"}),
    "TrackingCategories": ("Name", {"Region", "Crew", "Dock"}),
    "Items": ("Code", {"BOAT", "BARE"}),
    "BrandingThemes": ("Name", {"Standard", "Blue"}),
}


@pytest.mark.parametrize("endpoint", SETTINGS)
def test_the_settings_are_listed(desk, endpoint):
    name, wanted = SETTINGS[endpoint]
    assert {one[name] for one in desk.get(endpoint)} == wanted


def test_tracking_comes_back_with_both_ids(desk):
    (answer,) = desk.put(an_invoice(LineItems=[a_line(Tracking=[{"Name": "Region", "Option": "North"}])]))
    (chosen,) = answer["LineItems"][0]["Tracking"]
    region = next(one for one in desk.get("TrackingCategories") if one["Name"] == "Region")
    assert chosen["TrackingCategoryID"] == region["TrackingCategoryID"]
