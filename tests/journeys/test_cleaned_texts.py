"""What nobody sees in a text and does not go to Xero is said: beforehand, in the answer, and in the log."""

import json
import re

import pytest
from typer.testing import CliRunner

from cli import main
from events import written
from events.invoice import Invoice
from store import contacts, queries
from tests.builders import COMPANY, an_invoice, an_order, contact_id
from tests.preview.foresight import row_of
from worker import wiring
from worker.intake import intake

CREW = {"description": "Crew", "quantity": "1", "unit_amount": "100.00"}
TURNED = {**CREW, "description": "Crew\u202e yad eno\u202e"}
WORD = {**CREW, "description": "Van\x0bwith driver\x01"}
SAID = {
    "bidi": ([CREW, TURNED], "Line 2, description: U+202E right-to-left override (2 times) taken out."),
    "vertical tab and control": (
        [WORD],
        "Line 1, description: U+0001 control character taken out; U+000B vertical tab became a line break.",
    ),
    "alike": ([TURNED, CREW, TURNED], "Lines 1, 3, description: U+202E right-to-left override (2 times) taken out."),
}


def exported(installation, wanted, request="r1"):
    installation.ask(wanted, request=request)
    installation.run()
    return installation.answers(request)[wanted["id"]]


@pytest.mark.parametrize("kind", SAID)
def test_what_is_taken_out_of_a_text_is_said_beforehand_and_in_the_answer(installation, kind):
    lines, sentence = SAID[kind]
    wanted = an_invoice(lines=lines)
    foretold = row_of(installation, wanted)
    assert foretold.warnings == (f"Cleaned before it is sent: {sentence}",)
    answer = exported(installation, wanted)
    (one,) = answer["cleaned"]
    assert one["said"] == sentence
    assert one["field"] == "description"
    assert answer["verified"], "the text is compared as it was sent"
    kept = json.dumps([line["Description"] for line in installation.books()[0]["LineItems"]])
    assert not [mark for mark in one["characters"] if f"\\u{mark[2:].lower()}" in kept]


def test_every_text_of_an_invoice_names_its_field(on_sqlite):
    """No text of the contract is cleaned in silence: each is put a sign into that nobody sees."""
    odd = "a\u2066"
    line = {
        **CREW, "description": odd, "kind": odd, "account_code": "200\u2066", "tax_type": "OUTPUT\u2066",
        "item_code": odd, "tracking": [{"category": odd, "option": odd}],
    }  # fmt: skip
    address = {"lines": [odd], **dict.fromkeys(("city", "region", "postal_code", "country"), odd)}
    client = {"id": "acme", "name": odd, "xero_contact_id": odd, "email": odd, "tax_number": odd, "address": address}
    files = [{"name": odd, "url": "https://crewcard.example/1", "media_type": odd}]
    read = Invoice.model_validate(an_invoice(client=client, job=odd, reference=odd, lines=[line], attachments=files))
    named = {
        re.sub(r"^(client |tracking |address |attachment )+", "", one.field).replace(" ", "_") for one in read.cleaned
    }
    assert named == texts_of(Invoice)
    assert {"description", "xero_contact_id", "option"} < set(named)
    assert all(one.characters == ("U+2066",) for one in read.cleaned)


def texts_of(model):
    """Every field of the contract, at any depth, that is cleaned when it is read."""
    found, seen = set(), [model]
    while seen:
        for name, field in seen.pop().model_fields.items():
            parts = [field, *parts_of(field.annotation)]
            seen += [one for one in parts if hasattr(one, "model_fields")]
            marks = [mark for one in parts for mark in getattr(one, "metadata", getattr(one, "__metadata__", ()))]
            found |= {name for mark in marks if getattr(mark, "func", None) in (written.text, written.one_line)}
    return found


def parts_of(annotation):
    yield annotation
    for one in (*getattr(annotation, "__args__", ()), getattr(annotation, "__origin__", None)):
        if one is not None:
            yield from parts_of(one)


def test_a_text_with_nothing_hidden_is_not_said_to_be_cleaned(on_sqlite):
    plain = an_invoice(lines=[{**CREW, "description": "Überstunden,\n\tsiehe Anlage \U0001f477\u200d\u00a0"}])
    assert row_of(on_sqlite, plain).warnings == ()
    assert exported(on_sqlite, plain)["cleaned"] == []


def test_hundreds_of_lines_that_were_pasted_alike_are_one_entry_with_their_count():
    read = Invoice.model_validate(an_invoice(lines=[WORD] * 300))
    (one,) = read.cleaned
    assert (len(one.lines), one.more_lines) == (20, 280)
    assert "and 280 more, description" in one.said


def test_more_texts_than_are_named_are_counted():
    lines = [{**CREW, "description": "a" + "\u202e" * times} for times in range(1, 41)]
    read = Invoice.model_validate(an_invoice(lines=lines))
    assert len(read.cleaned) == 20
    assert read.cleaned[-1].said.startswith("21 more texts were cleaned")


def test_the_log_the_command_and_a_replay_still_know_it(on_sqlite, monkeypatch):
    wanted = an_invoice(lines=[TURNED], client={"id": "nobody", "name": "Nobody"})
    assert exported(on_sqlite, wanted)["type"] == "failed"
    with on_sqlite.store.write() as work:
        contacts.link(work, COMPANY, "nobody", contact_id("acme"), said_by="admin")
    intake.accept(on_sqlite.tools, an_order("replay", request="r1"))
    on_sqlite.run()
    (succeeded,) = on_sqlite.events("invoice.export.succeeded")
    assert "U+202E" in succeeded["data"]["cleaned"][0]["said"]
    with on_sqlite.store.read() as work:
        newest = queries.log(work, COMPANY, 1)[0]
    assert "U+202E" in json.loads(newest.proof)["cleaned"][0]["said"]
    monkeypatch.setattr(wiring, "build", lambda _settings: on_sqlite.tools)
    monkeypatch.setattr("worker.settings.load", lambda: on_sqlite.tools.settings)
    said = CliRunner().invoke(main.app, ["why", "i1"]).output
    assert "cleaned before it was sent: Line 1, description: U+202E" in " ".join(said.split())


def test_a_click_on_what_is_there_says_what_of_its_own_text_was_cleaned(on_sqlite):
    clean = an_invoice(lines=[CREW])
    exported(on_sqlite, clean)
    hidden = an_invoice(lines=[{**CREW, "description": "Cr\u202eew"}])
    on_sqlite.ask(hidden, request="r2", mode="bulk")
    on_sqlite.run()
    again = on_sqlite.answers("r2")["i1"]
    assert (again["outcome"], [one["field"] for one in again["cleaned"]]) == ("unchanged", ["description"])


def test_a_host_cannot_say_itself_what_was_cleaned(on_sqlite):
    answer = exported(on_sqlite, {**an_invoice(), "cleaned": []})
    assert (answer["type"], answer["reason"]) == ("failed", "invoice_unreadable")


def test_what_is_cleaned_is_kept_beside_the_invoice_and_is_no_part_of_what_it_says():
    words = 'He said ,"cleaned":[] and \\"cleaned\\":'
    hidden = Invoice.model_validate(an_invoice(lines=[{**CREW, "description": words + "\u202e"}]))
    plain = Invoice.model_validate(an_invoice(lines=[{**CREW, "description": words}]))
    assert hidden.content_hash() == plain.content_hash()
    assert Invoice.of_kept(hidden.kept()).cleaned == hidden.cleaned != ()
    assert Invoice.of_kept(plain.kept()) == plain
    assert [one.cleaned for one in (Invoice.of_kept(plain.kept()), plain)] == [(), ()]
