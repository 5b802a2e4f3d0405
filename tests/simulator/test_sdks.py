"""Xero's official SDKs run against the simulator as they are, but for where they find it."""

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from xero_python.accounting import AccountingApi, Contact, Invoice, Invoices, LineAmountTypes, LineItem
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

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
def node(tmp_path_factory):
    """Node with the SDK installed from the lock file, once."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not on this machine")
    installed = NODE / "node_modules" / ".package-lock.json"
    lock = NODE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, capture_output=True)
    return NODE


@pytest.mark.xdist_group("node")
def test_the_sdk_for_node_creates_fifty_invoices_finds_them_refreshes_and_lists_connections(wire, node):
    settings = {
        "clientId": "app",
        "clientSecret": "secret",
        "tenant": TENANT,
        "contact": ACME,
        "tokens": wire.pair,
    }
    ran = subprocess.run(
        ["node", "--require", "./redirect.cjs", "drive.cjs", json.dumps(settings)],
        cwd=node,
        check=False,
        env={"PATH": str(Path(shutil.which("node")).parent), "SIMULATOR": str(wire.http.base_url).rstrip("/")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert len(said["created"]) == 45
    assert len(said["refused"]) == 5
    assert said["refused"][0][0].startswith("Account code '299' has been archived")
    assert sorted(said["found"]) == [["NODE-1", 115], ["NODE-2", 115]]
    assert said["rotated"] is True
    assert said["tenants"] == [[TENANT, "Harbour Crew Ltd", "Harbour Crew Ltd"]]
