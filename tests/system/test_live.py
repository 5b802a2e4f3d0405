"""The real processes: publish by command, kill a worker in the middle, read what stands where."""

import json
import os
import signal
from collections import Counter

import pytest

from cli import csv_invoices
from demo import run as demo
from store import ops_summary
from tests.builders import an_invoice
from tests.machines import wait_for
from tests.system.live import Live

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def orders():
    return [one.document for one in csv_invoices.invoices(demo.SAMPLE)]


@pytest.fixture(scope="module")
def live(tmp_path_factory, orders):
    fast = {
        "LEASE_SECONDS": "4",
        "SETTLE_SECONDS": "4",
        "SWEEP_SECONDS": "1",
        "READ_TIMEOUT_SECONDS": "2",
        "CONNECT_TIMEOUT_SECONDS": "1",
    }
    made = Live(tmp_path_factory.mktemp("live"), **fast)
    made.start(orders)
    yield made
    made.stop()


def write(live, name, *lines):
    path = live.home / name
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_worker_killed_in_the_middle_of_a_bulk_leaves_the_same_ledger(live, orders):
    live.xero.put("/faults", json={"latency": 0.25})
    path = write(
        live,
        "bulk.jsonl",
        *[{**order, "id": f"K{order['id']}", "number": f"K-{order['number']}"} for order in orders],
    )
    live.command("publish", path, "--company", "harbour-crew")
    wait_for(lambda: len(live.calls("PUT")) >= 1)
    os.killpg(live.process("worker-1").child.pid, signal.SIGKILL)
    live.xero.put("/faults", json={})

    (progress,) = live.read("publish", path, "--company", "harbour-crew", "--wait")["progress"]
    assert (progress["exported"], progress["failed"]) == (len(orders), 0)
    numbers = Counter(book["InvoiceNumber"] for book in live.books())
    assert set(numbers.values()) == {1}
    assert set(numbers) == {f"K-{order['number']}" for order in orders}
    assert live.process("worker-1").deaths >= 1


def test_a_worker_told_to_stop_finishes_its_call_first(live):
    path = write(live, "stop.jsonl", an_invoice("stopping", client={"id": "C01", "name": "Harbour Master Ltd"}))
    live.xero.put("/faults", json={"latency": 1.0})
    before = len(live.calls("PUT"))
    live.command("publish", path, "--company", "harbour-crew")
    wait_for(lambda: in_flight(live))
    worker = live.process("worker-1").child
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    live.xero.put("/faults", json={})
    assert live.read("why", "stopping")[0]["attempts"][0]["outcome"] == "posted"
    assert len(live.calls("PUT")) == before + 1


def in_flight(live):
    with live.tools.store.read() as work:
        return ops_summary.overview(work).in_flight


def test_the_same_file_again_says_that_nothing_changes(live):
    path = write(live, "once.jsonl", an_invoice("once", client={"id": "C01", "name": "Harbour Master Ltd"}))
    assert "1 invoices accepted" in live.command("publish", path, "--company", "harbour-crew", "--wait").stdout
    before = len(live.books())
    assert "nothing changes in Xero" in live.command("publish", path, "--company", "harbour-crew", "--wait").stdout
    assert len(live.books()) == before


def test_bad_lines_are_named_kept_and_the_rest_goes_on(live):
    good = an_invoice("good-line", client={"id": "C01", "name": "Harbour Master Ltd"})
    long = json.dumps({**an_invoice("long"), "reference": "x" * 6_000_000}) + "\n"
    event = {"specversion": "1.0", "id": "e1", "source": "s", "type": "invoice.paid", "data": {}}
    path = write(
        live,
        "mixed.jsonl",
        "{not json\n",
        good,
        event,
        {"colour": "blue"},
        long,
        "[1, 2]\n",
        {"number": "N", "lines": []},
    )
    done = live.command("publish", path, "--company", "harbour-crew", "--wait", code=1)
    for told in (
        "mixed.jsonl:1: body: not JSON",
        "mixed.jsonl:3: type: “invoice.paid” is not an event we know",
        "mixed.jsonl:4: entry: neither a CloudEvent",
        "mixed.jsonl:5: body: at most 5,000,000 bytes",
        "mixed.jsonl:6: entry: must be a JSON object",
        "mixed.jsonl:7: id: is missing",
    ):
        assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert any(book["InvoiceNumber"] == "N-good-line" for book in live.books())
    letters = live.read("dead-letters")
    assert {letter["place"] for letter in letters} >= {f"mixed.jsonl:{line}" for line in (1, 3, 4, 5, 6, 7)}
    first = next(letter for letter in letters if letter["place"] == "mixed.jsonl:1")
    assert "{not json" in live.command("dead-letters", str(first["id"])).stdout


def test_a_csv_without_our_columns_says_which_are_missing(live):
    path = write(live, "wrong.csv", "a,b\n1,2\n")
    done = live.command("publish", path, "--company", "harbour-crew", code=1)
    assert "Columns missing for invoices: invoice, number" in done.stderr


def test_people_can_ask_what_stands_where(live):
    path = write(
        live, "failing.jsonl", an_invoice("euro", currency="EUR", client={"id": "C01", "name": "Harbour Master Ltd"})
    )
    live.command("publish", path, "--company", "harbour-crew", "--wait", code=1)
    assert "EUR, which is not set up" in live.command("why", "N-euro").stdout
    (group,) = [one for one in live.read("failures") if one["reason"] == "currency_not_enabled"]
    assert (group["invoices"], group["who"]) == (1, "bookkeeper")
    assert live.read("log", "--failed")[0]["number"] == "N-euro"
    status = live.read("status")
    assert status["companies"][0]["state"] == "idle"
    assert "N-euro" in live.command("why", "euro").stdout
    live.command("why", "nothing", code=1)


def test_the_doctor_finds_everything_well(live):
    found = json.loads(live.process_of("doctor", "--json").stdout)
    assert all(one["well"] for one in found.pop("connections"))
    assert {name: part["ok"] for name, part in found.items()} == dict.fromkeys(found, True)


def test_no_log_of_any_process_holds_a_name_a_number_or_a_token(live):
    text = "".join(path.read_text() for path in (live.home / "logs").glob("*.log"))
    assert "exporter.sent" in text
    for canary in ("Harbour Master", "K-CC-", "access-", "refresh-", "demo-app-secret"):
        assert canary not in text
    for line in text.splitlines():
        if line.startswith("{"):
            assert "event" in json.loads(line)


def test_start_up_names_every_missing_setting_at_once(live):
    bare = {**live.environment, "WORKER_THREADS": "many"}
    del bare["ENCRYPTION_KEYS"]
    kept, live.environment = live.environment, bare
    try:
        done = live.process_of("status", code=1)
    finally:
        live.environment = kept
    assert "ENCRYPTION_KEYS" in done.stderr
    assert "WORKER_THREADS" in done.stderr
