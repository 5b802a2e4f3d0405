"""The chaos harness in its short form, as anyone runs it, and what its checks find in made-up evidence."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos import checks, world
from benchmarks.chaos.evidence import Book, Evidence, Told
from benchmarks.chaos.plan import Plan

ROOT = Path(__file__).parents[2]


@pytest.mark.ci
@pytest.mark.xdist_group("live")
@pytest.mark.timeout(170)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_twice_lost_or_unanswered_when_anything_is_killed(database):
    command = [sys.executable, "-m", "benchmarks.chaos", "--short", "--json", "--database", database]
    sizes = ["--invoices", "600", "--companies", "6", "--seed", "4"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [*command, *sizes], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=160, check=False
    )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert {name: found for name, found in said["findings"].items() if found} == {}
    assert said["counts"]["invoices in Xero"] == said["counts"]["invoices wanted in Xero"] > 500
    assert said["blows"]["worker"] + said["blows"]["group"] >= 6
    assert said["happened"]["lost their worker after sending"] + said["happened"]["looked up in Xero"] > 0
    assert done.returncode == 0


@pytest.fixture(scope="module")
def asked():
    return world.of(Plan(1, "sqlite", 200, 3))


@pytest.fixture
def evidence(asked):
    """What a run leaves behind that has kept every promise."""
    books = [
        Book(company, f"INV {invoice.upper()}", f"id-{invoice}", f"{company}/{invoice}", net)
        for (company, invoice), net in asked.wanted.items()
    ]
    told = [
        Told(f"event-{number}", company, request, invoice, said, None, f"id-{invoice}")
        for number, ((company, request, invoice), said) in enumerate(asked.answers.items())
    ]
    ids = {one.event: "body" for one in told}
    return Evidence(
        books=books,
        told=told,
        completed={(company, request): 1 for company, request, _ in asked.answers},
        outbox=ids,
        streamed=dict.fromkeys(ids, 1),
        logged=ids,
        statuses={key: ("exported", f"id-{key[1]}") for key in asked.wanted},
    )


def found(asked, evidence):
    return {name for name, offenders in checks.findings(asked, evidence).items() if offenders}


def test_the_checks_find_nothing_where_every_promise_was_kept(asked, evidence):
    assert found(asked, evidence) == set()


def test_the_checks_find_each_kind_of_broken_promise(asked, evidence):
    books, told = list(evidence.books), list(evidence.told)
    first, second = books[0], told[0]
    nothing: dict[str, str] = {}
    for broken, name in (
        ({"books": [*books, replace(first, id="other")]}, "in Xero twice, by mark"),
        ({"books": [*books, replace(first, id="other", mark="")]}, "in Xero twice, by number"),
        ({"books": books[1:]}, "lost"),
        ({"books": [*books, replace(first, mark="crew-01/x")]}, "in Xero and not asked for"),
        ({"books": [replace(first, company="crew-03"), *books[1:]]}, "in another company's books"),
        ({"books": [replace(first, net=first.net + 1), *books[1:]]}, "with another amount"),
        ({"told": told[1:]}, "without an answer"),
        ({"told": [*told, replace(second, event="more")]}, "answered twice"),
        ({"told": [*told, replace(second, invoice="x")]}, "answered without being asked"),
        ({"told": [replace(one, said="failed") for one in told]}, "answered wrongly"),
        ({"completed": {}}, "requests not completed once"),
        ({"streamed": nothing}, "answers not on the stream"),
        ({"outbox": nothing}, "on the stream and not in the outbox"),
        ({"changed_on_stream": ["event-1"]}, "on the stream with another body"),
        ({"logged": nothing}, "log and outbox disagree"),
        ({"statuses": nothing}, "marker and ledger disagree"),
        ({"told": [replace(one, xero_invoice_id="x") for one in told]}, "answer and ledger disagree"),
    ):
        assert name in found(asked, replace(evidence, **broken)), name


def test_the_same_seed_asks_and_strikes_the_same(asked):
    plan = Plan(1, "sqlite", 200, 3)
    assert world.of(plan) == asked
    assert plan.timeline() == Plan(1, "sqlite", 200, 3).timeline() != Plan(2, "sqlite", 200, 3).timeline()


def test_the_first_company_has_half_of_all_and_some_events_come_twice(asked):
    ids = [event["id"] for event in asked.deliveries]
    invoices = {(company, invoice) for company, _, invoice in asked.answers}
    assert len(invoices) == 200
    assert sum(company == "crew-01" for company, _ in invoices) == 100
    assert len(set(ids)) < len(ids)
