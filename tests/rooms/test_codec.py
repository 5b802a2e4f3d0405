"""The codec: what is not an event is refused with the field's name, and never crashes anything."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import codec
from events.codec import Unreadable
from events.export import InvoiceExportCompleted, InvoiceExportRequested, Notification, UnreadableInvoice
from events.invoice import Invoice, folded
from tests.builders import a_request, an_invoice

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def problems(document) -> str:
    with pytest.raises(Unreadable) as refused:
        codec.parse_event(document)
    return "; ".join(refused.value.problems)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "line 1 column 2"),
        (b"\xff\xfe", "UTF-8"),
        (b"[NaN]", "not JSON that can be read"),
        (b"[" * 100_000, "not JSON that can be read"),
        (b"9" * 10_000, "not JSON that can be read"),
        (b" " * 6_000_000, "at most 5,000,000 bytes"),
    ],
)
def test_what_is_not_json_is_refused_with_the_place(body, said):
    with pytest.raises(Unreadable, match=said):
        codec.parse(body)


def test_an_unknown_type_says_which_are_known():
    assert "invoice.export.requested" in problems({**a_request(), "type": "invoice.exported"})


@pytest.mark.parametrize("missing", ["id", "source", "specversion", "type", "data"])
def test_a_missing_envelope_field_is_named(missing):
    document = a_request()
    del document[missing]
    assert f"{missing}: is missing" in problems(document)


@pytest.mark.parametrize("missing", ["company", "request", "mode", "invoices"])
def test_a_missing_data_field_is_named_with_its_path(missing):
    document = a_request()
    del document["data"][missing]
    assert f"data.{missing}: is missing" in problems(document)


@pytest.mark.parametrize(
    "id_", [None, "", " ", {}, [], True, 1.5, "a\nb", "a\u202eb", "x" * 256, "\ud800", "..", "absent"]
)
def test_an_invoice_without_an_id_is_named_by_its_place_and_its_neighbours_go_on(id_):
    nameless = an_invoice(number="N-2")
    nameless["id"] = id_
    if id_ == "absent":
        del nameless["id"]
    _, asked = codec.parse_event(a_request(an_invoice("a"), nameless, an_invoice("c")))
    first, bad, last = asked.invoices
    assert (first.id, last.id) == ("a", "c")
    assert (bad.id, bad.number) == ("without-id-2", "N-2")
    assert "number 2 of the request" in bad.failure().message()
    assert bad.failure().who == "support"


@pytest.mark.parametrize("element", [None, 5, "x", [], True])
def test_what_is_no_invoice_at_all_fails_by_its_place(element):
    document = a_request(an_invoice("a"), part=2)
    document["data"]["invoices"].insert(0, element)
    bad, good = codec.parse_event(document)[1].invoices
    assert (bad.id, good.id) == ("without-id-part-2-1", "a")
    assert str(bad.problems[0]) == "invoice: number 1 of the request must be an object"


@pytest.mark.parametrize(
    "id_", ["2026/114", "Rechnung Nr. 7", "Größe#7?", "a%2Fb", "日本", "x" * 255, "-7", "a,b", "a&b=c", "👷"]
)
def test_a_host_has_the_ids_it_has(id_):
    invoice = an_invoice(id_, number="N-1", client={"id": id_, "name": "A"})
    (found,) = codec.parse_event(a_request(invoice, request=id_, event_id="e"))[1].invoices
    assert (found.id, found.client.id) == (id_, id_)


def test_whole_numbers_are_taken_as_the_texts_they_stand_for():
    line = {"account_code": 200, "quantity": 2, "unit_amount": 100.5}
    said = an_invoice(
        "x", number=1003, job=7, reference=4711, client={"id": 12, "name": "A"}, line=line, revision="3"
    )
    _, asked = codec.parse_event(
        a_request({**said, "id": 1002}, request=9, requested_by={"id": 7}, origin={"job_ids": [1]})
    )
    (found,) = asked.invoices
    assert (found.id, found.number, found.job, found.reference, found.client.id) == (
        "1002",
        "1003",
        "7",
        "4711",
        "12",
    )
    assert (found.lines[0].account_code, found.revision) == ("200", 3)
    assert (asked.request, asked.requested_by.id, asked.origin.job_ids) == ("9", "7", ("1",))


@pytest.mark.parametrize(
    "person", [None, {}, "anna", {"id": None}, {"id": "x" * 300}, {"id": "a", "role": "x" * 99}, 5]
)
def test_a_user_who_cannot_be_read_holds_nothing_back(person):
    _, asked = codec.parse_event(a_request(an_invoice("a"), requested_by=person))
    assert (asked.requested_by.id, asked.requested_by.role) == ("unknown", None)
    assert asked.invoices[0].id == "a"


def test_a_person_whom_something_depends_on_must_be_readable():
    order = a_request()
    order |= {"type": "invoice.export.cancel_requested", "data": {"company": "c", "request": "r", "why": "x"}}
    assert "data.requested_by: is missing" in problems(order)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date": "20-11-2026"}, "date"),
        ({"date": 1732060800}, "date"),
        ({"currency": "usd"}, "currency"),
        ({"number": "N,1"}, "number"),
        ({"number": "Nº1"}, "number"),
        ({"lines": []}, "lines"),
        ({"line": {"unit_amount": "NaN"}}, "line 1, unit amount"),
        ({"line": {"unit_amount": "1e400"}}, "line 1, unit amount"),
        ({"line": {"quantity": True}}, "line 1, quantity"),
        ({"line": {"descripton": "typo"}}, "line 1, descripton"),
        ({"line": {"description": "a\x00b"}}, "line 1, description"),
        ({"line": {"description": "\ud800"}}, "line 1, description"),
        ({"revision": -1}, "revision"),
    ],
)
def test_a_bad_field_makes_one_invoice_unreadable_and_is_named(change, field):
    _, asked = codec.parse_event(a_request(an_invoice(**change), an_invoice("good")))
    bad, good = asked.invoices
    assert isinstance(bad, UnreadableInvoice)
    assert str(bad.problems[0]).startswith(f"{field}: ")
    assert isinstance(good, Invoice)


def test_numbers_in_json_keep_every_digit():
    body = json.dumps(a_request()).replace('"100.00"', "33.3333").encode()
    _, asked = codec.parse_event(codec.parse(body))
    assert str(asked.invoices[0].lines[0].unit_amount) == "33.3333"


@given(json_values)
def test_no_json_crashes_the_codec(value):
    try:
        codec.parse_event(value)
    except Unreadable as refused:
        assert all(": " in problem for problem in refused.problems)


@given(st.dictionaries(st.sampled_from(["id", "number", "lines", "date", "client", "currency"]), json_values))
def test_no_invoice_crashes_the_codec(invoice):
    document = a_request()
    document["data"]["invoices"] = [invoice]
    try:
        codec.parse_event(document)
    except Unreadable as refused:
        assert all(problem.startswith("data.") for problem in refused.problems)


def test_what_we_write_is_a_cloudevent_and_reads_back():
    event = InvoiceExportCompleted(
        company="c",
        request="r",
        total=1,
        exported=1,
        failed=0,
        reasons={},
        notification=Notification(title="t", message="m"),
    )
    text = codec.write(event, id="1", source="s", subject="r", time=datetime(2026, 1, 2, tzinfo=UTC), causation="0")
    document = json.loads(text)
    assert document["type"] == "invoice.export.completed"
    assert document["causationid"] == "0"
    assert codec.Envelope.model_validate(document).data["total"] == 1


def test_wire_names_are_class_names():
    for event in (*codec.INCOMING.values(), InvoiceExportCompleted):
        assert event.TYPE.replace(".", "").replace("_", "") == event.__name__.lower()


def test_equal_content_has_equal_hashes_whatever_its_revision_or_spelling():
    one = Invoice.model_validate(an_invoice(revision=1))
    two = Invoice.model_validate(an_invoice(revision=9, line={"unit_amount": "100.00 "}))
    other = Invoice.model_validate(an_invoice(line={"unit_amount": "100.01"}))
    assert one.content_hash() == two.content_hash() != other.content_hash()


def test_numbers_fold_case_and_spaces():
    assert folded(" n-7  b ") == folded("N-7 B")


def test_a_request_needs_an_invoice_and_holds_500_at_most():
    document = a_request()
    document["data"]["invoices"] = []
    assert "data.invoices" in problems(document)
    document["data"]["invoices"] = [an_invoice(f"i{n}") for n in range(501)]
    assert "data.invoices" in problems(document)
    assert InvoiceExportRequested.TYPE == "invoice.export.requested"


@pytest.mark.parametrize("number", ["1e-300", "-1.5e-60", "0e-300", "0E+300", "1e5", "0.1e-20", "12.50", "33.3333"])
@pytest.mark.parametrize("written", [json.dumps, str], ids=["text", "number"])
def test_what_an_invoice_says_can_be_kept_and_read_again_or_is_refused(number, written):
    """1e-300 has 300 digits when it is written out: it was accepted once, and then nobody could read it."""
    line = f'{{"description": "x", "quantity": {written(number)}, "unit_amount": "1"}}'
    document = a_request(an_invoice())
    document["data"]["invoices"][0]["lines"] = [codec.parse(line.encode())]
    _, asked = codec.parse_event(document)
    (invoice,) = asked.invoices
    too_long = "e-" in number.lower() and number != "0.1e-20"
    if too_long or (written is json.dumps and "e" in number.lower()):
        assert [(one.line, one.field) for one in invoice.problems] == [(1, "quantity")]
        return
    assert Invoice.model_validate_json(invoice.model_dump_json(exclude_none=True)) == invoice


# -- lines as Xero takes them

CREW = {"description": "Crew", "quantity": "1", "unit_amount": "100.00"}


def the_invoice(**other):
    _, asked = codec.parse_event(a_request(an_invoice(**other)))
    return asked.invoices[0]


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ({"description": "Stage 2: as agreed on site"}, "0"),
        ({"description": "Stage 2", "quantity": None, "unit_amount": None}, "0"),
        ({"item_code": "CREW"}, None),
        ({"item_code": "CREW", "quantity": "2"}, None),
        ({"item_code": "CREW", "quantity": "2", "unit_amount": "45.00"}, "90.00"),
        ({"item_code": "CREW", "description": "Crew, Monday"}, None),
    ],
)
def test_a_line_of_text_and_a_line_that_an_item_fills_are_lines(line, amount):
    found = the_invoice(lines=[line, CREW])
    assert isinstance(found, Invoice), found
    assert (str(found.lines[0].amount) if found.lines[0].amount is not None else None) == amount


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": "1", "unit_amount": "5.00"}, "description"),
        ({"description": "Crew", "unit_amount": "5.00"}, "quantity"),
        ({"description": "Crew", "quantity": "1"}, "unit_amount"),
        ({"description": "Crew", "account_code": "200"}, "quantity"),
        ({"description": "Crew", "discount_rate": "10"}, "quantity"),
        ({}, "description"),
    ],
)
def test_a_line_that_may_have_lost_its_money_is_not_taken_for_text(line, field):
    found = the_invoice(lines=[CREW, line])
    assert isinstance(found, UnreadableInvoice)
    assert [str(one) for one in found.problems] == [f"line 2, {field.replace('_', ' ')}: is missing"]


def test_an_invoice_may_have_as_many_lines_as_fit_into_one_call():
    assert len(the_invoice(lines=[CREW] * 2_000).lines) == 2_000
    large = the_invoice(lines=[{**CREW, "description": "é" * 4_000}] * 200)
    assert isinstance(large, UnreadableInvoice)
    assert [str(one) for one in large.problems] == [
        "lines: are more than fits into one call to Xero, which takes 3.5 MB"
    ]


def test_rate_expected_payment_and_sent_flag_are_read_and_left_out_where_they_are_not_said():
    found = the_invoice(currency_rate="0.873215", expected_payment_date="2027-01-15", sent_to_contact=True)
    assert (str(found.currency_rate), found.expected_payment_date.isoformat()) == ("0.873215", "2027-01-15")
    assert found.sent_to_contact is True
    assert the_invoice().content_hash() != found.content_hash()
    for rate in ("0", "-1", "0.1234567", "x"):
        assert isinstance(the_invoice(currency_rate=rate), UnreadableInvoice)
