"""Secrets and tokens of every flow are nowhere but sealed. The search is proved first: it finds what is planted."""

import base64
import http.client
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet

from events.accounting_target import Trouble
from tests.builders import an_invoice, invoices
from tests.connections.house import ANNA, TENANT
from tests.connections.sinks import Sinks
from tests.installation import KEY
from worker.connections import apps, connecting, tending
from worker.decisions import mending

CANARY = "CANARY0secret0of0the0app"
NEXT = "CANARY0secret0that0replaces0it"
NEXT_KEY = Fernet.generate_key().decode()
EVERY_SINK = {
    *("log", "http.client", "output", "errors", "pages", "commands"),
    *("database", "database dump", "events", "redis", "redis dump"),
}


@pytest.fixture
def sinks(house, capfd, monkeypatch):
    chosen = house.tools.settings
    for name, value in (
        ("DATABASE_URL", chosen.database_url),
        ("REDIS_URL", chosen.redis_url),
        ("ENCRYPTION_KEYS", KEY),
        ("XERO_API_URL", chosen.xero_api_url),
    ):
        monkeypatch.setenv(name, value)
    levels = {name: logging.getLogger(name).level for name in ("", *logging.root.manager.loggerDict)}
    handlers = logging.root.handlers[:]
    yield Sinks(house, capfd)
    logging.root.handlers[:] = handlers
    logging.getLogger("http.client").handlers.clear()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    http.client.HTTPConnection.debuglevel = 0


def test_the_search_finds_a_canary_in_every_sink(house, sinks):
    house.company()
    house.log_in()
    sinks.plant("CANARY0planted")
    found = {name for name, text in sinks.texts().items() if "CANARY0planted" in text}
    assert found == EVERY_SINK


def test_no_flow_leaves_a_secret_or_a_token_anywhere(house, sinks, monkeypatch):
    canaries = {CANARY, NEXT, KEY, NEXT_KEY, *(_as_basic(secret) for secret in (CANARY, NEXT))}
    _log_in_and_export(house, sinks, canaries)
    _hand_over(house, canaries)
    _rotate_and_fall_over(house, sinks)
    _be_refused(house, sinks)
    _break_a_login(house, sinks, canaries)
    _replace_our_key(sinks, monkeypatch)
    for grant in house.installation.simulator.state.identity.grants.values():
        canaries |= {*grant.access, *grant.refresh}
    assert len(canaries) > 8, "secrets, the code, and several pairs of tokens"
    texts = sinks.texts()
    assert texts.keys() == EVERY_SINK
    short = {name: len(text) for name, text in texts.items() if len(text) < 100 and name != "output"}
    assert short == {}, "every sink was written to"
    assert "Bearer (withheld)" in texts["http.client"], "http.client printed headers"
    assert "Exception in ASGI application" in texts["log"], "libraries were heard to the end"
    assert [(name, canary[:12]) for name, text in texts.items() for canary in canaries if canary in text] == []


def test_what_libraries_print_is_masked():
    lines = {
        "Authorization: Bearer CANARY": "Authorization: Bearer (withheld)",
        "send: b'authorization: Basic CANARY==\\r\\n'": "send: b'authorization: Basic (withheld)\\r\\n'",
        '{"access_token": "CANARY", "state": "open"}': '{"access_token": "(withheld)", "state": "open"}',
        "refresh_token=CANARY&grant_type=refresh_token": "refresh_token=(withheld)&grant_type=refresh_token",
        "GET /callback?code=CANARY&state=CANARY": "GET /callback?code=(withheld)&state=(withheld)",
        "token eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOjF9.CANARY": "token (withheld)",
    }
    assert {line: mending.masked(line) for line in lines} == lines


def _log_in_and_export(house, sinks, canaries: set[str]) -> None:
    house.company(secret=CANARY)
    browser = sinks.browser()
    back = house.xero.answer(house.to_xero(browser, house.link()), ANNA, TENANT)
    canaries.add(parse_qs(urlsplit(back).query)["code"][0])
    browser.get(back)
    browser.get(back)
    house.installation.ask(*invoices(3))
    house.installation.run()
    house.installation.later(3600)
    house.installation.ask(an_invoice("later"), request="r2")
    house.installation.run()
    assert len(house.books()) == 4


def _hand_over(house, canaries: set[str]) -> None:
    """The host signs Xero's answer and hands it over."""
    host = house.host()
    canaries.add(host._key.secret)
    address = house.to_xero(house.browser(), house.link())
    answer = parse_qs(urlsplit(house.xero.answer(address, ANNA, TENANT)).query)
    canaries.add(answer["code"][0])
    said = {"company": "harbour", "state": answer["state"][0], "code": answer["code"][0]}
    assert host.post("/v1/companies/harbour/logins", said).json()["connected"]


def _break_a_login(house, sinks, canaries: set[str]) -> None:
    """A fault of our own in the middle of a PKCE login, with everything secret in its words."""
    house.company("pier", kind="pkce")
    browser = sinks.browser()
    back = house.xero.answer(house.to_xero(browser, house.link("pier")), ANNA, TENANT)
    exchange = house.tools.targets["xero"].login.exchange

    def broken(app, code, callback, verifier):
        canaries.update((code, verifier))
        raise RuntimeError(f"no use for {code} {verifier} {exchange(app, code, callback, verifier).access_token}")

    house.tools.targets["xero"].login.exchange = broken
    assert browser.get(back).status_code == 500
    del house.tools.targets["xero"].login.exchange


def _replace_our_key(sinks, monkeypatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", f"{NEXT_KEY},{KEY}")
    sinks.command("rotate-keys")
    monkeypatch.setenv("ENCRYPTION_KEYS", NEXT_KEY)
    sinks.command("doctor", "--json")


def _as_basic(secret: str) -> str:
    """How a secret travels in a header."""
    return base64.b64encode(f"app-harbour:{secret}".encode()).decode()


def _rotate_and_fall_over(house, sinks) -> None:
    apps.rotate_secret(house.tools, "harbour", NEXT, "olga")
    house.xero.app("app-harbour", NEXT)
    house.installation.later(31 * 86_400)
    assert tending.tend(house.tools, "clock") == 1
    box = house.tools.targets["xero"].login.auth._box
    box.save = _broken
    house.installation.later(3600)
    house.installation.ask(an_invoice("broken"), request="r3")
    house.installation.run()
    house.installation.later(60)
    with pytest.raises(RuntimeError) as caught:
        house.tools.targets["xero"].login.auth.access(*house.login())
    sinks.error(caught.value)
    del box.save
    house.installation.later(60)
    for words in (
        ("doctor", "--json"),
        ("connections",),
        ("companies", "--json"),
        ("status",),
        ("connect", "harbour"),
    ):
        sinks.command(*words)


def _be_refused(house, sinks) -> None:
    house.xero.app("app-harbour", "changed")
    house.installation.later(3600)
    with pytest.raises(Trouble) as caught:
        house.tools.targets["xero"].login.auth.access(*house.login())
    sinks.error(caught.value)
    house.installation.ask(an_invoice("refused"), request="r4")
    house.installation.run()
    browser = sinks.browser()
    browser.get(house.xero.answer(house.to_xero(browser, house.link()), ANNA, TENANT))
    connecting.disconnect(house.tools, "harbour", "olga")
    house.installation.relay()


def _broken(_client_id, _user, pair, **_more):
    message = f"cannot keep {pair}"
    raise RuntimeError(message)
