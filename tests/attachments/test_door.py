"""The door for files: signed, bound, the same again changes nothing; what was uploaded goes to its invoice once."""

import hashlib

import pytest

from events.attachments import MOST_BYTES
from events.settings import CompanySettings
from store import attachments, companies
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.doors.host import Host, problems
from web import keys, main

PDF = b"%PDF-1.7 uploaded \x00\xff"
PLACE = f"/v1/companies/{COMPANY}/invoices/i1/attachments"


@pytest.fixture
def host(attaching_on_sqlite, monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)
    installation = attaching_on_sqlite.installation
    with machines.served(main.serving(main.build(installation.tools), installation.settings)) as url:
        yield Host(installation, url, "own", [COMPANY])


def put(host, name="job%207.pdf", body=PDF, **other):
    return host.ask("PUT", f"{PLACE}/{name}", body, content_type="application/pdf", **other)


def test_what_was_uploaded_before_goes_to_its_invoice_once_however_often_it_came(attaching_on_sqlite, host):
    attaching = attaching_on_sqlite
    for _ in range(2):
        answer = put(host)
        assert answer.status_code == 202
        sha256 = hashlib.sha256(PDF).hexdigest()
        assert answer.json() == {"name": "job_7.pdf", "size": len(PDF), "sha256": sha256, "state": "waiting"}
    attaching.attach()
    assert attaching.calls() == [], "its invoice is not there yet"
    attaching.installation.ask(an_invoice())
    attaching.installation.run()
    attaching.attach()
    assert attaching.names() == ["job_7.pdf"]
    assert put(host).json()["state"] == "attached"
    attaching.attach()
    assert len(attaching.calls()) == 1
    assert put(host, body=b"another").status_code == 202
    attaching.attach()
    assert [size for _, size, _ in attaching.in_xero()["N-i1"]] == [7]
    with attaching.installation.store.read() as work:
        assert attachments.stored_bytes(work, COMPANY) == 0


def test_what_is_too_large_too_many_or_nothing_is_refused_and_not_kept(attaching_on_sqlite, host):
    huge = put(host, body=b"x" * (MOST_BYTES + 1))
    assert huge.status_code == 413
    assert put(host, "half.pdf", b"x" * (MOST_BYTES // 2)).status_code == 202
    assert put(host, "more.pdf", b"y" * (MOST_BYTES // 2 + 1)).status_code == 413
    assert put(host, "empty.pdf", b"").status_code == 422
    for place in range(9):
        assert put(host, f"{place}.pdf").status_code == 202
    eleventh = put(host, "eleventh.pdf")
    assert (eleventh.status_code, problems(eleventh)) == (413, ["invoice: has 10 files; Xero takes 10"])
    with attaching_on_sqlite.installation.store.read() as work:
        assert attachments.stored_bytes(work, COMPANY) == MOST_BYTES // 2 + 9 * len(PDF)


def test_a_company_that_fills_up_is_told_to_wait(attaching_on_sqlite, host, monkeypatch):
    monkeypatch.setattr(attachments, "MOST_STORED_BYTES", len(PDF) + 1)
    assert put(host, "a.pdf").status_code == 202
    full = put(host, "b.pdf")
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")


def test_forged_replayed_foreign_and_unwanted_files_are_refused(attaching_on_sqlite, host):
    installation = attaching_on_sqlite.installation
    assert put(host, secret="whsec_AAAA").status_code == 401
    assert put(host, said=b"PUT elsewhere").status_code == 401
    assert put(host, message_id="once").status_code == 202
    assert put(host, message_id="once").status_code == 409
    foreign = Host(installation, str(host.http.base_url), "pier", ["pier"])
    assert put(foreign).status_code == 403
    assert put(Host(installation, str(host.http.base_url), "reader", [COMPANY], ["reads"])).status_code == 403
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings())
    assert put(host, "off.pdf").status_code == 409


def test_one_that_is_on_its_way_to_xero_is_not_exchanged_under_way(attaching_on_sqlite, host):
    attaching = attaching_on_sqlite
    attaching.installation.ask(an_invoice())
    attaching.installation.run()
    put(host)
    attaching.installation.simulator.state.faults.set({"commit_then_drop": [1]})
    attaching.attach()
    assert put(host, body=b"another").status_code == 503
    attaching.settle()
    assert attaching.names() == ["job_7.pdf"]
    assert put(host, body=b"another").status_code == 202
