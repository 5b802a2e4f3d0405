"""Whatever is wrong with an event is said in plain words: the field, the line from 1, and what would be right."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events import codec, failures, written
from events.codec import Unreadable
from events.export import UnreadableInvoice
from events.failures import Failure
from tests.builders import a_request, an_invoice, an_order

# What the validation library says, and what no bookkeeper has to know.
SCHEMA_WORDS = re.compile(
    r"String should|Input should|Value error|Tuple|List should|Number should|Decimal|validation|match pattern|"
    r"valid (?:dictionary|string|boolean|integer|list|tuple)|instance of|greater than|less than|Field required|"
    r"Extra inputs|permitted|pydantic|NoneType|<class|\\u|\^\[",
)
WRONG: list[Any] = [
    None, True, 5, -1, 1.5, Decimal("1e-50"), 10**30, "", " ", "x", "x" * 5000, "a\nb", "a\0b", "\ud800", "1,5",
    "٣", "20/11/2026", "2026-02-30", "javascript:x", "NaN", [], [None], ["x"] * 600, {}, {"x": 1}, [{}] * 11_000,
]  # fmt: skip


def said_of(change: dict[str, Any]) -> list[str]:
    _, asked = codec.parse_event(a_request(an_invoice(**change)))
    (found,) = asked.invoices
    return [found.failure().message()] if isinstance(found, UnreadableInvoice) else []


FIELDS = "number job client date due_date currency amounts_are reference link lines totals revision xero_invoice_id"
FIELDS += " expected_payment_date currency_rate sent_to_contact misspelt"
OF_LINE = (
    "description kind quantity unit_amount account_code tax_type discount_rate discount_amount item_code tracking"
)


@pytest.mark.parametrize("wrong", WRONG, ids=[str(place) for place in range(len(WRONG))])
def test_no_violation_of_any_field_is_said_in_words_of_a_schema(wrong):
    said = [one for field in FIELDS.split() for one in said_of({field: wrong})]
    said += [one for field in [*OF_LINE.split(), "tracking", "misspelt"] for one in said_of({"line": {field: wrong}})]
    said += [
        one for field in ("id", "name", "xero_contact_id") for one in said_of({"client": {"id": "a", field: wrong}})
    ]
    said += [one for field in ("subtotal", "tax", "total", "x") for one in said_of({"totals": {field: wrong}})]
    said += [one for field in ("category", "option") for one in said_of({"line": {"tracking": [{field: wrong}]}})]
    assert said
    for one in said:
        assert not SCHEMA_WORDS.search(one), one
        assert len(one) <= 300


@pytest.mark.parametrize("wrong", WRONG, ids=[str(place) for place in range(len(WRONG))])
def test_nor_is_anything_wrong_with_an_event_or_its_envelope(wrong):
    documents = [a_request(**{field: wrong}) for field in ("mode", "origin", "parts", "misspelt")]
    for field in ("company", "request", "part", "invoices"):
        documents.append(a_request())
        documents[-1]["data"][field] = wrong
    of_envelope = ("specversion", "id", "source", "type", "time", "causationid", "data")
    documents += [{**a_request(), field: wrong} for field in of_envelope]
    of_order = ("request", "invoices", "requested_by", "why", "reason", "causes", "as_request")
    documents += [an_order("replay", **{"request": "r", field: wrong}) for field in of_order]
    for document in documents:
        try:
            codec.parse_event(document)
        except Unreadable as refused:
            for problem in refused.problems:
                assert not SCHEMA_WORDS.search(problem), problem
                assert re.match(r"[\w.]+(, number \d+)*: ", problem), problem


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"line": {"quantity": "1_000"}}, "line 1, quantity: “1_000” is not a number here; write 1000."),
        ({"line": {"quantity": "\uff11\uff12"}}, "line 1, quantity: “\uff11\uff12” is not a number here; write 12."),
        ({"line": {"unit_amount": "900,00"}}, "line 1, unit amount: “900,00” is not a number here; write 900.00."),
        ({"line": {"unit_amount": "1,234"}}, "write 1234 or 1.234, whichever is meant."),
        ({"line": {"description": None}}, "line 1, description: is missing."),
        ({"line": {"discount": 5}}, "line 1, discount: is not a field we know (do you mean discount_rate?)."),
        ({"date": "2026-11-20T23:30:00+13:00"}, "date: “2026-11-20T23:30:00+13:00” is a moment"),
        ({"date": "20/11/2026"}, "date: “20/11/2026” is not a date here; write 2026-11-20."),
        ({"currency": "usd"}, "currency: “usd” is not the code of a currency here; write USD."),
        ({"number": "B\u201310"}, "number: “B\u201310” has “\u2013”, which Xero takes in no invoice number"),
        ({"reference": "x" * 256}, "reference: may have at most 255 characters and has 256."),
        ({"lines": []}, "lines: there must be at least one."),
        ({"client": {"id": "a"}}, "client name: is missing."),
    ],
)
def test_a_field_is_named_as_people_call_it_with_what_would_be_right(change, said):
    (told,) = said_of(change)
    assert said in told


@pytest.mark.parametrize(
    ("change", "who", "cause", "about"),
    [
        ({"line": {"description": None}}, "clerk", "description-with-missing-by-clerk", "description, missing"),
        ({"line": {"quantity": "1,5"}}, "clerk", "quantity-with-number-by-clerk", "quantity, not a number"),
        ({"date": "20/11/2026"}, "clerk", "date-with-date-by-clerk", "date, not a date"),
        ({"line": {"discount": 5}}, "support", "discount-with-unknown", "discount, not a field we know"),
        ({"client": {"name": "A"}}, "support", "client-id-with-missing", "client id, missing"),
        ({"revision": "x"}, "support", "revision-with-number", "revision, not a number"),
    ],
)
def test_who_can_mend_it_is_named_and_groups_are_by_field_and_kind(change, who, cause, about):
    (found,) = codec.parse_event(a_request(an_invoice(**change)))[1].invoices
    failure = found.failure()
    assert (failure.who, failures.about(failure)) == (who, about)
    assert failures.cause_of(failure) == f"invoice_unreadable:{cause}"
    assert failures.who_mends(failures.cause_of(failure)) == who


def test_what_only_support_can_mend_comes_first_and_everything_is_said():
    (found,) = codec.parse_event(a_request(an_invoice(line={"quantity": "1,5", "discount": 5}, date="soon")))[
        1
    ].invoices
    failure: Failure = found.failure()
    assert failure.who == "support"
    assert [one.facts["field"] for one in failure.all()] == ["discount", "date", "quantity"]
    assert [one.line for one in failure.all()] == [1, None, 1]
    assert "Also: date: “soon” is not a date here" in failure.message()


# -- numbers and texts


@given(
    st.text(
        st.characters(categories=["Nd", "Nl", "No", "Pd", "Zs"], include_characters="0123456789.,+-_ eE"), max_size=12
    )
)
def test_a_number_is_ascii_digits_with_a_point_or_is_refused_by_name(text):
    (problem,) = _of_quantity(text) or [None]
    plain = re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip(" "))
    if plain and abs(Decimal(text.strip(" "))) <= 99_999_999:
        assert problem is None
    else:
        assert problem is not None
        assert problem.startswith("line 1, quantity: ")


def _of_quantity(text):
    (found,) = codec.parse_event(a_request(an_invoice(line={"quantity": text})))[1].invoices
    return [str(one) for one in found.problems] if isinstance(found, UnreadableInvoice) else None


@pytest.mark.parametrize(
    "said", ["1,234.50", "1.234,50", "1 234,50", "1'234.50", "1\u00a0234.50", "£1,234.50", "1_234.50"]
)
def test_what_would_be_right_is_right(said):
    assert written.right_number(said) == "1234.50"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Pasted from Word:\x0bsecond line", "Pasted from Word:\nsecond line"),
        ("a\x0cb\x85c\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("a\x01b\x1fc\x7fd\x9be", "abcde"),
        ("a\u200bb\ufeffc\u2060d", "abcd"),
        ("a\u202eb\u2066c\u2069d", "abcd"),
        ("Crew 👷\u200d♀\ufe0f “quote” \u2013 dash… <b>", "Crew 👷\u200d♀\ufe0f “quote” \u2013 dash… <b>"),
        ("tab\tand\r\nlines\nstay", "tab\tand\r\nlines\nstay"),
        ("میخواهم \u200c", "میخواهم \u200c"),
    ],
)
def test_what_nobody_sees_goes_out_of_texts_and_what_means_a_new_line_is_one(text, kept):
    (found,) = codec.parse_event(a_request(an_invoice(line={"description": text}, reference=text)))[1].invoices
    assert found.lines[0].description == kept
    assert found.reference.split() == kept.split()  # of one line: what means a new line is a space there


@given(st.text(max_size=40))
def test_a_text_is_clean_or_refused(text):
    try:
        kept = written.text(text)
    except Exception as refused:
        assert "\0" in text or any("\ud800" <= one <= "\udfff" for one in text)
        assert "which no text has" in str(refused)
        return
    assert not re.search(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]", kept
    )


def test_the_library_s_own_errors_are_all_known_or_said_plainly():
    from events.unreadable import sentences
    from worker.decisions.claiming import Claim

    with pytest.raises(ValidationError) as broken:
        Claim.model_validate({"id": "a", "xero_invoice_id": "no guid", "date": "x", "content": 5, "total": "1e5"})
    for sentence in sentences(broken.value):
        assert not SCHEMA_WORDS.search(sentence), sentence


@pytest.mark.timeout(20)
def test_very_many_unknown_fields_are_told_in_a_moment():
    """Each name was compared with all known ones, though five are told."""
    unknown = {f"quantity {number}": 1 for number in range(100_000)}
    (of_invoice,) = said_of(unknown)
    assert "do you mean" in of_invoice
    event = a_request(an_invoice())
    event["data"] |= unknown
    with pytest.raises(Unreadable) as refused:
        codec.parse_event(event)
    assert "99995 more are wrong" in str(refused.value.problems)
