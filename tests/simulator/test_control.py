"""The control face: documented, stable, and safe to misuse (docs/simulator.md)."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from simulator import catalogue, control, control_books
from simulator.faults import KINDS, SETTINGS, TOKEN_KINDS
from simulator.switches import Switches
from tests import machines
from tests.simulator.desk import ACME, NOBODY, OTHER, TENANT, Desk, an_invoice

PAGE = Path("docs/simulator.md")


def test_calls_say_whose_bearer_each_carried_and_whether_it_may_see_the_organisation(desk):
    desk.put(an_invoice(), unitdp=4)
    desk.call("GET", "Invoices", headers={"xero-tenant-id": OTHER})
    desk.call("GET", "Invoices", headers={"authorization": "Bearer nobody's"})
    mine, strange, nobody = desk.control("GET", "calls")["calls"]
    assert (mine["bearer_of"], mine["tenant"], mine["may_see"]) == ("app/anna@harbour.test", TENANT, True)
    assert (mine["method"], mine["status"], mine["fault"]) == ("PUT", 200, None)
    assert (strange["bearer_of"], strange["may_see"], strange["status"]) == ("app/anna@harbour.test", False, 403)
    assert (nobody["bearer_of"], nobody["may_see"], nobody["status"]) == (None, False, 401)


def test_the_ledger_shows_each_organisations_books(desk):
    desk.put(an_invoice())
    shown = desk.control("GET", f"ledger?tenant={TENANT}")["organisations"][TENANT]
    assert [one["InvoiceNumber"] for one in shown["invoices"]] == ["N-1"]
    assert len(shown["contacts"]) == 6


def test_a_saved_state_goes_on_where_it_was(desk):
    desk.put(an_invoice())
    desk.call("PUT", "Invoices", {"Invoices": [an_invoice("K")]}, headers={"idempotency-key": "K-1"})
    desk.switch(rounding="half_even")
    saved = json.loads(json.dumps(desk.control("GET", "state")))
    other = Desk()
    other.control("PUT", "state", saved)
    other.bearer = desk.bearer
    assert set(other.books) == {"N-1", "K"}
    assert other.state.switches.rounding == "half_even"
    again = other.call("PUT", "Invoices", {"Invoices": [an_invoice("K")]}, headers={"idempotency-key": "K-1"})
    assert again.document()["Invoices"][0]["HasErrors"] is False
    assert other.put(an_invoice())[0]["HasErrors"] is True


def test_a_state_that_cannot_be_read_changes_nothing(desk):
    desk.put(an_invoice())
    for wrong in ({}, {"version": 1, "world": {"organisations": 7}}, {"version": 99}):
        desk.control("PUT", "state", wrong, status=(422,))
    assert set(desk.books) == {"N-1"}


def test_started_with_a_file_it_goes_on_from_it_and_saves_into_it(tmp_path):
    path = tmp_path / "xero.json"
    for expected in (0, 1):
        port = machines.a_free_port()
        command = [sys.executable, "-m", "simulator", "--port", str(port), "--state", str(path)]
        process = subprocess.Popen(command)
        base = f"http://127.0.0.1:{port}/_simulator"
        machines.wait_for(lambda base=base: answers(f"{base}/health"))
        assert len(httpx.get(f"{base}/ledger").json()["organisations"]) == expected
        httpx.post(f"{base}/organisations", json={"tenant": TENANT, "name": "Kept"})
        process.terminate()
        process.wait(10)
    assert path.stat().st_mode & 0o077 == 0


def answers(url):
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_reset_forgets_everything(desk):
    desk.put(an_invoice())
    desk.control("POST", "reset")
    assert desk.control("GET", "ledger") == {"organisations": {}}
    assert desk.control("GET", "calls")["calls"] == []


def test_organisations_change_by_what_is_said(desk):
    desk.change(contacts=[{"id": ACME, "status": "ARCHIVED"}], offline=True)
    books = desk.state.world.organisations[TENANT]
    assert (books.contacts[ACME].name, books.contacts[ACME].status) == ("ACME Ltd", "ARCHIVED")
    assert books.offline is True
    assert len(books.contacts) == 6


def test_people_write_and_pay_in_xero_itself(desk):
    desk.control("POST", f"organisations/{TENANT}/invoices", {"number": "HAND", "contact": ACME, "amount": 20})
    desk.pay("HAND", 5)
    assert (desk.books["HAND"]["Status"], desk.books["HAND"]["AmountDue"]) == ("AUTHORISED", 15)
    desk.pay("HAND")
    assert desk.books["HAND"]["Status"] == "PAID"


WRONG = [
    ("POST", "organisations", {}),
    ("POST", "organisations", {"tenant": "x", "name": "x"}),
    ("POST", "organisations", {"tenant": OTHER, "name": "x", "period_lock": "yesterday"}),
    ("POST", "organisations", {"tenant": OTHER, "name": "x", "accounts": 7}),
    ("POST", "organisations", {"tenant": OTHER, "name": "x", "timezone": "Nowhere/Land"}),
    ("PATCH", f"organisations/{NOBODY}", {}),
    ("PATCH", f"organisations/{TENANT}", {"colour": "red"}),
    ("POST", f"organisations/{TENANT}/payments", {"invoice": "none"}),
    ("POST", f"organisations/{TENANT}/invoices", {"number": "x", "contact": NOBODY}),
    ("PATCH", f"organisations/{TENANT}/invoices", {"invoice": "none"}),
    ("POST", "apps", {}),
    ("POST", "apps", {"client_id": "x", "colour": "red"}),
    ("POST", "apps", {"client_id": "x", "tier": "platinum"}),
    ("POST", "grants", {"client_id": "x", "user": "x", "tenants": []}),
    ("PUT", "clock", {"minute": 0}),
    ("PUT", "clock", {"offset": 1e300}),
    ("PUT", "limits", {"per_hour": 1}),
    ("PUT", "limits", {"per_minute": "many"}),
    ("PUT", "switches", {"colour": "red"}),
    ("PUT", "switches", {"rounding": "up"}),
    ("PUT", "switches", {"quiet_edits": "yes"}),
    ("PUT", "faults", [1]),
]


@pytest.mark.parametrize(("method", "path", "body"), WRONG)
def test_wrong_input_is_told_what_is_wrong(desk, method, path, body):
    assert desk.control(method, path, body, status=(422,))["error"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"tracking": [{"name": "Region", "options": ["North"]}]},
            "tracking[0].options[0]: must be an object with name",
        ),
        ({"accounts": [{"code": "200"}, {"code": "201", "tax_types": 7}]}, "accounts[1].tax_types: "),
        ({"contacts": ["ACME"]}, "contacts is a list of objects with 'id'"),
        ({"period_lock": "yesterday"}, "period_lock: "),
        ({"calls_per_day": "many"}, "calls_per_day: "),
    ],
)
def test_what_is_wrong_is_named_by_its_field(desk, said, told):
    path = f"organisations/{TENANT}"
    assert desk.control("PATCH", path, said, status=(422,))["error"].startswith(told)


def test_the_page_names_every_route_switch_and_fault():
    page = PAGE.read_text()
    for method, path in control.HANDLERS:
        assert f"`{method} {path}`" in page.replace("`GET /`", "`GET `"), path
    for method, path in control_books.HANDLERS:
        written = path.replace("organisations", "organisations/{tenant}", int(method == "PATCH" or "/" in path))
        assert f"`{method} {written}`" in page, written
    rows = catalogue.switches_and_faults()
    assert len(rows) == len([*vars(Switches()), *KINDS, *TOKEN_KINDS, *SETTINGS])
    for row in rows:
        assert f"\n{row}\n" in page, row


def test_the_page_of_messages_is_the_catalogue():
    assert Path("docs/simulator-messages.md").read_text() == catalogue.page()
