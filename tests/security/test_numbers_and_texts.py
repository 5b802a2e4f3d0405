"""Numbers and texts that are none, as a host sends them through the door: nothing of them reaches Xero's books."""

import json

import pytest
import uvicorn

from tests import machines
from tests.builders import a_request, an_invoice
from tests.doors.host import Host
from web import main

NUMBERS = [
    "\uff11\uff12",
    "\u0663",
    "1_000",
    "1e3",
    "0x10",
    "1,5",
    "\u22125",
    "5\u00a0000",
    "١٢٣",
    "½",
    "²",
    "\U0001d7d9",
    "1\u200b0",
]
TURNING = ["\u202a", "\u202d", "\u202e", "\u2066", "\u2067", "\u2069", "\u061c"]


@pytest.fixture
def host(installation):
    chosen = uvicorn.Config(main.build(installation.tools), log_level="error", lifespan="off")
    with machines.served(chosen) as url:
        yield Host(installation, url)


def test_no_number_that_is_none_is_billed_and_each_is_named(host, installation):
    places = ["quantity", "unit_amount", "discount_rate", "discount_amount"]
    wanted = [
        an_invoice(f"{place}-{n}", line={place: number}) for place in places for n, number in enumerate(NUMBERS)
    ]
    wanted += [an_invoice(f"total-{n}", totals={"total": number}) for n, number in enumerate(NUMBERS)]
    wanted += [an_invoice(f"rate-{n}", currency_rate=number) for n, number in enumerate(NUMBERS)]
    assert host.post(a_request(*wanted)).status_code == 202
    installation.run()
    assert installation.books() == []
    answers = installation.answers()
    assert {one["id"] for one in wanted} == set(answers)
    for answer in answers.values():
        assert (answer["reason"], answer["who"]) == ("invoice_unreadable", "clerk")
        assert "is not a number here" in answer["notification"]["message"]


def test_nothing_that_turns_the_direction_of_reading_reaches_the_books(host, installation):
    for n, sign in enumerate(TURNING):
        text = f"a{sign}b"
        client = {"id": "acme", "name": text}
        host.post(
            a_request(an_invoice(f"i{n}", line={"description": text}, reference=text, client=client), request=f"r{n}")
        )
    installation.run()
    books = installation.books()
    assert [(one["Reference"], one["LineItems"][0]["Description"]) for one in books] == [("ab", "ab")] * len(TURNING)
    told = json.dumps(installation.events(), ensure_ascii=False)
    assert not any(sign in told for sign in TURNING)


def test_in_an_id_or_a_number_they_are_refused_by_name(host, installation):
    said = [an_invoice("ok"), an_invoice("i2", number="N\u202e-2"), {**an_invoice("x"), "id": "i\u202e3"}]
    assert host.post(a_request(*said)).status_code == 202
    installation.run()
    answers = installation.answers()
    assert [one["InvoiceNumber"] for one in installation.books()] == ["N-ok"]
    assert "a character that nobody sees" in answers["i2"]["notification"]["message"]
    assert "number 3 of the request" in answers["without-id-3"]["notification"]["message"]
