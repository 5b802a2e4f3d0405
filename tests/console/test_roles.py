"""Every page and every act asks who is there: none can be forgotten, for the routes are walked."""

import re

import pytest

from tests.console.visiting import Person
from web.console.app import PAGES, PREFIX
from web.console.visitor import Must
from worker.decisions.rights import LEAST, ROLES, Action, Role, may

OPEN = {"/console/sign-in", "/console/enter", "/console/sso", "/console/sso/callback"}


def routes():
    """Every route of the console with what it asks for; None: nothing."""
    for route in (route for page in PAGES for route in page.router.routes):
        asked = [one.call.action for one in route.dependant.dependencies if isinstance(one.call, Must)]
        for method in sorted(route.methods):
            yield method, PREFIX + re.sub(r"\{[^}]*\}", "1", route.path), asked[0] if asked else None


def test_every_page_but_the_way_in_asks_who_is_there():
    free = {path for _, path, action in routes() if action is None}
    assert free == OPEN


def test_a_stranger_is_sent_to_sign_in_whatever_they_try(on_sqlite, console):
    browser = Person(on_sqlite, console, "read").browser
    for method, path, action in routes():
        if action:
            answer = browser.request(method, path)
            assert (answer.status_code, answer.headers.get("location", "")[:16]) == (303, "/console/sign-in"), path


@pytest.mark.parametrize("role", [*Role])
def test_a_role_does_what_it_may_and_nothing_else(person, role):
    somebody = person(role)
    for method, path, action in routes():
        if action and not may(role, action):
            said = somebody.browser.get(path) if method == "GET" else None
            text = said.text if said else somebody.do(path.removeprefix("/console"), 403)
            able = " or ".join(one for one in ROLES if may(one, action))
            assert f"not part of your role “{role}”. It takes {able}." in text, (method, path)
        elif action and method == "GET":
            assert somebody.browser.get(path).status_code in (200, 303, 404), path


def test_each_role_may_what_those_before_it_may_but_setup_is_for_setup_and_admins_alone():
    for action, least in LEAST.items():
        usual = [ROLES.index(role) >= ROLES.index(least) for role in ROLES]
        special = [role in (Role.SETUP, Role.ADMIN) for role in ROLES]
        too = [may_it or role is Role.SETUP for may_it, role in zip(usual, ROLES, strict=True)]
        wanted = {Action.SET_UP: special, Action.MAP_CONTACTS: too}.get(action, usual)
        assert [may(role, action) for role in ROLES] == wanted
    able = {action for action in Action if may(Role.SETUP, action)}
    assert able - {action for action in Action if may(Role.READ, action)} == {Action.SET_UP, Action.MAP_CONTACTS}
    assert not any(may("owner", action) for action in LEAST)


def test_pages_let_nothing_in_from_elsewhere_and_are_not_kept(person):
    answer = person("read").browser.get("/console")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=|<style", answer.text)
