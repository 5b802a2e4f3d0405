"""Two at once: of what may happen once, or to one alone, exactly one is done. On both databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import select, update

from store import api_keys, audit, inbox, statements, users
from store.tables import DeadLetter, InboxEvent
from tests.builders import a_request, an_invoice
from tests.console.visiting import hidden
from tests.security import doorway
from tests.security.doorway import said_in_audit
from worker.decisions.rights import Operator
from worker.intake import dead_letters
from worker.intake.dead_letters import NotOpen
from worker.users import accounts, factors, signing_in
from worker.users.signing_in import SignInPlace

SOMEWHERE = SignInPlace("127.0.0.1", "a browser")


@pytest.fixture
def guarded(make_installation, database_url):
    with doorway.guarded(make_installation, database_url) as found:
        yield found


def at_once(*acts):
    """What each gives, all begun together."""
    ready = Barrier(len(acts))

    def begin(act):
        ready.wait(10)
        return act()

    with ThreadPoolExecutor(len(acts)) as many:
        return [one.result() for one in [many.submit(begin, act) for act in acts]]


def demoting(somebody, whom):
    """Makes that admin a reader, by a form that is ready to be sent."""
    form = {"form": somebody.token(), "role": "read"}
    return lambda: somebody.browser.post(f"/console/users/{whom}/role", data=form)


def giving(somebody, code):
    """Gives that code in the second step; answers with the status."""
    form = {"form": hidden(somebody.browser.get("/console/code").text, "form"), "code": code}
    return lambda: somebody.browser.post("/console/code", data=form).status_code


def test_of_two_admins_who_shut_each_other_out_one_stays(guarded):
    installation, person = guarded
    one, other = person("admin", "one"), person("admin", "other")
    for turn in range(6):
        for somebody, whom in ((one, "other"), (other, "one")):
            somebody.sign_in_whole()
            accounts.change(installation.tools, "test", whom, role="admin")
        for somebody in (one, other):
            somebody.sign_in_whole()
        demote = [demoting(one, "other"), demoting(other, "one")]
        at_once(*demote)
        admins = [one.id for one in accounts.everyone(installation.tools) if one.role == "admin"]
        assert admins, turn


def test_a_recovery_code_in_two_browsers_at_once_lets_one_in(guarded):
    _, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    others = [anna.elsewhere() for _ in range(4)]
    for one in others:
        one.sign_in()
    assert sorted(at_once(*(giving(one, anna.codes[0]) for one in others))) == [303, 401, 401, 401]


def test_a_code_is_used_up_by_the_proof_as_well_as_by_the_sign_in(guarded):
    installation, person = guarded
    person("read", "vera")
    admin = person("admin", "root")
    admin.sign_in_whole()
    installation.later(601)
    other = admin.elsewhere()
    other.sign_in()
    used = admin.code()
    held = hidden(admin.post("/users/vera/role", role="ops").text, "held")
    proven = admin.browser.post("/console/users/vera/role", data={"held": held, "proof_code": used})
    assert proven.status_code == 303
    assert other.give_code(used).status_code == 401
    installation.later(601)
    held = hidden(admin.post("/users/vera/role", role="read").text, "held")
    again = admin.browser.post("/console/users/vera/role", data={"held": held, "proof_code": used})
    assert again.status_code == 403


def test_of_two_who_set_an_app_up_with_one_password_the_second_is_not_heard(guarded):
    """Both pages were open; the first code given counts, and ends the other's session."""
    installation, person = guarded
    anna, thief = person("ops", "anna"), person("ops", "anna")
    tools = installation.tools
    for one in (anna, thief):
        one.sign_in()
    stale = signing_in.whose_browser(tools, thief.browser.cookies["crewcard_console"])  # asked before anna was done
    offer = factors.offer(tools, "anna")
    anna.set_up_app()
    thief.secret = offer.secret
    assert factors.set_up(tools, stale, offer, thief.code(), SOMEWHERE) is None
    assert not said_in_audit(installation, "second factor replaced")
    other = anna.elsewhere()
    other.sign_in()
    assert other.give_code(anna.code()).status_code == 303


@pytest.mark.parametrize("way", ["password", "link"])
def test_another_sign_in_in_the_same_browser_ends_the_session_before(guarded, way):
    """A session that was planted or left there is worth nothing afterwards."""
    installation, person = guarded
    anna, eve = person("read", "anna"), person("read", "eve")
    eve.sign_in()
    planted = eve.browser.cookies["crewcard_console"]
    anna.browser.cookies.set("crewcard_console", planted, path="/console", domain="127.0.0.1")
    if way == "password":
        assert anna.sign_in().status_code == 303
    else:
        address, _ = accounts.link(installation.tools, "test", "anna", 600)
        assert anna.sign_in_by(address.rpartition("=")[2]).status_code == 303
    assert eve.browser.get("/console").headers["location"].startswith("/console/sign-in")
    with installation.store.read() as work:
        assert users.of_session(work, planted, 1800) is None


# -- dead letters


@pytest.fixture
def buried(installation):
    """An installation with a letter whose mode is misspelt."""
    with installation.store.write() as work:
        key = api_keys.make(work, installation.tools.vault, "crewcard")
        broken = mended_as("e0", "singel")
        inbox.set_aside(work, "http", json.dumps(broken).encode(), ["data.mode: must be single or bulk"], "", key)
    return installation


def mended_as(event_id, mode="bulk"):
    return {**a_request(an_invoice(), mode=mode), "id": event_id}


def of_the_letter(installation):
    """The ids of events that were filed, the letter, and who is said in the audit to have had a hand in it."""
    with installation.store.read() as work:
        filed = sorted(work.session.exec(select(InboxEvent.id)).all())
        lines = [line.who for line in audit.newest(work) if "dead letter" in line.what]
        return filed, inbox.dead_letter(work, 1), lines


@pytest.mark.parametrize("other", ["mends", "mends alike", "mends otherwise", "replays", "discards"])
def test_of_two_who_have_a_letter_before_them_one_does_something_with_it(buried, monkeypatch, other):
    """Both have seen that it is open before either does anything; the events differ by their ids."""
    ready, seen = Barrier(2), dead_letters._open

    def open_together(*asked):
        letter = seen(*asked)
        ready.wait(10)
        return letter

    monkeypatch.setattr(dead_letters, "_open", open_together)
    if other == "replays":
        body = json.dumps(mended_as("e0")).encode()
        with buried.store.write() as work:
            statements.run(work, update(DeadLetter).values(body=body, size=len(body)))

    def mending_as(name, *how):
        text = json.dumps(mended_as(*how)).encode()
        return lambda: dead_letters.replay(buried.tools, 1, Operator(name), text)

    second = {
        "mends": mending_as("olga", "e2"),
        "mends alike": mending_as("olga", "e1"),
        "mends otherwise": mending_as("olga", "e1", "single"),
        "replays": lambda: dead_letters.replay(buried.tools, 1, Operator("olga")),
        "discards": lambda: dead_letters.discard(buried.tools, 1, Operator("olga"), "nonsense"),
    }[other]
    first = mending_as("anna", "e1")
    found = at_once(*[lambda act=act: outcome(act) for act in (first, second)])
    assert [isinstance(one, NotOpen) for one in found].count(True) == 1, found
    filed, letter, said = of_the_letter(buried)
    assert said == [letter.closed_by]
    assert filed == ([letter.event] if letter.state == "replayed" else [])
    buried.run()
    assert len(buried.books()) == len(filed)


def outcome(act):
    """What it gives, or raises."""
    try:
        return act()
    except Exception as raised:
        return raised


@pytest.mark.parametrize("step", ["dead_letters.inbox.close", "dead_letters.audit.note", "audit._append"])
def test_who_mended_is_written_down_with_what_was_filed_or_nothing_is(buried, monkeypatch, step):
    """The process ends at any of these steps; then somebody else mends the same letter."""
    place, _, name = step.rpartition(".")
    owner = {"dead_letters.inbox": inbox, "dead_letters.audit": audit, "audit": audit}[place]

    def die(*_asked, **_named):
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(owner, name, die)
        with pytest.raises(SystemExit):
            dead_letters.replay(buried.tools, 1, Operator("anna"), json.dumps(mended_as("e1")).encode())
    filed, letter, said = of_the_letter(buried)
    assert (filed, letter.state, said) == ([], "open", [])
    dead_letters.replay(buried.tools, 1, Operator("olga"), json.dumps(mended_as("e1")).encode())
    filed, letter, said = of_the_letter(buried)
    assert (filed, letter.state, letter.closed_by, said) == (["e1"], "replayed", "olga", ["olga"])
