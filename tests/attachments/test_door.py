"""The door for files: signed, bound, the same again changes nothing; what was uploaded goes to its invoice once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import update

from events.attachments import MOST_BYTES
from events.settings import CompanySettings
from store import attachments, companies
from store.tables import Attachment
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.doors.host import Host, problems
from tests.journeys.test_raising_anew import raise_anew
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


@pytest.fixture
def host_of_many(attaching, monkeypatch):
    """On each database: where rows are locked one by one, those who come at once do not see each other."""
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)
    made = attaching.installation
    with machines.served(main.serving(main.build(made.tools), made.settings)) as url:
        yield Host(made, url, "own", [COMPANY])


def test_who_uploads_at_once_gets_no_more_in_than_one_after_another(attaching, host_of_many):
    """Twelve files of a megabyte each: neither eleven files, nor more than ten megabytes."""
    with ThreadPoolExecutor(12) as threads:
        codes = list(threads.map(lambda at: put(host_of_many, f"{at}.pdf", b"x" * 1_000_001).status_code, range(12)))
    assert sorted(codes) == [202] * 9 + [413] * 3
    with attaching.installation.store.read() as work:
        assert attachments.stored_bytes(work, COMPANY) == 9 * 1_000_001


def test_two_names_that_become_equal_in_xero_are_two_files_whatever_comes_first(attaching_on_sqlite, host):
    """“job 7.pdf” and “job_7.pdf”, by upload and named by an event, each keeps the name it got."""
    attaching = attaching_on_sqlite
    said = [put(host, name, body).json()["name"] for name, body in (("job%207.pdf", b"one"), ("job_7.pdf", b"two"))]
    assert said == ["job_7.pdf", "job_7-2.pdf"]
    assert put(host, "JOB_7.pdf", b"three").json()["name"] == "JOB_7-3.pdf"
    url = attaching.files.put("4.pdf", b"four")
    named = [{"name": "job?7.pdf", "url": url}, {"name": "job?7.pdf", "url": attaching.files.put("5.pdf", b"five")}]
    attaching.installation.ask(an_invoice(attachments=named))
    attaching.installation.run()
    attaching.attach()
    sizes = {name: size for name, size, _ in attaching.in_xero()["N-i1"]}
    assert sizes == {"job_7.pdf": 3, "job_7-2.pdf": 3, "JOB_7-3.pdf": 5, "job_7-4.pdf": 4, "job_7-5.pdf": 4}
    assert put(host, "job_7.pdf", b"two").json() == {
        "name": "job_7-2.pdf", "size": 3, "sha256": hashlib.sha256(b"two").hexdigest(), "state": "attached",
    }  # fmt: skip
    attaching.installation.ask(an_invoice(attachments=[named[0]]), request="r2")
    attaching.attach()
    assert len(attaching.calls()) == 5, "named again, nothing else is there"


def test_a_file_of_an_older_version_keeps_its_name(attaching_on_sqlite, host):
    """It wrote down what Xero calls it, not what its host does."""
    put(host, body=b"one")
    with attaching_on_sqlite.installation.store.write() as work:
        work.session.exec(update(Attachment).values(called=""))
    assert put(host, body=b"two").json()["name"] == "job_7.pdf"
    assert put(host, "job_7.pdf", b"other").json()["name"] == "job_7-2.pdf"


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("..%5C..%5Cwindows%5Cwin.ini", "win.ini"),
        ("fdp.%E2%80%AEexe.pdf", "fdp.exe.pdf"),
        ("e%CC%81t%C3%A9.pdf", "été.pdf"),
        ("..%5C", "file"),
        ("a." + "x" * 240, "a." + "x" * 198),
    ],
)
def test_no_name_leads_anywhere_or_looks_like_another(host, name, becomes):
    assert put(host, name).json()["name"] == becomes


def test_an_invoice_that_was_raised_anew_gets_a_file_that_is_uploaded_again_as_it_was(attaching_on_sqlite, host):
    """What its former invoice in Xero has is not there."""
    attaching = attaching_on_sqlite
    made = attaching.installation
    made.ask(an_invoice())
    made.run()
    put(host)
    attaching.attach()
    (old,) = made.books()
    old["Status"] = "VOIDED"
    made.later(4000)
    raise_anew(made)
    assert put(host).json()["state"] == "waiting"
    attaching.attach()
    assert put(host).json()["state"] == "attached"
    assert attaching.names("N-i1-2") == ["job_7.pdf"]


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
