"""The chaos harness in its short form, as anyone runs it, and what its checks find in made-up evidence."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.chaos import checks, checks_of_kinds, receiver, world
from benchmarks.chaos.books import Book, CreatedContact
from benchmarks.chaos.evidence import Evidence, Told
from benchmarks.chaos.host import ALLOCATED, COMPLETED, CREATED, FILED
from benchmarks.chaos.plan import LISTED, TROUBLES, Plan
from benchmarks.chaos.readers import Taken

ROOT = Path(__file__).parents[2]
SEED = "220"  # clocks die early: what they hold is held until its lease ends
ONCE = ("suspended", "frozen", "up", "receiver", "reader", "emptied", "migrate", "login")


@pytest.mark.ci
@pytest.mark.xdist_group("live")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_twice_lost_or_unanswered_when_anything_is_killed(database):
    command = [sys.executable, "-m", "benchmarks.chaos", "--short", "--json", "--database", database]
    sizes = ["--invoices", "600", "--companies", "6", "--seed", SEED]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [*command, *sizes], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1170, check=False
    )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert {name: found for name, found in said["findings"].items() if found} == {}
    assert said["counts"]["documents in Xero"] == said["counts"]["documents wanted in Xero"] > 600
    assert said["counts"]["allocations in Xero"] == 6 * 4
    assert said["counts"]["files in Xero"] == 6 * 6
    assert said["counts"]["contacts created in Xero"] == 6
    assert said["counts"]["webhooks of Xero"] > 6 * 2
    assert said["counts"]["raised anew"] == 6 * 2 * 3
    assert said["counts"]["answers that say verified"] > 500
    assert said["blows"]["worker"] + said["blows"]["group"] >= 6
    assert said["happened"]["lost their worker after sending"] + said["happened"]["looked up in Xero"] > 0
    assert {said["blows"][blow] for blow in ONCE} == {1}
    assert said["faults"]["expire_tokens"] == len(LISTED["expire_tokens"])
    assert done.returncode == 0


BOOKS = {
    "credit": lambda book: bool(book.given),
    "refund": lambda book: book.document == "credit_note" and not book.given,
    "credited": lambda book: "-credited-" in book.mark and book.document == "invoice",
    "files": lambda book: bool(book.files),
}


@pytest.fixture(scope="module")
def asked():
    return world.of(Plan(1, "sqlite", 200, 3))


def in_xero(asked, company, invoice, content):
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
        document=content.document,
        **beside(asked, company, invoice, content),
    )


def beside(asked, company, invoice, content):
    """What else Xero has of it: what is allocated of a credit note, what is due of an invoice, its files."""
    promised = asked.promised
    if content.document == "credit_note":
        credited, amount = promised.allocations.get((company, invoice), ("", None))
        return {"given": ((f"id-{credited}-1", amount),) if credited else ()}
    due = promised.dues.get((company, invoice), [content.total])[-1]
    credited = sum((sum_ for one, sum_ in promised.allocations.values() if one == invoice), Decimal(0))
    return {"due": due, "credited": credited, "files": promised.files.get((company, invoice), ())}


@pytest.fixture
def evidence(asked):
    """What a run leaves behind that has kept every promise."""
    books = [in_xero(asked, company, invoice, content) for (company, invoice), content in asked.wanted.items()]
    books += [
        replace(in_xero(asked, company, invoice, content), id="old", generation=earlier, status="DELETED")
        for (company, invoice), content in asked.wanted.items()
        for earlier in range(1, content.generation)
    ]
    ledgers = {}
    for (company, request, invoice), content in asked.meant.items():
        ledgers.setdefault((company, request), []).append(in_xero(asked, company, invoice, content))
    told = []
    for number, ((company, request, invoice), said) in enumerate(asked.answers.items()):
        content = asked.meant.get((company, request, invoice)) or asked.wanted.get((company, invoice))
        xero_id = f"id-{invoice}-{content.generation}" if content else None
        good = said == "succeeded"
        reason = None if good else "still_in_xero"
        net = content.net if good else None
        total = content.net + content.tax if good else None
        told.append(Told(f"event-{number}", company, request, invoice, said, reason, xero_id, good, net, total))
    ids = {one.event: as_sent(one) for one in told}
    last = {(one.company, one.request): one.event for one in told}
    done = {
        f"{one.company}-{one.request}-done": as_sent(one, COMPLETED) for one in told if one.event in last.values()
    }
    statuses = {key: ("exported", f"id-{key[1]}-{one.generation}") for key, one in asked.wanted.items()}
    everything = {**ids, **done, **dict(told_of_kinds(asked))}
    return Evidence(
        books=books,
        told=told,
        contacts=[CreatedContact(company, name, name) for (company, _), name in asked.promised.clients.items()],
        completed=dict.fromkeys(asked.requests, 1),
        outbox=everything,
        streamed=dict.fromkeys(everything, 1),
        logged=ids,
        statuses=statuses,
        ledgers=ledgers,
        taken=Taken(
            received={
                "/all": list(everything.items()),
                "/crew-03": [(id_, body) for id_, body in everything.items() if '"company": "crew-03"' in body],
            },
            shown=statuses,
            feed=list(everything.items()),
        ),
    )


def as_sent(told, kind=""):
    """An event as it is sent, in short."""
    data = {"company": told.company, "request": told.request, **({} if kind else {"invoice": told.invoice})}
    return json.dumps({"type": kind or f"invoice.export.{told.said}", "data": data})


def told_of_kinds(asked):
    """The events beside answers, each with its id."""
    promised, said = asked.promised, []
    for (company, note), (invoice, amount) in promised.allocations.items():
        about = {"company": company, "invoice": note, "credits": invoice, "allocated": str(amount)}
        said.append((ALLOCATED, about, None))
    for (company, invoice), times in promised.completions.items():
        about = {"company": company, "invoice": invoice, "failed": 0}
        attached = len(promised.files[company, invoice])
        said += [(FILED, {**about, "attached": attached, "change": change + 1}, None) for change in range(times)]
    for company, client in promised.clients:
        about = {"company": company, "client": client, "created": True}
        asked_for = [wish for wish in promised.wishes if wish == f"wish-{client.removeprefix('client-')}-anna"]
        said.append((CREATED, about, (asked_for or [None])[0]))
    refused = [wish for wish in sorted(promised.wishes) if wish.endswith("-bert")]
    said += [(checks_of_kinds.REJECTED, refusal(wish), wish) for wish in refused]
    for (company, invoice), dues in promised.dues.items():
        total = asked.wanted[company, invoice].total
        about = {"company": company, "invoice": invoice, "total": str(total), "credited": "0.00"}
        sums = [{**about, "paid": str(total - due), "due": str(due)} for due in dues]
        said += [("invoice.paid", {**one, "change": change}, None) for change, one in enumerate(sums, 1)]
    return [
        (f"beside-{number}", json.dumps({"type": kind, "data": data, "causationid": cause}))
        for number, (kind, data, cause) in enumerate(said)
    ]


def refusal(wish):
    """What the second admin is told."""
    id_ = wish.removeprefix("wish-").removesuffix("-bert")
    return {"company": id_.partition("-fresh")[0], "client": f"client-{id_}", "reason": "linked_already"}


def found(asked, evidence):
    return {name for name, offenders in checks.findings(asked, evidence).items() if offenders}


def test_the_checks_find_nothing_where_every_promise_was_kept(asked, evidence):
    assert found(asked, evidence) == set()


def test_the_checks_find_each_kind_of_broken_promise(asked, evidence):
    books, told = list(evidence.books), list(evidence.told)
    first, second = books[0], told[0]
    nothing: dict[str, str] = {}
    received, shown, feed = evidence.taken.received, evidence.taken.shown, list(evidence.taken.feed)
    everything, own, another = (
        received["/all"],
        received["/crew-03"],
        ("event-1", json.dumps({"type": "", "data": {}})),
    )
    (one, (_, xero_id)), *_ = shown.items()

    def taken(**other):
        return {"taken": replace(evidence.taken, **other)}

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
        (taken(refused=["event-1"]), "webhooks or pages of the feed refused"),
        (taken(received={**received, "/all": everything[1:]}), "not at the endpoint"),
        (taken(received={**received, "/all": [*everything, another]}), "at the endpoint with another body"),
        (taken(received={**received, "/all": everything[::-1]}), "at the endpoint before what it sums up"),
        (taken(received={**received, "/crew-03": own[::-1]}), "at the endpoint before what it sums up"),
        (taken(received={**received, "/crew-03": everything}), "at another company's endpoint"),
        (taken(received={**received, "/crew-03": own[1:]}), "answers not at the company's endpoint"),
        (taken(shown={**shown, one: ("failed", xero_id)}), "the endpoint's table and ours disagree"),
        (taken(shown={**shown, one: ("exported", "another")}), "the endpoint's table and ours disagree"),
        (taken(shown=nothing), "the endpoint's table and ours disagree"),
        (taken(feed=feed[1:]), "not in the feed as it was read"),
        (taken(feed=[*feed, feed[0]]), "twice in the feed as it was read"),
        (taken(feed=[feed[1], feed[0], *feed[2:]]), "out of order in the feed as it was read"),
        (taken(feed=[*feed, another]), "in the feed with another body"),
    ):
        assert name in found(asked, replace(evidence, **broken)), name


def test_the_checks_find_what_is_broken_of_credit_notes_files_contacts_and_payments(asked, evidence):
    books, outbox = list(evidence.books), evidence.outbox
    place = {kind: next(at for at, one in enumerate(books) if of(one)) for kind, of in BOOKS.items()}

    def in_books(kind, **other):
        changed = list(books)
        changed[place[kind]] = replace(books[place[kind]], **other)
        return {"books": changed}

    def told(kind, times=1, **other):
        """The first event of this kind comes so many times, or says something else."""
        id_ = next(one for one, body in outbox.items() if json.loads(body)["type"] == kind)
        event = json.loads(outbox[id_])
        said = json.dumps({**event, "data": {**event["data"], **other}})
        return {"outbox": {**{one: body for one, body in outbox.items() if one != id_}, **also(id_, said, times)}}

    def also(id_, said, times):
        return {f"{id_}-{time}": said for time in range(times)}

    (invoice, amount), *_ = books[place["credit"]].given
    (file, *others), first = books[place["files"]].files, evidence.contacts[0]
    sheet = next(iter(asked.promised.files))
    more = {"type": checks_of_kinds.UNALLOCATED, "data": {"company": "crew-01", "invoice": "x", "waits": False}}
    edit = {"type": checks_of_kinds.EDITED, "data": {"company": sheet[0], "invoice": sheet[1]}}
    for broken, name in (
        (in_books("credit", given=((invoice, amount), (invoice, amount))), "allocated twice"),
        (in_books("credit", given=((invoice, amount + 1),)), "allocated otherwise than asked for"),
        (in_books("credit", given=()), "allocated otherwise than asked for"),
        (in_books("refund", given=((invoice, amount),)), "allocated otherwise than asked for"),
        (in_books("credited", credited=Decimal(1)), "credited with another sum"),
        (told(ALLOCATED, 2), "allocations not told once"),
        (told(ALLOCATED, 0), "allocations not told once"),
        (told(ALLOCATED, allocated="0.01"), "allocations told with another sum"),
        ({"outbox": {**outbox, "x": json.dumps(more)}}, "allocations given up"),
        (in_books("files", files=(file, file, *others)), "files at an invoice twice"),
        (in_books("files", files=tuple(others)), "files missing at an invoice"),
        (in_books("files", files=(file, *others, "x")), "files that nobody named"),
        (told(FILED, 2), "files not told once"),
        (told(FILED, 0), "files not told once"),
        (told(FILED, failed=1), "files told otherwise"),
        ({"contacts": [*evidence.contacts, replace(first, name="x")]}, "contacts created twice, by number"),
        ({"contacts": [*evidence.contacts, replace(first, number="x")]}, "contacts created twice, by name"),
        ({"contacts": evidence.contacts[1:]}, "contacts not created"),
        ({"contacts": [*evidence.contacts, replace(first, name="x")]}, "contacts that nobody asked for"),
        (told(CREATED, 2), "contacts not told once"),
        (told(checks_of_kinds.REJECTED, 2), "wishes not answered once"),
        (told(checks_of_kinds.REJECTED, reason="name_taken"), "wishes refused"),
        (told("invoice.paid", 0), "payments not told"),
        (told("invoice.paid", 2), "payments told twice"),
        (told("invoice.paid", due="0.07"), "payments that nobody made"),
        (told("invoice.paid", paid="0.07"), "told with sums that do not come out"),
        (in_books("credited", due=Decimal(7)), "due is otherwise in Xero"),
        ({"outbox": {**outbox, "x": json.dumps(edit)}}, "edits told that nobody made"),
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
    faults = {kind: len(places) for kind, places in LISTED.items() if kind != "retry_after"}
    deliveries = dict.fromkeys(TROUBLES, 1)
    assert plan.missing(struck, faults, deliveries) == []
    assert plan.missing({**struck, "suspended": struck["suspended"] - 1}, faults, deliveries) == ["blow suspended"]
    assert plan.missing(struck, {**faults, "limit_day": 0}, deliveries) == ["fault limit_day"]
    assert plan.missing(struck, {**faults, "expire_tokens": 1}, deliveries) == ["fault expire_tokens"]
    assert plan.missing(struck, faults, {**deliveries, "hung": 0}) == ["delivery hung"]
    assert Plan(1, "sqlite", 200, 3).missing({**struck, "terminated": 0}, faults, deliveries) == []


def test_the_host_takes_an_event_once_and_shows_the_highest_sequence_and_goes_on_where_it_was_killed(tmp_path):
    """What a run is judged by: the host of the guide, in the host's own database."""
    file = tmp_path / "host.sqlite"

    def taken(id_, sequence, marker):
        data = {"company": "crew-01", "invoice": "i", "sequence": sequence, "marker": marker, "xero_invoice_id": id_}
        receiver.Inbox(file).take("/all", json.dumps({"id": id_, "type": "", "data": data}))

    for event in (("a", 1, "failed"), ("b", 3, "exported"), ("late", 2, "failed"), ("a", 9, "failed")):
        taken(*event)
    with contextlib.closing(receiver.opened(file)) as inbox:
        assert inbox.execute("SELECT event FROM inbox ORDER BY place").fetchall() == [("a",), ("b",), ("late",)]
        assert inbox.execute("SELECT marker, xero_invoice_id FROM markers").fetchall() == [("exported", "b")]
    troubles = [receiver.Inbox(file).begin("/all", "a") for _ in range(60)]
    assert set(troubles) == {"", *TROUBLES}
    receiver.become_calm(file)
    assert {receiver.Inbox(file).begin("/all", "a") for _ in range(60)} == {""}


def test_the_first_company_has_half_of_all_and_some_events_come_twice(asked):
    ids = [event["id"] for event in asked.deliveries]
    sent = [event["data"] for event in asked.deliveries]
    invoices = {(said["company"], invoice["id"]) for said in sent for invoice in said["invoices"]}
    assert len(invoices) == 200
    assert sum(company == "crew-01" for company, _ in invoices) == 100
    assert len(set(ids)) < len(ids)
