"""What a host's own pages show: a page of markers in one call, the progress, a client's Xero contact."""

from datetime import datetime

import pytest
from sqlalchemy import event

from store import companies, pauses
from tests.builders import COMPANY, an_invoice, contact_id, invoices
from tests.doors.host import problems
from worker.waiting import pausing

PAGE = f"/v1/companies/{COMPANY}/invoices?ids="


def shown(host, *ids):
    return {one["invoice"]: one for one in host.get(PAGE + ",".join(ids)).raise_for_status().json()["invoices"]}


def test_a_page_of_jobs_learns_every_marker_in_one_call_in_the_order_it_asked(host, installation):
    installation.ask(an_invoice("good"), an_invoice("bad", currency="EUR"))
    installation.run()
    installation.ask(an_invoice("late"), request="r2")
    with installation.store.write() as work:
        pauses.exclude(work, COMPANY, ["never"], "olga", "paid in cash")
    page = host.get(PAGE + "late,good,unknown,bad,never,good").json()["invoices"]
    assert [(one["invoice"], one["marker"]) for one in page] == [
        ("late", "queued"),
        ("good", "exported"),
        ("unknown", "not_exported"),
        ("bad", "failed"),
        ("never", "excluded"),
    ]
    good, bad = page[1], page[3]
    assert good["deep_link"].endswith(good["xero_invoice_id"])
    assert datetime.fromisoformat(good["last_exported_at"]).tzinfo is not None
    assert good["failure"] is None
    assert bad["failure"]["title"] == "Invoice Failed to Export"
    assert "EUR" in bad["failure"]["message"]
    assert bad["failure"]["reason"] == "currency_not_enabled"
    assert bad["failure"]["how"]
    assert bad["failure"]["who"]


def test_the_page_says_what_the_events_said(host, installation):
    installation.ask(*invoices(6), an_invoice("bad", currency="EUR"))
    installation.run()
    told = {event["data"]["invoice"]: event["data"] for event in installation.events() if "marker" in event["data"]}
    page = shown(host, *told)
    assert {id_: one["marker"] for id_, one in page.items()} == {id_: one["marker"] for id_, one in told.items()}
    assert page["bad"]["failure"]["message"] == told["bad"]["notification"]["message"]


def test_what_waits_for_a_person_shows_that_it_waits(host, installation):
    installation.ask(an_invoice("a"))
    pausing.pause(installation.tools, COMPANY, "olga", "month end")
    assert shown(host, "a")["a"]["marker"] == "waiting"


def test_two_hundred_invoices_cost_as_many_statements_as_one(host, installation):
    installation.ask(*invoices(200))
    installation.run()
    ids = [one["id"] for one in invoices(200)]
    host.get(PAGE + ids[0])  # the key's use is written down once a minute
    counts = []
    for page in (ids[:1], ids):
        seen = []
        event.listen(installation.store.engine, "before_cursor_execute", lambda *_, seen=seen: seen.append(1))
        assert len(shown(host, *page)) == len(page)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 10


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("ids=a&ids=b%2Cc", ["a", "b,c"]),
        ("ids=b%2Cc&ids=b,c", ["b,c"]),
        ("ids=a&ids=b&ids=a", ["a", "b"]),
        ("ids=a,b", ["a", "b"]),
        ("ids=a%2Cb", ["a", "b"]),
        ("ids=a&ids=n%C2%B0%205%2F7%20%26%20co", ["a", "n° 5/7 & co"]),
    ],
)
def test_ids_stand_behind_each_other_or_each_under_a_name_of_its_own(host, installation, query, named):
    for one in ["a", "b", "b,c", "n° 5/7 & co"]:
        installation.ask(an_invoice(one, number=f"N-{len(one)}-{one[0]}"), request=f"r-{len(one)}-{one[0]}")
    installation.run()
    found = host.get(f"/v1/companies/{COMPANY}/invoices?{query}").json()["invoices"]
    assert [one["invoice"] for one in found] == named
    assert {one["marker"] for one in found} == {"exported"}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("id=a", "ids: "),
        ("ids=a&ids=", "ids.1: is empty"),
        ("ids=a&ids=%00", "ids.1: is not the id of an invoice"),
        ("&".join(f"ids=i{number}" for number in range(201)), "ids: at most 200 at once, these are 201"),
        ("ids=", "ids.0: is empty"),
        ("ids=a,%00", "ids.1: is not the id of an invoice"),
        ("ids=a&idz=b", "idz: "),
        ("ids=" + ",".join(f"i{number}" for number in range(201)), "ids: at most 200 at once, these are 201"),
    ],
)
def test_a_page_that_cannot_be_read_names_the_field(small_host, query, sentence):
    refused = small_host.get(f"/v1/companies/{COMPANY}/invoices?{query}")
    assert refused.status_code == 422
    assert problems(refused)[0].startswith(sentence)


@pytest.mark.parametrize("path", ["invoices?ids=a", "requests/r1", "clients/acme/xero-contact", "connection"])
def test_a_company_nobody_set_up_is_not_found(small_host, path):
    for company in ("nobody", "no%00body", "x" * 200):
        refused = small_host.get(f"/v1/companies/{company}/{path}")
        assert refused.status_code == 404
        assert problems(refused)


def test_the_client_page_shows_the_contact_and_who_may_change_it(host, installation):
    path = f"/v1/companies/{COMPANY}/clients/acme/xero-contact"
    closed = host.get(path).json()
    assert (closed["value"], closed["editable"]) == (contact_id("acme"), False)
    assert closed["why_not"]
    assert contact_id("acme") in closed["link"]
    with installation.store.write() as work:
        chosen = companies.settings_of(work, COMPANY).model_copy(update={"contact_ids_editable": True})
        companies.set_up(work, COMPANY, "Harbour", chosen)
    assert host.get(path).json()["editable"] is True
    assert host.get(f"{path}?role=admin").json()["editable"] is True
    clerk = host.get(f"{path}?role=clerk").json()
    assert (clerk["editable"], bool(clerk["why_not"])) == (False, True)
    assert host.get(f"/v1/companies/{COMPANY}/clients/stranger/xero-contact").json()["value"] == ""


def test_progress_of_a_request_is_told(host, installation):
    installation.ask(an_invoice("a"), an_invoice("b", currency="EUR"))
    path = f"/v1/companies/{COMPANY}/requests/r1"
    assert host.get(path).json()["waiting"] == 2
    installation.run()
    found = host.get(path).json()
    assert (found["exported"], found["failed"], found["waiting"], found["complete"]) == (1, 1, 0, True)
    assert problems(host.get(f"/v1/companies/{COMPANY}/requests/none"))[0].startswith("request: ")
