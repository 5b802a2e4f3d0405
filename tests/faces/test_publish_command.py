"""`publish` at the command line: it refuses what preview refuses, in the same words, and its exit code tells."""

import dataclasses
import json

import pytest
import uvicorn
from typer.testing import CliRunner

from cli.main import app
from cli.publish import Door
from tests import machines
from tests.builders import COMPANY, a_request, an_invoice
from web import main
from worker import settings, wiring

HEAD = "invoice,number,date,due_date,currency,client,client_name,description,quantity,unit_amount"
ROW = "2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,1"
GOOD = f"{HEAD}\na1,A-1,{ROW},10.00\na2,A-2,{ROW},20.00\n"
MIXED = f'{GOOD}a1,A-1,{ROW},900,00\na3,A-3,{ROW},"1,234.50"\n'


@pytest.fixture
def command(on_sqlite, monkeypatch, tmp_path):
    """Runs a command on a file of this name and content; turns are taken while it waits."""
    chosen = uvicorn.Config(main.build(on_sqlite.tools), log_level="error", lifespan="off")
    with machines.served(chosen) as url:
        tools = dataclasses.replace(
            on_sqlite.tools, settings=on_sqlite.settings.model_copy(update={"public_url": url})
        )
        monkeypatch.setattr(settings, "load", lambda: tools.settings)
        monkeypatch.setattr("worker.settings.load", lambda: tools.settings)
        monkeypatch.setattr(wiring, "build", lambda *_args, **_named: tools)
        seen = Door.progress

        def after_turns(door, company, request):
            on_sqlite.run()
            return seen(door, company, request)

        monkeypatch.setattr(Door, "progress", after_turns)

        def run(what, name, content, *words):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            done = CliRunner().invoke(app, [what, str(path), "--company", COMPANY, *words])
            return done.exit_code, done.stdout, done.stderr

        yield run


def numbers(installation):
    return sorted(one["InvoiceNumber"] for one in installation.books())


def test_all_in_xero_ends_with_0(command, on_sqlite):
    code, said, _ = command("publish", "good.csv", GOOD, "--wait")
    assert (code, "2 in Xero, 0 failed" in said) == (0, True)
    assert numbers(on_sqlite) == ["A-1", "A-2"]


def test_an_invoice_that_failed_ends_with_1(command, on_sqlite):
    """It was 0 with “1 in Xero, 2 failed”."""
    wanted = [an_invoice("ok"), an_invoice("eur", currency="EUR")]
    code, said, _ = command("publish", "two.json", json.dumps(wanted), "--wait")
    assert (code, "1 in Xero, 1 failed" in said) == (1, True)
    assert numbers(on_sqlite) == ["N-ok"]


def test_nothing_to_be_done_ends_with_2(command):
    assert command("publish", "good.csv", GOOD, "--mood", "x")[0] == 2
    assert command("preview", "good.csv", GOOD, "--company", "nobody")[0] == 2


def test_preview_and_publish_say_the_same_and_the_others_go(command, on_sqlite):
    code, foreseen, _ = command("preview", "mixed.csv", MIXED, "--json")
    told = json.loads(foreseen)["unreadable"]
    assert code == 1
    code, said, _ = command("publish", "mixed.csv", MIXED, "--wait", "--json")
    done = json.loads(said[f"\n{said}".index("\n{") :])
    assert code == 1
    assert dict(done["refused"]) == told
    assert told["mixed.csv:2"] == [
        "row 4: 11 cells where there are 10 columns; “900,00” may be one number, which is written with a point and no"
        " comma; a cell with the separator in it stands in quotes"
    ]
    assert told["mixed.csv:5"] == ["row 5, column unit_amount: “1,234.50” is not a number here; write 1234.50"]
    assert numbers(on_sqlite) == ["A-2"]


def test_all_or_nothing_sends_nothing_while_something_cannot_be_read(command, on_sqlite):
    code, _, said = command("publish", "mixed.csv", MIXED, "--all-or-nothing", "--wait")
    assert (code, "Nothing was sent." in said) == (1, True)
    wanted = [an_invoice("ok"), an_invoice("bad", date="soon")]
    code, _, said = command("publish", "two.json", json.dumps(wanted), "--all-or-nothing")
    assert (code, "date: “soon” is not a date here" in " ".join(said.split())) == (1, True)
    assert numbers(on_sqlite) == []
    code, _, _ = command("publish", "good.csv", GOOD, "--all-or-nothing", "--wait")
    assert (code, numbers(on_sqlite)) == (0, ["A-1", "A-2"])


def test_an_odd_id_is_in_xero_and_one_that_is_none_is_told_by_its_place(command, on_sqlite):
    """0 of 3 were sent, and preview had said 2 of 3."""
    rows = [f"p1,P-1,{ROW},1.00", f"2026/114,P-2,{ROW},1.00", f"p3,P-3,{ROW},1.00"]
    code, said, _ = command("publish", "ids.csv", "\n".join([HEAD, *rows]), "--wait")
    assert (code, "3 in Xero" in said) == (0, True)
    wanted = [an_invoice("q1"), {**an_invoice("q2"), "id": None}, {**an_invoice("q3"), "id": 1002}]
    code, _, said = command("publish", "ids.json", json.dumps(wanted), "--wait")
    assert (code, "ids.json[2]: id: is missing" in said) == (1, True)
    assert numbers(on_sqlite) == ["N-q1", "N-q3", "P-1", "P-2", "P-3"]


def test_the_encoding_that_was_taken_is_said_where_it_is_not_utf_8(command, on_sqlite):
    text = GOOD.replace("Crew", "café et façade")
    code, _, said = command("publish", "western.csv", text.encode("cp1252"), "--wait")
    assert (code, "it was read as Windows-1252: “café”, “façade" in " ".join(said.split())) == (0, True)
    assert on_sqlite.books()[0]["LineItems"][0]["Description"] == "café et façade"


def test_an_event_that_cannot_be_read_does_not_hold_back_those_behind_it(command, on_sqlite, monkeypatch):
    """Also where so much waits already that it is not kept: to wait would mend nothing."""
    few = on_sqlite.settings.model_copy(update={"open_dead_letters": 1})
    object.__setattr__(on_sqlite.tools, "settings", few)
    monkeypatch.setattr("cli.publish.time.sleep", lambda _: pytest.fail("it waits for what never comes"))
    events = [
        {**a_request(an_invoice(f"i{number}"), request=f"r{number}", mode=mode), "id": f"e{number}"}
        for number, mode in enumerate(("singel", "singel", "bulk"))
    ]
    code, said, warned = command("publish", "events.jsonl", "\n".join(map(json.dumps, events)))
    assert (code, "1 invoices accepted in 1 requests" in said) == (1, True)
    assert warned.count("data.mode: ") == 2
    assert warned.count("is not kept") == 1
