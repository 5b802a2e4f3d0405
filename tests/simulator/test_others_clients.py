"""What other people's clients send: scopes of all of Xero, plural addresses, filters on every list (facts §11.11)."""

import pytest

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
