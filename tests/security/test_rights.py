"""Nobody acts as another: what an event may do is what its key and its person may, by every way in."""

import itertools
import json
import re

import pytest
from typer.testing import CliRunner

from cli import common
from cli.main import app
from events.credentials import Scope
from store import api_keys, connections, inbox
from tests.builders import COMPANY, an_invoice
from tests.doors.host import problems
from tests.security.at_the_doors import CONTENT, RIVAL, SCOPE, an_event, broken_text
from tests.security.at_the_doors import ground as ground  # noqa: PLC0414  # the fixture
from worker.decisions import rights
from worker.decisions.rights import ConsoleUser, Effect, HostKey, Nobody, Operator, Ourselves, StreamHost
from worker.intake import stream_consumer

# -- one check, all effects by all ways in, all roles and scopes; made by hand, not from the code under test

NO, BY_ANYBODY = "", "read setup support ops admin"
SUPPORT, OPS, ADMIN, SETUP = "support ops admin", "ops admin", "admin", "setup admin"
# effect: roles of the console, scopes of keys, whether the stream may
TABLE = {
    "EXPORT": (SUPPORT, "exports events:write", True),
    "CANCEL": (SUPPORT, "orders events:write", True),
    "REPLAY": (SUPPORT, "orders events:write", True),
    "RAISE_ANEW": (SUPPORT, "orders events:write", True),
    "CONTACT": (f"setup {SUPPORT}", "contacts events:write", True),
    "SETTINGS": (SETUP, "settings events:write", True),
    "PREVIEW": (SUPPORT, "previews", True),
    "READ": (BY_ANYBODY, "reads", False),
    "FEED": (NO, "feed", False),
    "LOGIN": (SETUP, "logins", False),
    "DISCONNECT": (SETUP, "logins", False),
    "EXCLUDE": (SUPPORT, NO, False),
    "ADOPT": (NO, NO, False),
    "PAUSE": (OPS, NO, False),
    "COMPANIES": (SETUP, NO, False),
    "DEAD_LETTERS": (SUPPORT, NO, False),
    "KEYS": (ADMIN, NO, False),
    "ENDPOINTS": (ADMIN, NO, False),
    "RESEND": (OPS, NO, False),
    "USERS": (ADMIN, NO, False),
    "ERASE": (ADMIN, NO, False),
}


def may(actor, effect, company=COMPANY):
    return rights.objection((actor,), effect, company) is None


def test_the_table_names_every_effect():
    assert set(TABLE) == {effect.name for effect in Effect}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_effect_is_for_those_it_is_for_and_nobody_else(name):
    roles, scopes, by_stream = TABLE[name]
    effect = Effect[name]
    for role in ("read", "setup", "support", "ops", "admin", "owner", "", "console"):
        assert may(ConsoleUser("x", role), effect) == (role in roles.split()), role
    for scope in [*Scope, "everything", "*"]:
        key = HostKey("k", frozenset([COMPANY]), frozenset([scope]))
        assert may(key, effect) == (scope in scopes.split()), scope
        assert not may(key, effect, "pier"), scope
    every = HostKey("k", frozenset([COMPANY]), None)
    assert (may(every, effect), may(every, effect, "pier")) == (bool(scopes), False)
    assert may(HostKey("k"), effect, "pier") == bool(scopes)
    assert not may(HostKey("k", frozenset(), None), effect)
    assert not may(HostKey("k", None, frozenset()), effect)
    assert may(StreamHost(), effect) == by_stream
    assert may(Operator("root"), effect)
    assert may(Ourselves(), effect)
    assert not may(Nobody("gone"), effect)
    assert rights.objection((), effect, COMPANY)


@pytest.mark.parametrize("effect", [*Effect])
def test_of_two_who_answer_for_it_both_must_be_allowed(effect):
    key, person = HostKey("k", frozenset([COMPANY]), frozenset(["exports"])), ConsoleUser("x", "support")
    both = rights.objection((key, person), effect, COMPANY) is None
    assert both == (may(key, effect) and may(person, effect))


# -- scopes at the door, by event, alone and in arrays


@pytest.mark.parametrize("scope", [*Scope])
def test_a_key_sends_what_its_scope_is_for_and_nothing_else(ground, scope):
    host = ground.key(f"only-{scope.name}", scopes=[scope])
    allowed = {"exports", "orders", "contacts", "settings"} if scope == "events:write" else {scope}
    events = [an_event(type_, f"alone-{number}") for number, type_ in enumerate(CONTENT)]
    for event in events:
        answer = host.post(event)
        mine = SCOPE[event["type"]] in allowed
        assert (answer.status_code == 202) == mine, (event["type"], answer.text)
        if not mine:
            assert answer.status_code == 403
            assert SCOPE[event["type"]] in problems(answer)[0]
    together = host.post([{**event, "id": f"in-{event['id']}"} for event in events])
    if together.status_code == 403:
        assert not allowed & set(SCOPE.values())
        return
    for event, result in zip(events, together.json()["results"], strict=True):
        mine = SCOPE[event["type"]] in allowed
        assert (result["status"] == 403) != mine, (event["type"], result)


def test_a_key_for_reads_asks_for_no_preview_by_either_way(ground):
    host = ground.key("reads", scopes=[Scope.READS])
    assert host.post({"invoices": [an_invoice()]}, f"/v1/companies/{COMPANY}/previews").status_code == 403
    assert host.post(an_event("invoice.export.preview_requested")).status_code == 403
    assert ground.installation.calls() == []


def test_an_answer_holds_a_login_link_for_no_key_but_one_for_logins(ground):
    with ground.tools.store.write() as work:
        connections.set_state(work, connections.locked(work, COMPANY), "needs_login")
    weak = ground.key("weak", scopes=[Scope.EXPORTS, Scope.FEED])
    answer = weak.post(an_event("invoice.export.requested")).json()
    assert answer["connection"] == "needs_login"
    assert "login_url" not in answer
    (in_array,) = weak.post([an_event("invoice.export.requested", "e2")]).json()["results"]
    assert "login_url" not in in_array


# -- dead letters: what is mended

TYPO = "invoice.export.requsted"
MENDED = an_event("invoice.export.requested")


def changed(path, value):
    """The event with something else at a path; None takes it away."""
    made = json.loads(json.dumps(MENDED))
    *above, last = path.split(".")
    at = made
    for name in above:
        at = at[int(name)] if isinstance(at, list) else at[name]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return made


FORGED = [
    changed("data.company", RIVAL),
    changed("data.requested_by", {"id": "olga", "role": "admin"}),
    changed("data.requested_by.id", "support"),
    changed("data.requested_by.role", "owner"),
    changed("data.requested_by.name", None),
    changed("data.invoices.0.lines.0.unit_amount", "9999.00"),
    changed("data.invoices.0.client.xero_contact_id", "2f3a1c9e-0000-4000-8000-000000000001"),
    changed("data.invoices", [an_invoice(), an_invoice("made-up")]),
    changed("data.invoices", [an_invoice("made-up")]),
    changed("data.request", "r2"),
    {**changed("data.mode", "single"), "type": "invoice.export.cancel_requested"},
    an_event("company.settings.changed"),
    an_event("client.xero_contact.update_requested"),
]
CAME = {
    "a wrong field": json.dumps({**MENDED, "data": {**MENDED["data"], "mode": "singel"}}),
    "a bracket lost": broken_text(MENDED),
    "a comma too many": json.dumps(MENDED).replace('"single"', '"single",'),
    "warnings before it": f"PHP Warning: x in y.php on line 3\n{json.dumps(MENDED)}",
    "JSON in JSON": json.dumps(json.dumps(MENDED)),
}


@pytest.mark.parametrize("came", sorted(CAME))
def test_mending_what_made_it_unreadable_is_all_that_mending_can_do(ground, came):
    assert ground.key("host").post(CAME[came]).status_code == 422
    before = ground.what_happened()
    for forged in FORGED:
        status, page = ground.mend("support", forged)
        assert (status, "What is still wrong" in page, ground.letter().state) == (422, True, "open"), forged
    assert ground.what_happened() == before
    assert ground.mend("support", json.dumps(MENDED, indent=2))[0] == 303
    ground.installation.run()
    assert list(ground.installation.answers()) == ["i1"]


@pytest.mark.parametrize(
    ("came", "mended"),
    [
        ("{}", json.dumps(MENDED)),
        ("[1", json.dumps(MENDED)),
        ("{", json.dumps(MENDED)),
        ('"x"', json.dumps(MENDED)),
        ('{"data": {}}', json.dumps(MENDED)),
        (json.dumps({**MENDED, "data": {"company": COMPANY}}), json.dumps(MENDED)),
        (json.dumps(MENDED)[:-160], json.dumps(MENDED)),
        (json.dumps(MENDED).replace('"100.00"', '"100,00"')[:-1], json.dumps(MENDED).replace('"100.00"', '"10000"')),
        (json.dumps(MENDED).replace('"i1"', 'i1"'), json.dumps(MENDED).replace('"100.00"', '"900.00"')),
    ],
)
def test_nobody_makes_an_event_up_in_the_place_of_one_that_said_nothing(ground, came, mended):
    assert ground.key("host").post(came).status_code == 422
    before = ground.what_happened()
    assert [ground.mend(role, mended)[0] for role in ("support", "admin")] == [422, 422]
    assert ground.what_happened() == before


def test_who_asked_is_the_mender_where_nobody_was_named(ground):
    event = an_event("client.xero_contact.update_requested")
    del event["data"]["requested_by"]
    assert ground.key("host").post(event).status_code == 422
    for other in ({"id": "anna"}, {"id": "admin"}, {"id": "support", "name": "Anna"}):
        mended = json.loads(json.dumps(event))
        mended["data"]["requested_by"] = other
        assert "name yourself" in ground.mend("support", mended)[1]
    event["data"]["requested_by"] = {"id": "support"}
    assert ground.mend("support", event)[0] == 303
    (line,) = ground.audit("dead letter mended")
    assert (line.who, line.company, json.loads(line.chosen)["key"]) == ("support", COMPANY, "host")


# -- dead letters: with whose rights


@pytest.mark.parametrize("shape", ["wrong field", "text"])
def test_a_settings_change_needs_an_admin_by_whatever_door_it_comes(ground, shape):
    event = an_event("company.settings.changed")
    sent = {**event, "specversion": "1"} if shape == "wrong field" else broken_text(event)
    assert ground.key("host").post(sent).status_code == 422
    before = ground.settings()
    for role in ("support", "ops"):
        status, page = ground.mend(role, event)
        assert status == 403
        assert f"Changing a company's settings is not part of your role “{role}”." in page
    assert (ground.letter().state, ground.settings(), ground.waiting_changes()[0]) == ("open", before, 0)
    assert ground.mend("admin", event)[0] == 303
    (line,) = ground.audit("dead letter mended")
    assert (line.who, json.loads(line.chosen)["event"]) == ("admin", "company.settings.changed")
    assert ground.waiting_changes()[0] == 1


def test_a_letter_that_could_be_read_by_now_still_needs_the_role(ground):
    """Read again as it came: the company did not exist when it came."""
    host = ground.key("host", None)
    assert host.post(an_event("company.settings.changed", company="quarry")).status_code == 422
    ground.installation.company("quarry", "22222222-2222-4333-8444-555555555555")
    assert ground.mend("support")[0] == 403
    assert ground.waiting_changes()[0] == 0
    assert ground.mend("admin")[0] == 303
    assert ground.waiting_changes()[0] == 1


@pytest.mark.parametrize(
    "planted",
    [
        broken_text(an_event("invoice.export.requested")),
        broken_text(an_event("company.settings.changed")),
        json.dumps({**an_event("invoice.export.requested"), "data": [COMPANY]}),
        "\ufeff\ufeff" + json.dumps(an_event("invoice.export.requested")),
        json.dumps([an_event("invoice.export.requested")])[:-1],
        json.dumps(json.dumps(an_event("invoice.export.requested"))),
    ],
)
def test_a_broken_event_that_names_anothers_company_counts_for_nobody(ground, planted):
    assert ground.key("rivals", [RIVAL]).post(planted.encode()).status_code == 422
    page = re.sub(r"<[^>]+>", "", ground.person("read").see("/dead-letters/1"))
    assert f"The key rivals brought it, which spoke for {RIVAL}." in " ".join(page.split())
    before = ground.what_happened()
    for role in ("support", "admin"):
        for mended in ("", *(an_event(type_) for type_ in CONTENT)):
            assert ground.mend(role, mended)[0] in (403, 422)
    assert ground.what_happened() == before


def test_a_readable_event_of_anothers_company_is_refused_and_not_kept(ground):
    rival = ground.key("rivals", [RIVAL])
    for event in (an_event("invoice.export.requested"), {**an_event("company.settings.changed"), "specversion": "9"}):
        assert rival.post(event).status_code == 403
        assert rival.post([event]).json()["results"][0]["status"] == 403
    assert ground.letters() == []


@pytest.mark.parametrize("scope", [Scope.FEED, Scope.READS, Scope.LOGINS])
def test_a_key_that_sends_no_events_leaves_no_letters(ground, scope):
    host = ground.key("weak", scopes=[scope])
    for body in ("{", json.dumps({**MENDED, "type": TYPO}), json.dumps([MENDED, {}])):
        assert host.post(body).status_code == 403
    assert ground.letters() == []


def test_a_letter_is_mended_into_nothing_that_its_key_lacks_the_scope_for(ground):
    host = ground.key("orders", scopes=[Scope.ORDERS])
    assert host.post({**MENDED, "type": TYPO}).status_code == 422
    status, page = ground.mend("admin", MENDED)
    assert (status, "this key lacks the scope “exports”" in page) == (403, True)
    assert ground.letter().state == "open"


def test_a_letter_has_no_more_rights_than_its_key_has_by_now(ground):
    for number, key_id in enumerate(("ended", "anew", "over", "narrow"), 1):
        sent = {**an_event("invoice.export.requested", f"e{number}", request=f"r{number}"), "type": TYPO}
        assert ground.key(key_id).post(sent).status_code == 422
    ground.installation.later(10)
    for key_id in ("ended", "anew", "narrow"):
        ground.revoke(key_id)
    with ground.tools.store.write() as work:
        api_keys.make(work, ground.tools.vault, "anew", None, None)
        api_keys.expire(work, "over", work.after(5))
    ground.installation.later(10)
    for number, word in enumerate(("was revoked", "was revoked", "has expired", "was revoked"), 1):
        event = an_event("invoice.export.requested", f"e{number}", request=f"r{number}")
        status, page = ground.mend("admin", event, number)
        assert (status, word in page) == (403, True)
    assert {one.state for one in ground.letters()} == {"open"}


def test_letters_of_the_stream_are_bound_by_the_person(ground):
    client, fields = ground.tools.redis, {}
    stream = stream_consumer.RequestStream(client, "test")
    reader = stream_consumer.StreamConsumer(ground.tools, stream, wait_seconds=0.01)
    reader.take()
    for number, type_ in enumerate(("company.settings.changed", "invoice.export.requested"), 1):
        fields[number] = an_event(type_, f"s{number}")
        client.xadd(stream_consumer.STREAM, {"event": broken_text(fields[number])})
    for _ in range(3):
        reader.take()
    assert [(one.door, one.key) for one in ground.letters()] == [("stream", ""), ("stream", "")]
    assert ground.mend("support", fields[1], 1)[0] == 403
    assert ground.mend("support", fields[1], 2)[0] == 422
    assert ground.mend("support", fields[2], 2)[0] == 303
    assert ground.waiting_changes() == [0, 0, 1]


def test_an_array_is_no_way_round(ground):
    """A text of several events is not mended into one, nor one into several."""
    events = [an_event("invoice.export.requested"), an_event("company.settings.changed", "e2")]
    assert ground.key("host").post(json.dumps(events)[:-1]).status_code == 422
    for mended in (events, events[0], events[1], [events[1]]):
        assert ground.mend("admin", mended)[0] == 422
    assert ground.waiting_changes() == [0, 0, 0]


def test_the_command_is_bound_like_the_page(ground, command_of, tmp_path):
    event = an_event("company.settings.changed")
    assert ground.key("host").post(broken_text(event)).status_code == 422
    ground.person("support")
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(changed("data.company", RIVAL)))
    assert "every value stays as it came" in command_of("mend", "1", str(file), code=1)
    file.write_text(json.dumps(event))
    assert "not part of your role “support”" in command_of("mend", "1", str(file), "--by", "support", code=1)
    assert "brought by the key host, which spoke for harbour" in command_of("1")
    command_of("mend", "1", str(file), "--by", "olga")
    assert [line.who for line in ground.audit("dead letter mended")] == ["olga"]


@pytest.fixture
def command_of(ground, monkeypatch):
    monkeypatch.setattr(common, "ready", lambda: ground.tools)

    def run(*words, code=0):
        ended = CliRunner().invoke(app, ["dead-letters", *words])
        assert ended.exit_code == code, ended.output
        return " ".join(ended.output.split())

    return run


def test_a_letter_of_nobody_knows_whom_can_only_be_discarded(ground):
    with ground.tools.store.write() as work:
        inbox.set_aside(work, "http", json.dumps({**MENDED, "type": TYPO}).encode(), ["type: is no event"])
    status, page = ground.mend("admin", MENDED)
    assert (status, "nobody knows whose key" in page) == (403, True)
    ground.people["admin"].do("/dead-letters/1/discard", why="unknown")
    assert ground.letter().state == "discarded"


def test_all_ways_in_ask_for_every_event(ground):
    """Each event by each way, by somebody who may not: nothing of it happens."""
    before = ground.what_happened()
    for type_, scope in itertools.product(CONTENT, [Scope.READS, Scope.FEED, Scope.LOGINS]):
        host = ground.key(f"only-{scope.name}", scopes=[scope])
        assert host.post(an_event(type_)).status_code == 403
        assert host.post([an_event(type_)]).status_code == 403
        assert ground.key("rivals", [RIVAL]).post(an_event(type_)).status_code == 403
    assert ground.what_happened() == before
