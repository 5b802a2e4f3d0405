"""The chaos harness in its short form, as anyone runs it, and what its checks find in made-up evidence."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.chaos import checks, world
from benchmarks.chaos.evidence import Book, Evidence, Told
from benchmarks.chaos.plan import LISTED, Plan

ROOT = Path(__file__).parents[2]


@pytest.mark.ci
@pytest.mark.xdist_group("live")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_twice_lost_or_unanswered_when_anything_is_killed(database):
    command = [sys.executable, "-m", "benchmarks.chaos", "--short", "--json", "--database", database]
    sizes = ["--invoices", "600", "--companies", "6", "--seed", "4"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [*command, *sizes], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=290, check=False
    )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert {name: found for name, found in said["findings"].items() if found} == {}
    assert said["counts"]["invoices in Xero"] == said["counts"]["invoices wanted in Xero"] > 500
    assert said["counts"]["raised anew"] == 6 * 2 * 3
    assert said["counts"]["answers that say verified"] > 500
    assert said["blows"]["worker"] + said["blows"]["group"] >= 6
    assert said["happened"]["lost their worker after sending"] + said["happened"]["looked up in Xero"] > 0
    assert said["blows"]["suspended"] == said["blows"]["frozen"] == 1
    assert said["faults"]["expire_tokens"] == len(LISTED["expire_tokens"])
    assert done.returncode == 0


@pytest.fixture(scope="module")
def asked():
    return world.of(Plan(1, "sqlite", 200, 3))


def in_xero(company, invoice, content):
    return Book(
        company=company,
        number=content.number,
        id=f"id-{invoice}-{content.generation}",
        mark=f"{company}/{invoice}",
        contact=content.contacts[0],
        date=content.date,
        due_date=content.due_date,
        lines=content.lines,
        net=content.net,
        generation=content.generation,
        tax=content.tax,
        currency=content.currency,
        amounts_are=content.amounts_are,
    )


@pytest.fixture
def evidence(asked):
    """What a run leaves behind that has kept every promise."""
    books = [in_xero(company, invoice, content) for (company, invoice), content in asked.wanted.items()]
    books += [
        replace(in_xero(company, invoice, content), id="old", generation=earlier, status="DELETED")
        for (company, invoice), content in asked.wanted.items()
        for earlier in range(1, content.generation)
    ]
    ledgers = {}
    for (company, request, invoice), content in asked.meant.items():
        ledgers.setdefault((company, request), []).append(in_xero(company, invoice, content))
    told = []
    for number, ((company, request, invoice), said) in enumerate(asked.answers.items()):
        content = asked.meant.get((company, request, invoice)) or asked.wanted.get((company, invoice))
        xero_id = f"id-{invoice}-{content.generation}" if content else None
        good = said == "succeeded"
        reason = None if good else "still_in_xero"
        net = content.net if good else None
        total = content.net + content.tax if good else None
        told.append(Told(f"event-{number}", company, request, invoice, said, reason, xero_id, good, net, total))
    ids = {one.event: "body" for one in told}
    return Evidence(
        books=books,
        told=told,
        completed={(company, request): 1 for company, request, _ in asked.answers},
        outbox=ids,
        streamed=dict.fromkeys(ids, 1),
        logged=ids,
        statuses={key: ("exported", f"id-{key[1]}-{one.generation}") for key, one in asked.wanted.items()},
        ledgers=ledgers,
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
        ({"told": [replace(one, net=first.net + 1) for one in told]}, "said with another sum"),
        ({"told": [replace(one, total=first.net + 1) for one in told]}, "said with another sum"),
        ({"told": [replace(one, said="failed") for one in told]}, "failed, and in Xero as wanted"),
    ):
        assert name in found(asked, replace(evidence, **broken)), name


@pytest.mark.parametrize(
    "otherwise",
    [
        {"number": "INV 1"},
        {"contact": "somebody"},
        {"date": "2026-01-01"},
        {"due_date": "2026-01-01"},
        {"lines": ()},
        {"net": Decimal(7)},
        {"tax": Decimal(7)},
        {"currency": "CHF"},
        {"amounts_are": "otherwise"},
        {"generation": 9},
        {"status": "VOIDED"},
    ],
)
def test_verified_is_false_where_xero_has_it_otherwise_now_or_had_it_when_it_was_said(asked, evidence, otherwise):
    """First of an invoice that nothing followed, then of one whose request was followed by others."""
    now = replace(evidence, books=[replace(evidence.books[0], **otherwise), *evidence.books[1:]])
    (request, books), *_ = evidence.ledgers.items()
    then = replace(evidence, ledgers={**evidence.ledgers, request: [replace(books[0], **otherwise), *books[1:]]})
    for name in ("verified, and otherwise in Xero", "succeeded, and otherwise in Xero"):
        assert name in found(asked, now)
        assert name in found(asked, then)


def test_a_generation_is_neither_twice_nor_missing(asked, evidence):
    old = next(book for book in evidence.books if not book.alive)
    others = [book for book in evidence.books if book is not old]
    assert "in Xero and not asked for" in found(
        asked, replace(evidence, books=[*others, replace(old, status="AUTHORISED")])
    )
    assert "in Xero twice, by mark" in found(asked, replace(evidence, books=[*others, old, replace(old, id="more")]))
    assert "lost" in found(asked, replace(evidence, books=others))


def test_a_failure_that_says_that_it_lives_in_xero_is_not_false(asked, evidence):
    reasons = {one.reason for one in evidence.told if one.said == "failed" and "-alive-" in one.invoice}
    assert reasons == {"still_in_xero"}
    other = [replace(one, reason="number_used_twice") for one in evidence.told]
    assert "failed, and in Xero as wanted" in found(asked, replace(evidence, told=other))


def test_the_same_seed_asks_and_strikes_the_same(asked):
    plan = Plan(1, "sqlite", 200, 3)
    assert world.of(plan) == asked
    assert plan.timeline() == Plan(1, "sqlite", 200, 3).timeline() != Plan(2, "sqlite", 200, 3).timeline()


def test_what_was_asked_for_and_did_not_happen_is_found():
    plan = Plan(1, "postgresql", 200, 3)
    struck = {blow: plan.timeline().count(blow) for blow in plan.blows}
    faults = {kind: 1 for kind in LISTED if kind != "retry_after"}
    assert plan.missing(struck, faults) == []
    assert plan.missing({**struck, "suspended": struck["suspended"] - 1}, faults) == ["blow suspended"]
    assert plan.missing(struck, {**faults, "limit_day": 0}) == ["fault limit_day"]
    assert Plan(1, "sqlite", 200, 3).missing({**struck, "terminated": 0}, faults) == []


def test_the_first_company_has_half_of_all_and_some_events_come_twice(asked):
    ids = [event["id"] for event in asked.deliveries]
    sent = [event["data"] for event in asked.deliveries]
    invoices = {(said["company"], invoice["id"]) for said in sent for invoice in said["invoices"]}
    assert len(invoices) == 200
    assert sum(company == "crew-01" for company, _ in invoices) == 100
    assert len(set(ids)) < len(ids)
