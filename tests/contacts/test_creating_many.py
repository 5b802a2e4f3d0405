"""Contacts are created several in a call: few calls, each contact once, and none that holds back another."""

import pytest

from tests.builders import COMPANY
from tests.contacts.test_creating import puts, turn_on, wish
from worker.decisions import contact_checks
from xero_adapter.target import XeroTarget


@pytest.fixture
def many(clerk_free):
    turn_on(clerk_free)
    return clerk_free


def ask_for(admin, names):
    """A wish for each client, by id and name."""
    for client, name in names.items():
        wish(admin, client=client, client_name=name)


def clients(number):
    return {f"c{place:02}": f"Client {place}" for place in range(number)}


def answers(admin):
    """How each wish ended, by client: each was answered once."""
    told = admin.told()
    assert len({one["client"] for one in told}) == len(told)
    return {one["client"]: one.get("reason", one["ended"]) for one in told}


def made(admin, names):
    """The names of the contacts that are there, and that each client is billed as its own."""
    by_number = {
        one.number: one for one in admin.organisation.contacts.values() if one.number.startswith("crewcard-")
    }
    linked = {client: admin.field(client).value for client in names if admin.field(client).value}
    assert linked == {
        client: by_number[contact_checks.number_of(COMPANY, client)].id
        for client in names
        if contact_checks.number_of(COMPANY, client) in by_number
    }
    return sorted(one.name for one in by_number.values())


def test_fifty_go_in_one_call_and_are_looked_up_in_one(many):
    names = clients(60)
    ask_for(many, names)
    many.clock()
    assert set(answers(many).values()) == {"updated"}
    assert made(many, names) == sorted(names.values())
    assert (len(puts(many)), len(many.calls("/contacts"))) == (2, 2)


def test_what_xero_refuses_of_one_is_told_and_the_others_are_made(many):
    many.in_xero(id="99999999-0000-4000-8000-000000000001", name="Taken Ltd")
    names = {"a": "Able", "b": "Be<st", "t": "TAKEN ltd", "q1": "Quay Ltd", "q2": "quay  LTD", "z": "Zoë"}
    ask_for(many, names)
    many.clock()
    told = answers(many)
    assert told == {
        "a": "updated",
        "b": "not_created",
        "t": "name_taken",
        "q1": "updated",
        "q2": "name_taken",
        "z": "updated",
    }
    assert made(many, names) == ["Able", "Quay Ltd", "Zoë"]
    (second,) = many.told("q2")
    assert second["offered"]["xero_contact_id"] == many.field("q1").value
    assert len(puts(many)) == 1


def test_all_that_nobody_heard_of_are_looked_up_at_once_and_sent_no_more(many):
    names = clients(5)
    ask_for(many, names)
    many.installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    many.clock()
    many.installation.simulator.state.faults.set({})
    assert (answers(many), many.waiting()) == ({}, 5)
    many.installation.later(many.installation.settings.settle_seconds + 1)
    before = len(many.calls("/contacts"))
    many.clock()
    assert set(answers(many).values()) == {"updated"}
    assert made(many, names) == sorted(names.values())
    assert (len(puts(many)), len(many.calls("/contacts")) - before) == (1, 1)


def test_one_for_which_xero_refuses_a_whole_call_holds_back_no_other(many):
    names = clients(12)
    sick = contact_checks.number_of(COMPANY, "c05")
    many.installation.simulator.state.faults.set({"poison_numbers": [sick], "poison_answer": "400"})
    ask_for(many, names)
    for _ in range(3):
        many.clock()
        many.installation.later(many.installation.settings.settle_seconds + 1)
    assert (set(names) - set(answers(many)), set(answers(many).values())) == ({"c05"}, {"updated"})
    assert len(puts(many)) == 1 + 4 + 3  # of twelve, of three each, and alone those of the call that failed again
    many.installation.simulator.state.faults.set({})
    many.clock()
    assert answers(many)["c05"] == "updated"
    assert made(many, names) == sorted(names.values())


def test_what_another_process_answered_meanwhile_is_not_sent_again(many, monkeypatch):
    """Between the look and the call its lease ended, and another process was quicker."""
    ask_for(many, clients(2))
    look, looked = XeroTarget.all_contacts, []

    def late(self, *args, **named):
        looked.append(args)
        shown = look(self, *args, **named)
        if len(looked) == 1:
            many.clock()
        return shown

    monkeypatch.setattr(XeroTarget, "all_contacts", late)
    many.clock()
    assert set(answers(many).values()) == {"updated"}
    assert (len(looked), len(puts(many))) == (2, 1)


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        ([("a", "A", 9), ("b", "B", 9), ("c", "C", 9)], [[0, 1], [2]]),
        ([("a", "A", 9), ("a", "B", 9), ("b", "C", 9)], [[0, 2]]),
        ([("a", "Café 1", 9), ("b", "cafe  1", 9), ("c", "Café 2", 9)], [[0, 2]]),
        ([("a", "A", 1), ("b", "B", 9), ("c", "C", 1), ("d", "D", 9)], [[0], [1, 3], [2]]),
        ([], []),
    ],
)
def test_those_that_go_in_one_call(wanted, calls):
    assert contact_checks.in_calls(wanted, 2) == calls
