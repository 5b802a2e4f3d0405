"""Files at an invoice, as the facts §8 tell of them."""

import pytest

from tests.simulator.desk import ALL_SCOPES, an_invoice

PDF = b"%PDF-1.7 \x00\xff a job sheet"


@pytest.fixture
def invoice(desk):
    (made,) = desk.put(an_invoice())
    desk.bearer = desk.grant(f"{ALL_SCOPES} accounting.attachments")["access_token"]
    return f"Invoices/{made['InvoiceID']}"


def listed(desk, invoice):
    return [
        (one["FileName"], one["ContentLength"], one["IncludeOnline"]) for one in desk.get(f"{invoice}/Attachments")
    ]


def test_a_file_is_put_listed_and_read_as_it_is(desk, invoice):
    said = desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF, IncludeOnline="true").document()["Attachments"]
    assert (said[0]["FileName"], said[0]["MimeType"], said[0]["ContentLength"]) == (
        "job.pdf",
        "application/pdf",
        len(PDF),
    )
    assert listed(desk, invoice) == [("job.pdf", len(PDF), True)]
    for named in ("job.pdf", said[0]["AttachmentID"]):
        assert desk.call("GET", f"{invoice}/Attachments/{named}").body == PDF
    assert desk.call("GET", f"{invoice}/Attachments/other.pdf").status == 404
    assert desk.get(invoice)[0]["HasAttachments"] is True


def test_a_file_of_the_same_name_replaces_it_by_either_verb(desk, invoice):
    desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF, IncludeOnline="true")
    desk.call("PUT", f"{invoice}/Attachments/job.pdf", b"two", IncludeOnline="true")
    desk.call("POST", f"{invoice}/Attachments/job.pdf", b"three")
    assert listed(desk, invoice) == [("job.pdf", 5, True)]
    desk.switch(same_name_replaces=False)
    desk.call("PUT", f"{invoice}/Attachments/job.pdf", b"four")
    assert [size for _, size, _ in listed(desk, invoice)] == [5, 4]


def test_an_update_leaves_the_files_where_they_are(desk, invoice):
    desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF)
    desk.post({"InvoiceID": invoice.partition("/")[2], "Reference": "later"})
    assert desk.get(invoice)[0]["HasAttachments"] is True


def test_the_same_key_puts_a_file_once(desk, invoice):
    desk.switch(same_name_replaces=False)
    key = {"idempotency-key": "K-1"}
    first, again = (desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF, headers=key) for _ in range(2))
    assert first.body == again.body
    assert len(listed(desk, invoice)) == 1
    assert desk.call("PUT", f"{invoice}/Attachments/job.pdf", b"other", headers=key).status == 400


def test_files_have_a_scope_of_their_own(desk, invoice):
    desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF)
    desk.bearer = desk.grant(ALL_SCOPES)["access_token"]
    refused = desk.call("GET", f"{invoice}/Attachments")
    assert (refused.status, "insufficient_scope" in refused.headers["www-authenticate"]) == (401, True)
    desk.bearer = desk.grant("accounting.attachments.read")["access_token"]
    assert desk.call("GET", f"{invoice}/Attachments").status == 200
    assert desk.call("PUT", f"{invoice}/Attachments/b.pdf", PDF).status == 401


def test_a_fault_that_comes_after_leaves_the_file_there(desk, invoice):
    desk.control("PUT", "faults", {"commit_then_drop": [1]})
    assert desk.call("PUT", f"{invoice}/Attachments/job.pdf", PDF).fate == "cut"
    assert listed(desk, invoice) == [("job.pdf", len(PDF), False)]
    saved = desk.control("GET", "state")
    desk.control("PUT", "state", saved)
    assert listed(desk, invoice) == [("job.pdf", len(PDF), False)]


def test_an_invoice_that_is_not_there_has_no_files(desk, invoice):
    assert desk.call("PUT", "Invoices/NOBODY/Attachments/job.pdf", PDF).status == 404
    assert desk.call("PUT", f"{invoice}/Attachments", PDF).status == 501
    assert desk.call("DELETE", f"{invoice}/Attachments/job.pdf").status == 501
