"""Events that come together are filed in one transaction, and nobody can tell from what is kept."""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlmodel import select

from events.codec import Unreadable
from store.inbox import OtherBody
from store.tables import Export, Item, NumberClaim, OutboxEvent, Request
from tests.builders import a_request, an_invoice
from worker.decisions.merge_rules import Receipt
from worker.intake import intake
from worker.intake.parsed_event import Brought

COMPANIES = ("ab", "bb", "at", "bt")  # the first two are told one by one what the other two are told together
TENANTS = {company: f"{place}2222222-2222-4333-8444-555555555555" for place, company in enumerate(COMPANIES)}
_MOMENTS = {"due_at", "created_at", "touched_at", "live_since", "answered_at", "completed_at", "exported_at"}
_OURS = {"id", "export_id", "source_event", "tenant"}


def an_event(number, company, wanted, **told):
    return a_request(*wanted, company=company, event_id=f"{company}-{number}", **told)


def a_script(seed):
    """Events about two companies: invoices, numbers, requests and ids come up again, some of them broken."""
    dice = random.Random(seed)
    script = []
    for number in range(dice.randint(10, 25)):
        invoices = [
            {
                "id_": f"i{dice.randint(1, 6)}",
                "number": f"N-{dice.randint(1, 9)}",
                "revision": dice.randint(1, 3),
                "reference": dice.choice(["a", "b"]),
            }
            for _ in range(dice.randint(1, 3))
        ]
        told = {"request": f"r{dice.randint(1, 8)}", "mode": dice.choice(["single", "bulk", "bulk", "sideways"])}
        script.append((dice.choice([number, max(0, number - 1)]), dice.choice([0, 1]), invoices, told))
    return script


def written_out(script, companies):
    return [
        an_event(number, companies[place], [an_invoice(**one) for one in invoices], **told)
        for number, place, invoices, told in script
    ]


def what_is_kept(installation, company):
    """Every row about the company but for its moments and our own ids."""
    kept = {}
    with installation.store.read() as work:
        for table in (Request, Item, Export, NumberClaim):
            rows = work.session.exec(select(table).where(table.company == company)).all()
            plain = [
                row.model_dump(exclude=_MOMENTS | (_OURS if table is not Request else _OURS - {"id"})) for row in rows
            ]
            kept[table.__name__] = sorted(repr({**row, "company": ""}) for row in plain)
        told = work.session.exec(select(OutboxEvent).where(OutboxEvent.company == company)).all()
        kept["told"] = sorted(
            (event.type, event.subject, json.loads(event.body)["data"].get("reason", ""))
            for event in told
            if event.subject != company  # its connection
        )
    return kept


def outcome(verdict):
    if isinstance(verdict, Receipt):
        return verdict.request, verdict.invoices, verdict.repeated, verdict.connection
    return type(verdict)


@pytest.mark.parametrize("seed", range(5))
def test_filed_together_or_one_by_one_the_same_is_kept_and_answered(installation, seed):
    for company, tenant in TENANTS.items():
        installation.company(company, tenant)
    script = a_script(seed)
    singly = []
    for document in written_out(script, COMPANIES[:2]):
        singly += intake.accept_each(installation.tools, [document])
    together = intake.accept_each(installation.tools, written_out(script, COMPANIES[2:]))
    assert [outcome(one) for one in together] == [outcome(one) for one in singly]
    for one, other in (("ab", "at"), ("bb", "bt")):
        assert what_is_kept(installation, one) == what_is_kept(installation, other)


def test_fifty_clicks_cost_as_many_statements_as_one(counted_installation):
    installation, statements = counted_installation
    one = [a_request(an_invoice("a"), request="a")]
    many = [a_request(an_invoice(f"b{number}"), request=f"b{number}") for number in range(50)]
    intake.accept_each(installation.tools, one)
    statements.clear()
    intake.accept_each(installation.tools, [a_request(an_invoice("c"), request="c")])
    alone = len(statements)
    statements.clear()
    verdicts = intake.accept_each(installation.tools, many)
    assert all(isinstance(verdict, Receipt) for verdict in verdicts)
    assert len(statements) <= alone


@pytest.fixture
def counted_installation(installation):
    from sqlalchemy import event

    statements = []
    event.listen(
        installation.store.engine, "before_cursor_execute", lambda _c, _u, said, *_others: statements.append(said)
    )
    return installation, statements


def test_what_is_wrong_with_one_is_nobody_elses_trouble(installation):
    installation.ask(an_invoice("known"), request="known", event_id="known")
    verdicts = intake.accept_each(
        installation.tools,
        [
            a_request(an_invoice("a"), request="a"),
            a_request(an_invoice("b"), request="b", company="nobody"),
            {"not": "an event"},
            a_request(an_invoice("other"), request="c", event_id="known"),
            a_request(an_invoice("known"), request="known", event_id="known"),
            a_request(an_invoice("z"), request="z"),
        ],
    )
    assert [type(verdict) for verdict in verdicts] == [Receipt, Unreadable, Unreadable, OtherBody, Receipt, Receipt]
    assert verdicts[4].repeated
    installation.run()
    assert len(installation.books()) == 3


def test_an_event_the_database_cannot_bear_fails_alone(on_sqlite):
    made = on_sqlite
    with made.store.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER poison BEFORE INSERT ON exports WHEN NEW.invoice = 'poison' "
                "BEGIN SELECT RAISE(ABORT, 'poison'); END"
            )
        )
    verdicts = intake.accept_each(
        made.tools, [a_request(an_invoice(id_), request=id_) for id_ in ("a", "poison", "z")]
    )
    assert [isinstance(verdict, Receipt) for verdict in verdicts] == [True, False, True]
    made.run()
    assert len(made.books()) == 2


def test_rounds_with_the_same_invoices_in_any_order_never_wait_in_a_ring(installation):
    for company in ("ab", "bb"):
        installation.company(company, TENANTS[company])
    dice = random.Random(4)

    def a_round(place):
        wanted = [(company, f"i{number}") for company in ("ab", "bb") for number in range(10)]
        dice.shuffle(wanted)
        documents = [
            a_request(an_invoice(id_), company=company, request=f"r{place}-{company}-{id_}")
            for company, id_ in wanted
        ]
        return intake._file(installation.tools, [intake._parse(Brought(one)) for one in documents])

    with ThreadPoolExecutor(4) as pool:
        verdicts = [verdict for some in pool.map(a_round, range(12)) for verdict in some]
    assert all(isinstance(verdict, Receipt) for verdict in verdicts)
    assert sum(verdict.invoices for verdict in verdicts) == 240


def test_the_relay_is_woken_when_there_is_something_to_tell_and_only_then(installation):
    woken = "xp:wake:relay"
    installation.ask(an_invoice("a"), request="a")
    assert installation.tools.redis.llen(woken) == 0
    installation.ask(an_invoice("b", lines=[]), request="b")
    assert installation.tools.redis.llen(woken) == 1
    assert installation.relay() > 0
