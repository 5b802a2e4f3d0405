"""Two at once: of what may happen once, or to one alone, exactly one is done. On both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from store import users
from tests.console.visiting import hidden
from tests.security import doorway
from tests.security.doorway import said_in_audit
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
