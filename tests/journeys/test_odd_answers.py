"""One odd value in an answer of Xero: its neighbours go on, and it is neither sent twice nor called gone."""

import json
from dataclasses import replace

import pytest

from simulator import operations
from tests import builders
from tests.builders import an_invoice
from worker.commands import adopt
from worker.decisions.claiming import Claim
from worker.export import export_results
from worker.reconcile import reconciler

NAMES = ("a", "b", "odd", "c", "d")
HERE = "@@here@@"
NUL, HALF = '"a\\u0000b"', '"\\ud83d"'


class Odd:
    """Answers of Xero about the invoice N-odd, with a raw piece of JSON put at a place, while `on`."""

    def __init__(self, monkeypatch):
        self.on, self.methods = True, ("GET", "PUT", "POST")
        self.place, self.raw, self.also = (), "null", {}
        real = operations.perform

        def perform(state, request, caller, path):
            reply = real(state, request, caller, path)
            if not self.on or request.method not in self.methods or not path.lower().startswith("invoices"):
                return reply
            document = json.loads(reply.body)
            for element in document.get("Invoices", ()):
                if element.get("InvoiceNumber") == "N-odd":
                    self._spoil(element)
            raw = self.raw if isinstance(self.raw, bytes) else self.raw.encode()
            return replace(reply, body=json.dumps(document).encode().replace(f'"{HERE}"'.encode(), raw))

        monkeypatch.setattr(operations, "perform", perform)

    def _spoil(self, element):
        element.update(json.loads(json.dumps(self.also)))
        *way, last = self.place
        for step in way:
            if isinstance(element, dict) and step not in element:
                return  # a light list has no lines
            element = element[step]
        element[last] = HERE
        if last in ("Date", "DueDate"):
            element.pop(f"{last}String", None)


@pytest.fixture
def odd(monkeypatch):
    return Odd(monkeypatch)


NO_VALUES = [
    (("AmountPaid",), "NaN"),
    (("AmountPaid",), "1e300"),
    (("AmountCredited",), '"1e300"'),
    (("SubTotal",), "-Infinity"),
    (("Total",), "1e99999999999999999999"),
    (("TotalTax",), "9" * 5000),
    (("TotalTax",), "1e-999999"),
    (("Total",), '"a lot"'),
    (("Date",), '"/Date(999999999999999)/"'),
    (("Date",), f'"/Date({"9" * 5000})/"'),
    (("DueDate",), '"soon"'),
    (("LineItems", 0, "UnitAmount"), "NaN"),
    (("LineItems", 0, "Quantity"), "1e300"),
    (("LineItems", 0, "LineAmount"), "{}"),
]
BROKEN_TEXTS = [
    (("LineItems", 0, "Description"), HALF),
    (("LineItems", 0, "Description"), NUL),
    (("LineItems", 0, "Description"), b'"a\xffb"'),
    (("LineItems", 0, "Description"), b'"a\xed\xa0\xbdb"'),
    (("LineItems", 0, "Description"), b'"a\0b\nc"'),
    (("Contact", "Name"), NUL),
    (("Contact", "Name"), HALF),
    (("Reference",), '"\\ude00\\ud83d"'),
    (("Warnings",), f'[{{"Message": {NUL}}}]'),
    (("LineItems", 0, "Tracking"), f'[{{"Name": {NUL}, "Option": {HALF}}}]'),
]


def wait(installation, seconds):
    installation.later(seconds)
    installation.wake()
    installation.run()


@pytest.mark.parametrize(("place", "raw"), BROKEN_TEXTS)
def test_a_broken_text_is_read_without_what_is_broken(installation, odd, place, raw):
    odd.place, odd.raw = place, raw
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    told = installation.answers()
    assert {one["outcome"] for one in told.values()} == {"created"}
    assert len(told) == len(installation.books()) == len(NAMES)


@pytest.mark.parametrize(("place", "raw"), NO_VALUES)
def test_a_value_that_is_none_leaves_one_invoice_uncertain_until_it_can_be_read(installation, odd, place, raw):
    odd.place, odd.raw = place, raw
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    assert set(installation.answers()) == set(NAMES) - {"odd"}
    assert installation.markers()["odd"] == "uncertain"
    for seconds in (61, 310, 1000):
        wait(installation, seconds)
    assert installation.markers()["odd"] == "uncertain"
    assert len(installation.calls("PUT")) == 1, "what is there is not sent again"
    odd.on = False
    wait(installation, 3700)
    assert installation.answers()["odd"]["outcome"] == "adopted"
    assert len(installation.books()) == len(NAMES)


@pytest.mark.parametrize("text", [NUL, HALF, '"\\u0000"'])
def test_a_refusal_in_broken_words_is_told(installation, odd, text):
    odd.place, odd.raw, odd.also = ("ValidationErrors",), f'[{{"Message": {text}}}]', {"HasErrors": True}
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    told = installation.answers()
    assert {name for name, one in told.items() if one["type"] == "succeeded"} == set(NAMES) - {"odd"}
    assert told["odd"]["xero_words"] == json.loads(text).replace("\0", "\ufffd").replace("\ud83d", "\ufffd")


@pytest.mark.parametrize(("place", "raw"), [NO_VALUES[0], NO_VALUES[8], NO_VALUES[11]])
def test_a_change_waits_while_xeros_copy_cannot_be_read(installation, odd, place, raw):
    odd.on, odd.place, odd.raw = False, place, raw
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    odd.on = True
    installation.later(7200)
    installation.ask(*(an_invoice(name, revision=2, reference="new") for name in NAMES), request="r2")
    installation.run()
    wait(installation, 310)
    told = installation.answers("r2")
    assert {name: one["outcome"] for name, one in told.items()} == dict.fromkeys(set(NAMES) - {"odd"}, "updated")
    odd.on = False
    wait(installation, 310)
    assert installation.answers("r2")["odd"]["outcome"] == "updated"


@pytest.mark.parametrize(("place", "raw"), [NO_VALUES[0], NO_VALUES[8], NO_VALUES[11]])
def test_a_change_whose_answer_cannot_be_read_is_found_to_have_arrived(installation, odd, place, raw):
    odd.on, odd.place, odd.raw = False, place, raw
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    odd.on, odd.methods = True, ("POST",)
    installation.later(7200)
    installation.ask(*(an_invoice(name, revision=2, reference="new") for name in NAMES), request="r2")
    installation.run()
    installation.settle_down(2)
    assert {one["outcome"] for one in installation.answers("r2").values()} == {"updated"}
    assert len(installation.answers("r2")) == len(NAMES)


@pytest.mark.parametrize(("place", "raw"), [NO_VALUES[0], NO_VALUES[8], NO_VALUES[11]])
def test_what_cannot_be_read_is_neither_drift_nor_gone_nor_taken_over(installation, odd, place, raw):
    odd.on, odd.place, odd.raw = False, place, raw
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    odd.on = True
    for book in installation.books():
        book["UpdatedDateUTC"] = f"/Date({int((installation.now().timestamp() + 5) * 1000)}+0000)/"
    installation.later(7200)
    reconciler.reconcile(installation.tools, "test")
    assert installation.events("invoice.export.drift_found") == []
    claim = Claim(id="old", number="N-odd", client="acme", date="2026-11-20", currency="USD")
    done = adopt.adopt(installation.tools, builders.COMPANY, [claim], "olga", "it is ours", lambda _seconds: None)
    assert done.taken == {}
    assert "cannot be read" in done.refused["old"]


def test_what_the_exporter_itself_fails_on_stops_no_neighbour(installation, monkeypatch):
    """In the answer of the call, and in the look-ups that follow; after half a day a person is asked."""
    real = export_results.row_of_result

    def row(work, tools, result, *more):
        if result.export.invoice == "odd":
            raise ZeroDivisionError
        return real(work, tools, result, *more)

    monkeypatch.setattr(export_results, "row_of_result", row)
    installation.ask(*(an_invoice(name) for name in NAMES))
    installation.run()
    installation.settle_down(2)
    assert {name: one["type"] for name, one in installation.answers().items()} == dict.fromkeys(
        set(NAMES) - {"odd"}, "succeeded"
    )
    assert installation.markers()["odd"] == "uncertain"
    for _ in range(4):
        wait(installation, 14_500)
    assert installation.answers()["odd"]["reason"] == "perhaps_in_xero"
    assert len(installation.books()) == len(NAMES)


def test_a_xero_of_later_that_says_more_and_less_is_understood_first_and_at_a_change_and_after_a_lost_answer(
    installation,
):
    """New kinds of phone and address, elements nobody knows, and none that an invoice can do without."""
    installation.simulator.state.switches.answers_of_later = True
    lines = [{"description": "Crew", "quantity": "2", "unit_amount": "80.00", "discount_rate": "10"}]
    installation.ask(an_invoice(revision=1, lines=lines), request="first")
    installation.run()
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice(revision=2, lines=[{**lines[0], "quantity": "3"}]), request="second")
    installation.run()
    installation.settle_down(2)
    told = [installation.answers(request)["i1"] for request in ("first", "second")]
    assert [(one["type"], one["verified"], one["differences"]) for one in told] == [("succeeded", True, [])] * 2
    (book,) = installation.books()
    assert float(book["SubTotal"]) == 216.0
