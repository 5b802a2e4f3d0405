"""One box that finds invoices by any part of what a clerk knows, and anything else by how it begins."""

import importlib
import json
import re

import pytest
from sqlmodel import select

from store import companies, contacts, searching
from store.tables import Export, InvoiceSearch, LogEntry
from tests.builders import COMPANY, an_invoice
from tests.console.happenings import EVIL, TOLD, unlinked


@pytest.fixture
def reader(on_sqlite, person):
    on_sqlite.ask(an_invoice("good", number="NW-10248"), unlinked("bad", number="NB-7"), request="r-1017")
    on_sqlite.run()
    with on_sqlite.store.write() as work:
        contacts.link(work, COMPANY, "bolt", "x", said_by="t", client_name=f"Bolt {EVIL}")
    return person("read")


def suggested(reader, text):
    answer = reader.browser.get("/console/search/suggestions", params={"q": text})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return re.findall(r'href="([^"]+)"', answer.text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nw-102", "/console/invoices/harbour/good"),
        ("NB-7", "/console/invoices/harbour/bad"),
        ("goo", "/console/invoices/harbour/good"),
        ("bolt", "/console/contacts/harbour/bolt"),
        ("acm", "/console/contacts/harbour/acme"),
        ("crane", "/console/contacts/harbour/crane"),
        ("harb", "/console/companies/harbour"),
        ("arbou", "/console/companies/harbour"),
        ("R-10", "/console/requests/harbour/r-1017"),
        ("contact_not", "/console/log?reason=contact_not_mapped"),
        ("archived", "/console/log?reason=account_archived"),
        ("event-harbour-r-1017-1", "/console/requests/harbour/r-1017"),
    ],
)
def test_anything_is_found_by_how_it_begins(reader, text, address):
    assert address in suggested(reader, text)
    assert f'href="{address}"' in reader.see(f"/search?q={text}")


def test_what_xero_calls_it_and_the_id_of_an_answer_lead_to_the_invoice(reader, on_sqlite):
    xero = on_sqlite.export("good").xero_invoice_id
    assert suggested(reader, xero[:8]) == ["/console/invoices/harbour/good"]
    with on_sqlite.store.read() as work:
        entry = work.session.exec(select(LogEntry).where(LogEntry.invoice == "bad")).one()
    assert suggested(reader, entry.event_id) == ["/console/invoices/harbour/bad"]


def test_an_invoice_is_found_before_it_has_any_answer(reader, on_sqlite):
    on_sqlite.ask(an_invoice("fresh", number="NX-1"), request="r2")
    assert suggested(reader, "nx-1") == suggested(reader, "fres") == ["/console/invoices/harbour/fresh"]


def test_suggestions_are_few_and_of_every_kind(reader, on_sqlite):
    on_sqlite.ask(*[an_invoice(f"har{number}", number=f"HAR-{number}") for number in range(20)], request="harvest")
    found = suggested(reader, "har")
    assert len(found) == 8
    assert "/console/companies/harbour" in found
    assert "/console/requests/harbour/harvest" in found


@pytest.mark.parametrize("text", ["", " ", "x", "%%", "__", "zzz", "'", "\\"])
def test_what_begins_with_nothing_finds_nothing(reader, text):
    assert [one for one in suggested(reader, text) if not one.startswith("/console/search")] == []
    assert "Nothing is found" in reader.see(f"/search?q={text}") or len(text.strip()) < 2


def test_script_in_a_name_or_in_what_is_typed_is_text(reader):
    page = reader.see("/search?q=bolt") + reader.see(f"/search?q={EVIL}")
    page += reader.browser.get("/console/search/suggestions", params={"q": EVIL}).text
    assert page.count(TOLD) >= 3
    assert EVIL not in page


def test_both_databases_find_the_same(installation):
    installation.ask(an_invoice("good", number="Nw-10248"), unlinked("bad1"), request="R-1")
    installation.run()
    with installation.store.write() as work:
        companies.set_up(work, "zebra", "Zürich Crews", companies.settings_of(work, COMPANY))
    with installation.store.read() as work:
        found = {text: [one.id for one in searching.search(work, text, 8)] for text in ("nW-1", "BAD1", "r-1", "zür")}
    assert found == {"nW-1": ["good"], "BAD1": ["bad1"], "r-1": ["R-1"], "zür": ["zebra"]}


def test_what_an_event_of_ours_is_about_is_read_from_it(installation):
    installation.ask(an_invoice())
    installation.run()
    (done,) = installation.events("invoice.export.completed")
    with installation.store.read() as work:
        (found,) = searching.search(work, done["id"], 8)
    assert (found.kind, found.company, found.about) == ("event", COMPANY, ("r1", ""))
    assert json.dumps(done)


SAID = {
    "number": "ALPHA-2026-00417",
    "client": {"id": "vins", "name": "Vins et Spiritueux Ωmega Chevalier"},
    "job": "JOB-3 Hafenfest",
    "reference": "PO/7788",
    "line": {"quantity": "3", "unit_amount": "1137.95"},
}


BY_ANY_PART = [
    "00417",
    "2026-004",
    "alpha 2026 00417",
    "#ALPHA-2026",
    "alpha202600417",
    "Vins et",
    "chevalier",
    "ωMEGA",
    "spiritueux ω",
    "job-3",
    "job3",
    "HAFENFEST",
    "7788",
    "po 7788",
    "3413.85",
    "3,413.85",
    "3.413,85",
    "EUR 3,413.85",
    "00417 harbour 3,413.85",
    "invoice 417 for Vins",
    "chevalier 3413",
    "1137.95",
    "vins",
]


def test_an_invoice_is_found_by_any_part_of_what_a_clerk_says(reader, on_sqlite):
    on_sqlite.ask(an_invoice("found", **SAID), request="r2")
    assert [text for text in BY_ANY_PART if "/console/invoices/harbour/found" not in suggested(reader, text)] == []


def test_both_databases_fold_capitals_accents_and_signs(installation):
    client = {"id": "cafe", "name": "Café Österreich Ωmega"}
    installation.ask(an_invoice("odd", number="#BAD-06", client=client, reference="50%_off"))
    installation.ask(an_invoice("irish", client={"id": "on", "name": "O\u2019Neill & Sons"}), request="r2")
    with installation.store.write() as work:
        companies.set_up(work, "zebra", "ÉCLAIR Ωmega", companies.settings_of(work, COMPANY))
        companies.set_up(work, "dara", "O'Brien Roofing", companies.settings_of(work, COMPANY))
    with installation.store.read() as work:

        def found(text):
            return sorted(one.id for one in searching.search(work, text, 8) if one.kind in ("invoice", "company"))

        texts = ["bad 06", "BAD-06", "bad06", "CAFE ost", "österreich", "OSTERREICH", "0%_o"]
        wanted = {text: ["odd"] for text in texts} | {
            "eclair": ["zebra"],
            "oneill": ["irish"],
            "O'NEILL": ["irish"],
            "obrien": ["dara"],
            "''": [],
            "o\u2019brien roof": ["dara"],
            "ωMEGA": ["odd", "zebra"],
            "mega bad06 harb": ["odd"],
            "bad-06 éclair": [],
            "0%o": [],
            "a%6": [],
        }
        assert {text: found(text) for text in wanted} == wanted


def test_newer_content_is_found_and_older_is_not(installation):
    installation.ask(an_invoice(reference="first words"))
    installation.ask(an_invoice(reference="second words", revision=2), request="r2")
    with installation.store.read() as work:
        assert searching.search(work, "first words", 8) == []
        assert [one.id for one in searching.search(work, "second words", 8)] == ["i1"]


def test_enter_opens_the_only_hit(reader, on_sqlite):
    on_sqlite.ask(an_invoice("found", **SAID), request="r2")
    answer = reader.browser.get("/console/search", params={"q": "00417", "enter": "1"}, follow_redirects=False)
    assert answer.headers["location"] == "/console/invoices/harbour/found"
    on_sqlite.ask(an_invoice("other", number="BETA-00417"), request="r3")
    page = reader.see("/search?q=00417&enter=1")
    assert "invoices/harbour/found" in page
    assert "invoices/harbour/other" in page


def test_the_migration_fills_in_what_the_code_writes(installation):
    installation.ask(an_invoice("i1", **SAID), an_invoice("i2", totals={"total": "113.85"}), unlinked("b 2"))
    step = importlib.import_module("store.migrations.versions.0028_what_invoices_are_found_by")
    with installation.store.read() as work:
        kept = {row.invoice: row.text for row in work.session.exec(select(InvoiceSearch))}
        assert {row.invoice: step._text(row) for row in work.session.exec(select(Export))} == kept
