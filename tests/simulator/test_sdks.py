"""Xero's official SDKs run against the simulator as they are, but for where they find it."""

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from xero_python.accounting import (
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    CreditNote,
    CreditNotes,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from tests import machines
from tests.simulator.desk import ACME, TENANT

NODE = Path(__file__).parent / "node"


@pytest.fixture
def sdk(wire, monkeypatch):
    """The SDK for Python with a token of its own, and the base URL of the simulator."""
    base = str(wire.http.base_url).rstrip("/")
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{base}/connect/token")
    configuration = Configuration()
    configuration.oauth2_token = OAuth2Token(client_id="app", client_secret="secret")
    kept = {"token": {**wire.pair, "scope": wire.pair["scope"].split(), "expires_at": 4_102_444_800}}
    client = ApiClient(
        configuration,
        oauth2_token_getter=lambda: kept["token"],
        oauth2_token_saver=lambda token: kept.update(token=token),
    )
    return client, base, kept


def an_sdk_invoice(number, account="200"):
    return Invoice(
        type="ACCREC",
        invoice_number=number,
        contact=Contact(contact_id=ACME),
        date=date(2026, 11, 20),
        due_date=date(2026, 12, 20),
        status="AUTHORISED",
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        line_items=[LineItem(description="Crew", quantity=1.0, unit_amount=100.0, account_code=account)],
    )


def test_the_sdk_for_python_creates_fifty_invoices_with_a_mixed_result_and_finds_them(sdk):
    client, base, _ = sdk
    api = AccountingApi(client, base_url=f"{base}/api.xro/2.0")
    wanted = [an_sdk_invoice(f"PY-{place}", "299" if place % 10 == 0 else "200") for place in range(50)]
    answered = api.create_invoices(TENANT, Invoices(invoices=wanted), summarize_errors=False, unitdp=4).invoices
    assert sum(one.has_errors for one in answered) == 5
    found = api.get_invoices(TENANT, invoice_numbers=["PY-1", "PY-2", "PY-10"], page=1).invoices
    assert sorted((one.invoice_number, one.total, one.date) for one in found) == [
        ("PY-1", 115, date(2026, 11, 20)),
        ("PY-2", 115, date(2026, 11, 20)),
    ]


def test_the_sdk_for_python_writes_a_credit_note_and_allocates_it(sdk):
    client, base, _ = sdk
    api = AccountingApi(client, base_url=f"{base}/api.xro/2.0")
    (invoice,) = api.create_invoices(TENANT, Invoices(invoices=[an_sdk_invoice("PY-1")])).invoices
    line = LineItem(description="Crew", quantity=1.0, unit_amount=40.0, account_code="200")
    wanted = CreditNote(
        type="ACCRECCREDIT", credit_note_number="PY-C", contact=Contact(contact_id=ACME), status="AUTHORISED",
        date=date(2026, 11, 20), line_items=[line],
    )  # fmt: skip
    (note,) = api.create_credit_notes(TENANT, CreditNotes(credit_notes=[wanted])).credit_notes
    part = Allocation(amount=46.0, date=date(2026, 11, 21), invoice=Invoice(invoice_id=invoice.invoice_id))
    api.create_credit_note_allocation(TENANT, note.credit_note_id, Allocations(allocations=[part]))
    (seen,) = api.get_credit_notes(TENANT, where='CreditNoteNumber=="PY-C"', page=1).credit_notes
    assert (seen.total, seen.remaining_credit, len(seen.allocations)) == (46, 0, 1)
    assert api.get_invoice(TENANT, invoice.invoice_id).invoices[0].amount_due == 69


def test_the_sdk_for_python_raises_its_exception_for_a_400(sdk):
    client, base, _ = sdk
    api = AccountingApi(client, base_url=f"{base}/api.xro/2.0")
    with pytest.raises(AccountingBadRequestException) as raised:
        api.create_invoices(TENANT, Invoices(invoices=[an_sdk_invoice("PY-1", "299")]))
    assert raised.value.reason.startswith("Account code '299' has been archived")


def test_the_sdk_for_python_refreshes_its_token_and_lists_connections(sdk):
    client, base, kept = sdk
    before = kept["token"]["refresh_token"]
    client.refresh_oauth2_token()
    assert kept["token"]["refresh_token"] != before
    (connection,) = IdentityApi(client, base_url=base).get_connections()
    assert (connection.tenant_id, connection.tenant_name) == (TENANT, "Harbour Crew Ltd")


def test_the_sdk_for_python_reads_every_settings_page(sdk):
    client, base, _ = sdk
    api = AccountingApi(client, base_url=f"{base}/api.xro/2.0")
    (organisation,) = api.get_organisations(TENANT).organisations
    assert (organisation.short_code, organisation.period_lock_date.isoformat()[:10]) == ("!Hc1B2", "2020-06-30")
    assert len(api.get_accounts(TENANT).accounts) == 6
    assert len(api.get_tax_rates(TENANT).tax_rates) == 4
    assert len(api.get_tracking_categories(TENANT).tracking_categories) == 3
    assert len(api.get_items(TENANT).items) == 2
    assert len(api.get_branding_themes(TENANT).branding_themes) == 2
    assert len(api.get_currencies(TENANT).currencies) == 2
    assert len(api.get_organisation_actions(TENANT).actions) == 7


@pytest.fixture(scope="session")
def node():
    """Node with the SDK installed from the lock file, once."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not on this machine")
    machines.install_node_packages(NODE)
    return NODE


def environment(wire, **more):
    path = str(Path(shutil.which("node")).parent)
    return {"PATH": path, "SIMULATOR": str(wire.http.base_url).rstrip("/"), **more}


def driven(wire, node, script, settings):
    """What a script on the SDK for Node says."""
    ran = subprocess.run(
        ["node", "--require", "./redirect.cjs", script, json.dumps(settings)],
        cwd=node,
        check=False,
        env=environment(wire),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.ci
@pytest.mark.xdist_group("node")
def test_the_sdk_for_node_creates_fifty_invoices_finds_them_refreshes_and_lists_connections(wire, node):
    settings = {
        "clientId": "app",
        "clientSecret": "secret",
        "tenant": TENANT,
        "contact": ACME,
        "tokens": wire.pair,
    }
    said = driven(wire, node, "drive.cjs", settings)
    assert len(said["created"]) == 45
    assert len(said["refused"]) == 5
    assert said["refused"][0][0].startswith("Account code '299' has been archived")
    assert sorted(said["found"]) == [["NODE-1", 115], ["NODE-2", 115]]
    assert said["rotated"] is True
    assert said["tenants"] == [[TENANT, "Harbour Crew Ltd", "Harbour Crew Ltd"]]


SCOPES = (
    "openid profile email offline_access accounting.invoices accounting.contacts accounting.settings "
    "accounting.reports.aged.read accounting.budgets.read payroll.employees files assets projects"
)


@pytest.mark.ci
@pytest.mark.xdist_group("node")
def test_a_whole_app_on_the_sdk_for_node_from_consent_to_revocation(wire, node):
    settings = {
        "clientId": "app",
        "clientSecret": "secret",
        "tenant": TENANT,
        "contact": ACME,
        "scopes": SCOPES.split(),
    }
    said = driven(wire, node, "app.cjs", settings)
    assert said["login"] == ["anna@harbour.test", True]
    assert said["tenants"] == [[TENANT, "Harbour Crew Ltd"]]
    assert said["lists"] == {
        "organisations": 1,
        "actions": 7,
        "accounts": ["200", "201", "260"],
        "taxRates": 3,
        "currencies": 2,
        "items": ["BOAT", "BARE"],
        "themes": 2,
        "tracking": ["Crew", "Dock", "Region"],
        "contacts": 4,
        "contact": "ACME Ltd",
    }
    assert (said["created"], said["refused"]) == (["APP-1", "AUTHORISED", 115], 400)
    assert (said["updated"], said["emailed"], said["read"]) == ("PO 7", 204, True)
    assert (said["listed"], said["voided"]) == (["APP-1"], "VOIDED")
    assert said["notModelled"] == [501, 501, 501, 501]
    assert (said["rotated"], said["disconnected"], said["afterDisconnect"]) == (True, 0, 403)
    assert said["revoked"] == "ended"


class Mcp:
    """Xero's own MCP server as a process, spoken to as its clients do: a line of JSON-RPC each way."""

    def __init__(self, wire, node):
        server = node / "node_modules" / "@xeroapi" / "xero-mcp-server" / "dist" / "index.js"
        self.process = subprocess.Popen(
            ["node", "--require", str(node / "redirect.cjs"), str(server)],
            env=environment(wire, XERO_CLIENT_ID="own", XERO_CLIENT_SECRET="secret"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.last = 0
        client = {"name": "test", "version": "1"}
        self.ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def say(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, **params):
        self.last += 1
        self.say({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.last:
                return answer["result"]

    def tool(self, name, **arguments):
        """What a tool says, in one piece."""
        found = self.ask("tools/call", name=name, arguments=arguments)
        return "\n".join(part["text"] for part in found["content"])


@pytest.fixture
def mcp(wire, node):
    own = {"client_id": "own", "client_secret": "secret", "kind": "custom", "tenant": TENANT}
    assert wire.http.post("/_simulator/apps", json=own).status_code == 201
    server = Mcp(wire, node)
    yield server
    server.process.kill()
    server.process.wait()
    server.process.stdin.close()
    server.process.stdout.close()


@pytest.mark.ci
@pytest.mark.xdist_group("node")
def test_xeros_own_mcp_server_runs_as_it_comes(wire, mcp):
    assert len(mcp.ask("tools/list")["tools"]) > 40
    assert "Harbour Crew Ltd" in mcp.tool("list-organisation-details")
    assert "GST on Income" in mcp.tool("list-tax-rates")
    assert "Sales" in mcp.tool("list-accounts")
    assert "A boat" in mcp.tool("list-items", page=1)
    assert "Region" in mcp.tool("list-tracking-categories")
    assert "ACME Ltd" in mcp.tool("list-contacts")
    line = {"description": "Crew", "quantity": 1, "unitAmount": 100, "accountCode": "200", "taxType": "OUTPUT"}
    made = mcp.tool("create-invoice", contactId=ACME, type="ACCREC", reference="PO 7", lineItems=[line])
    (kept,) = wire.state.world.organisations[TENANT].invoices.values()
    assert (kept["Reference"], kept["Total"], kept["Status"]) == ("PO 7", 115.0, "DRAFT"), made
    assert kept["InvoiceNumber"] in mcp.tool("list-invoices", page=1)
    mcp.tool("update-invoice", invoiceId=kept["InvoiceID"], reference="PO 8")
    assert wire.state.world.organisations[TENANT].invoices[kept["InvoiceID"]]["Reference"] == "PO 8"
    refused = mcp.tool("create-invoice", contactId=ACME, type="ACCREC", lineItems=[{**line, "accountCode": "299"}])
    assert "Error" in refused
    assert len(wire.state.world.organisations[TENANT].invoices) == 1
