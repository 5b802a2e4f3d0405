"""`preview` at the command line: what publish takes, a table or JSON, an exit code, nothing sent."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.builders import COMPANY, a_request, an_invoice
from worker import wiring

CSV = """invoice,number,date,due_date,currency,client,client_name,description,quantity,unit_amount,account_code
i1,N-1,2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,2,40.00,
i1,N-1,2026-11-20,2026-12-20,USD,acme,ACME Ltd,Van,1,20.00,
i2,N-2,2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,1,10.00,299
"""


@pytest.fixture
def preview(on_sqlite, monkeypatch, tmp_path):
    """Previews a file of this name and content; gives exit code, output and errors."""
    monkeypatch.setattr("worker.settings.load", lambda: on_sqlite.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: on_sqlite.tools)

    def run(name, content, *words):
        path = tmp_path / name
        path.write_text(content)
        done = CliRunner().invoke(app, ["preview", str(path), *words])
        return done.exit_code, done.stdout, done.stderr

    return run


def in_one_line(table):
    return " ".join(table.replace("│", " ").split())


def test_a_csv_is_previewed_with_reason_and_remedy_and_the_code_says_that_something_would_fail(on_sqlite, preview):
    code, said, _ = preview("jobs.csv", CSV, "--company", COMPANY)
    assert code == 1
    assert "harbour → Organisation 1111: 1 will be exported, 1 would fail" in said
    assert "Account 299 on invoice N-2 has been archived or deleted in Xero." in in_one_line(said)
    assert "(bookkeeper)" in said
    assert "N-1" not in said
    assert "Total USD: 100.00 + tax 10.00 = 110.00" in said
    assert "Nothing was sent. Looking took 7 calls." in said
    assert on_sqlite.books() == []


def test_all_of_it_is_listed_when_asked_for(preview):
    _, said, _ = preview("jobs.csv", CSV, "--company", COMPANY, "--all")
    assert "N-1" in said
    assert "will be exported" in said


def test_when_all_is_fine_the_code_is_0(preview):
    code, said, _ = preview("one.json", json.dumps(an_invoice()), "--company", COMPANY)
    assert (code, "1 will be exported" in said) == (0, True)


def test_events_and_bare_invoices_may_stand_in_one_file(preview):
    lines = [json.dumps(a_request(an_invoice("a"))), json.dumps(an_invoice("b"))]
    code, said, _ = preview("mixed.jsonl", "\n".join(lines), "--company", COMPANY, "--json")
    made = json.loads(said)
    assert (code, made["unreadable"]) == (0, {})
    assert [row["invoice"] for row in made["previews"][0]["invoices"]] == ["a", "b"]


def test_what_cannot_be_read_is_named_with_its_place_and_the_rest_is_previewed(preview):
    lines = ["{", json.dumps(an_invoice("a", date="tomorrow")), json.dumps(an_invoice("b")), '{"number": "no id"}']
    code, said, _ = preview("mixed.jsonl", "\n".join(lines), "--company", COMPANY, "--json")
    made = json.loads(said)
    assert code == 1
    assert list(made["unreadable"]) == ["mixed.jsonl:1", "mixed.jsonl:4"]
    assert [row["verdict"] for row in made["previews"][0]["invoices"]] == ["fail", "create"]
    assert (
        "date: “tomorrow” is not a date here; write it like 2026-11-22"
        in made["previews"][0]["invoices"][0]["problems"][0]["message"]
    )


def test_bare_invoices_without_a_company_and_unknown_companies_are_told(preview):
    code, _, said = preview("one.json", json.dumps(an_invoice()))
    assert (code, "bare invoices need --company" in said) == (1, True)
    code, _, said = preview("one.json", json.dumps(an_invoice()), "--company", "nobody")
    assert (code, "There is no company “nobody” here." in said) == (2, True)


def test_a_change_is_shown_line_by_line_before_it_is_made(on_sqlite, preview):
    lines = [{"description": "Crew", "quantity": "2", "unit_amount": "40.00"}]
    on_sqlite.ask(an_invoice(lines=lines))
    on_sqlite.run()
    changed = an_invoice(lines=[{**lines[0], "quantity": "3"}], revision=2)
    code, said, _ = preview("one.json", json.dumps(changed), "--company", COMPANY)
    assert code == 0
    assert "line 1 quantity: 2 → 3" in said
    assert "total: 88.00 → 132.00" in said
