"""What other people's clients send: scopes of all of Xero, plural addresses, filters on every list (facts §11.11)."""

import json

import pytest

from simulator.wire import Request
from tests.simulator.desk import TENANT

# What Xero's own command line and MCP server ask for (facts §7.1).
ASKED = [
    *(f"accounting.reports.{report}.read" for report in ("aged", "balancesheet", "profitandloss", "trialbalance")),
    "accounting.budgets.read",
    "accounting.attachments",
    "accounting.payments.read",
    "payroll.settings",
    "payroll.employees.read",
    "payroll.timesheets",
    "files",
    "assets.read",
    "projects",
]


def own_token(desk, scope, status):
    """What the token service answers a custom connection that asks for a scope."""
    desk.control("POST", "apps", {"client_id": "own", "client_secret": "s", "kind": "custom", "tenant": TENANT})
    return desk.token(status, client="own", secret="s", grant_type="client_credentials", scope=scope)


@pytest.mark.parametrize("scope", ASKED)
def test_an_app_may_ask_for_the_scopes_of_other_parts_of_xero(desk, scope):
    assert own_token(desk, f"accounting.invoices {scope}", 200)["scope"] == f"accounting.invoices {scope}"


@pytest.mark.parametrize("scope", ["accounting.reports.read", "accounting.transactions", "payroll.secrets", "Files"])
def test_a_broad_or_unknown_scope_is_still_refused(desk, scope):
    assert own_token(desk, f"accounting.invoices {scope}", 400) == {"error": "invalid_scope"}


def test_the_scope_of_another_part_opens_no_invoices(desk):
    desk.bearer = desk.grant("accounting.reports.aged.read files")["access_token"]
    assert desk.call("GET", "Invoices").status == 401


@pytest.mark.parametrize("path", ["Organisation", "Organisations", "organisations"])
def test_the_organisation_answers_in_singular_and_plural(desk, path):
    (organisation,) = desk.get(path)
    assert organisation["Name"] == "Harbour Crew Ltd"


XML = b"<Invoices><Invoice><Type>ACCREC</Type></Invoice></Invoices>"


@pytest.mark.parametrize(
    ("method", "headers", "body", "what"),
    [
        ("PUT", {"content-type": "application/xml"}, XML, "bodies in XML"),
        ("POST", {"content-type": "text/xml; charset=utf-8"}, XML, "bodies in XML"),
        ("POST", {"content-type": "application/x-www-form-urlencoded"}, b"xml=%3CInvoices%3E", "bodies in XML"),
        ("GET", {"accept": "application/xml"}, b"", "answers in XML"),
        ("GET", {"accept": "text/xml;q=0.9, application/xml"}, b"", "answers in XML"),
    ],
)
def test_xml_is_refused_as_not_modelled_and_nothing_is_written(desk, method, headers, body, what):
    reply = desk.call(method, "Invoices", body, headers)
    assert reply.status == 501
    assert what in json.loads(reply.body)["Message"]
    assert desk.get("Invoices") == []


@pytest.mark.parametrize("accept", ["application/json", "text/html, application/xml;q=0.9, */*;q=0.8", ""])
def test_who_takes_json_too_gets_json(desk, accept):
    assert desk.call("GET", "Invoices", None, {"accept": accept}).status == 200


# What is asked of a list, and what comes: codes or names, in order.
ASKS = [
    ("Accounts", "Code", {"where": 'Status=="ARCHIVED"'}, ["299"]),
    (
        "Accounts",
        "Code",
        {"where": 'Type=="REVENUE" AND Status=="ACTIVE"', "order": "Code DESC"},
        ["260", "201", "200"],
    ),
    ("Accounts", "Code", {"where": 'Code=="090" OR Code=="200"'}, ["090", "200"]),
    ("Accounts", "Code", {"where": 'Name.StartsWith("Old")'}, ["299"]),
    ("TaxRates", "TaxType", {"where": "CanApplyToRevenue==false"}, ["INPUT"]),
    ("TaxRates", "TaxType", {"where": "EffectiveRate>12", "order": "EffectiveRate"}, ["OLDGST", "OUTPUT", "INPUT"]),
    ("TaxRates", "TaxType", {"TaxType": "OUTPUT"}, ["OUTPUT"]),
    ("Currencies", "Code", {"where": 'Code=="USD"'}, ["USD"]),
    ("Currencies", "Code", {"order": "Code DESC"}, ["USD", "NZD"]),
    ("Items", "Code", {"where": "SalesDetails.UnitPrice>10"}, ["BOAT"]),
    ("Items", "Code", {"order": "Code", "unitdp": "4"}, ["BARE", "BOAT"]),
    ("TrackingCategories", "Name", {"where": 'Name=="Crew"'}, ["Crew"]),
    (
        "TrackingCategories",
        "Name",
        {"order": "Name DESC", "includeArchived": "true"},
        ["Region", "Old", "Dock", "Crew"],
    ),
    ("TrackingCategories", "Name", {"order": "Name"}, ["Crew", "Dock", "Region"]),
    ("Contacts", "Name", {"where": 'EmailAddress=="muddle at home"'}, ["Muddle"]),
]


@pytest.mark.parametrize(("endpoint", "name", "asked", "wanted"), ASKS)
def test_every_list_is_filtered_and_ordered_as_it_is_asked(desk, endpoint, name, asked, wanted):
    desk.change(tracking=[{"name": "Old", "status": "ARCHIVED"}])
    found = [one[name] for one in desk.get(endpoint, **asked)]
    assert (found if "order" in asked else sorted(found)) == wanted


LISTS = [
    "Organisation",
    "Accounts",
    "TaxRates",
    "Currencies",
    "Items",
    "BrandingThemes",
    "TrackingCategories",
    "Contacts",
]


@pytest.mark.parametrize("endpoint", [*LISTS, "Invoices"])
@pytest.mark.parametrize(
    "asked", [{"colour": "red"}, {"where": 'Colour=="red"'}, {"order": "Colour"}, {"Status": "ACTIVE"}]
)
def test_what_a_list_cannot_filter_by_is_refused_and_never_passed_over(desk, endpoint, asked):
    reply = desk.call("GET", endpoint, **asked)
    assert (reply.status, reply.document()["Type"]) == (400, "QueryParseException")


@pytest.mark.parametrize("asked", ["Code==200", "CanApplyToRevenue==1", 'UpdatedDateUTC=="yesterday"', "(Code=1)"])
@pytest.mark.parametrize("endpoint", ["Accounts", "TaxRates"])
def test_a_filter_that_cannot_be_understood_is_refused(desk, endpoint, asked):
    assert desk.call("GET", endpoint, where=asked).status == 400


def test_accounts_and_items_may_be_asked_for_since_a_moment(desk):
    since = {"if-modified-since": "2026-06-01T00:00:00"}
    assert desk.get("Accounts", headers=since) == desk.get("Items", headers=since) == []
    desk.change(accounts=[{"code": "200", "name": "Sales and more"}], items=[{"code": "BOAT", "price": "13"}])
    assert [one["Code"] for one in desk.get("Accounts", headers=since)] == ["200"]
    assert [one["Code"] for one in desk.get("Items", headers=since)] == ["BOAT"]
    assert [one["Code"] for one in desk.get("Accounts", where="UpdatedDateUTC>=DateTime(2026,06,01)")] == ["200"]


@pytest.mark.parametrize(
    ("endpoint", "key"),
    [
        ("Accounts", "AccountID"),
        ("TaxRates", "TaxType"),
        ("Items", "ItemID"),
        ("Items", "Code"),
        ("BrandingThemes", "BrandingThemeID"),
        ("TrackingCategories", "TrackingCategoryID"),
    ],
)
def test_one_of_a_list_is_read_by_its_id(desk, endpoint, key):
    wanted = desk.get(endpoint)[-1]
    assert desk.get(f"{endpoint}/{wanted[key]}") == [wanted]
    assert desk.call("GET", f"{endpoint}/NOBODY").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "Quotes",
        "CreditNotes/CN-1/Attachments",
        "Payments/1",
        "Reports/TrialBalance",
        "Invoices/N-1/History",
        "Accounts/200/Attachments",
        "Items/BOAT/History",
    ],
)
def test_what_is_not_modelled_says_so_whatever_the_scope(desk, path):
    desk.bearer = desk.grant("accounting.invoices accounting.settings.read")["access_token"]
    reply = desk.call("GET", path)
    assert reply.status == 501
    assert "this simulator does not model" in reply.document()["Message"]


@pytest.mark.parametrize("path", ["/payroll.xro/1.0/Employees", "/files.xro/1.0/Files", "/projects.xro/2.0/Projects"])
def test_other_parts_of_xero_are_not_modelled_and_say_so(desk, path):
    assert desk.ask(Request("GET", path)).status == 501


def test_an_endpoint_that_xero_does_not_have_is_not_found(desk):
    assert desk.call("GET", "Boats").status == 404
