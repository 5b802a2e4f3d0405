"""Tokens that do not die: one refresh at a time, crashes survived, months of life, warnings in time."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlmodel import select

from events.accounting_target import Trouble
from store import vault
from store.tables import Token
from tests.builders import an_invoice
from tests.connections.house import OTHER_TENANT
from tests.installation import KEY
from worker import wiring
from worker.connections import apps, tending

NEXT_KEY = Fernet.generate_key().decode()
MINUTE, DAY = 60, 86_400


def test_32_workers_in_two_processes_refresh_an_expired_token_exactly_once(house):
    _connected(house)
    crowd = [_process(house, "crowd", "16") for _ in range(2)]
    assert [process.stdout.readline() for process in crowd] == [b"ready\n"] * 2
    for time in range(1, 6):
        _let_expire(house)
        for process in crowd:
            process.stdin.write(b"now\n")
            process.stdin.flush()
        got = [word for process in crowd for word in process.stdout.readline().split()]
        assert len(got) == 32
        assert len(set(got)) == 1
        assert house.xero.token_calls() == time
    for process in crowd:
        process.communicate()


def test_a_kill_between_xeros_answer_and_our_commit_does_not_lose_the_connection(house):
    _connected(house)
    killed = _process(house, "die")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert house.xero.token_calls() == 1
    house.installation.later(5 * MINUTE)
    house.tools.targets["xero"].login.auth.renew(*house.login())
    house.installation.later(40 * MINUTE)
    house.installation.ask(an_invoice())
    house.installation.run()
    assert len(house.books()) == 1
    assert house.connection().state == "connected"


def test_a_renewal_that_was_killed_is_done_again_in_time_although_no_work_needs_it(house):
    _connected(house)
    _process(house, "die").communicate()
    house.installation.later(house.tools.settings.login_care_seconds * 3)
    assert tending.tend(house.tools, "another clock") == 1
    house.installation.later(31 * MINUTE)
    house.tools.targets["xero"].login.auth.renew(*house.login())
    assert house.connection().state == "connected"
    assert house.tools.settings.login_care_seconds * 3 < 30 * MINUTE, (
        "a dead clock's duty ends after two, the next looks after one"
    )


def test_a_kill_that_nobody_mends_within_the_grace_ends_in_a_login_that_is_due_and_not_in_a_loop(small_house):
    _connected(small_house)
    _process(small_house, "die").communicate()
    small_house.installation.later(31 * MINUTE)
    small_house.installation.ask(an_invoice())
    small_house.installation.settle_down(5)
    assert small_house.xero.token_calls() == 4, "the one that was killed, and three that prove it"
    (told,) = small_house.installation.events("xero.connection.needs_login")
    assert told["data"]["reason"] == "login_ended"
    assert told["data"]["login_due"]


def test_who_lost_the_lease_may_not_overwrite_the_newer_pair(house):
    _connected(house)
    box = house.tools.targets["xero"].login.auth._box
    assert box.lease(*house.login(), "slow", 45)
    stale = box.load(*house.login())
    house.installation.later(50)
    house.tools.targets["xero"].login.auth.renew(*house.login())
    newest = box.load(*house.login()).pair.access_token
    assert not box.save(*house.login(), stale.pair, version=stale.version, holder="slow")
    assert box.load(*house.login()).pair.access_token == newest


def test_thirty_days_of_rotations_and_restarts_keep_the_connection_alive(house):
    """Every day a restart and three renewals; killed twice meanwhile; the app's secret and our key are replaced."""
    _connected(house)
    for day in range(30):
        _restart(house, keys=_keys_of(day))
        _rotate(house, day)
        if day in (7, 23):
            _process(house, "die", keys=_keys_of(day)).communicate()
        for _ in range(3):
            house.installation.later(5 * MINUTE)
            tending.tend(house.tools, f"clock of day {day}")
            house.installation.later(8 * 3600 - 5 * MINUTE)
            house.tools.targets["xero"].login.auth.access(*house.login())
        house.installation.ask(an_invoice(f"d{day}"), request=f"d{day}")
        house.installation.run()
    assert len(house.books()) == 30
    assert house.installation.events("xero.connection.needs_login") == []
    assert house.xero.token_calls() == 30 * 3 + 2 * 2 + 3, "two done again; on day 14 two secrets are tried"


def test_a_login_that_nobody_uses_is_renewed_before_its_60_days_are_over(house):
    _connected(house)
    for _ in range(8):
        house.installation.later(25 * DAY)
        tending.tend(house.tools, "clock")
    assert house.xero.token_calls() == 4, "every 50 days, because it looks only every 25"
    house.installation.ask(an_invoice())
    house.installation.run()
    assert len(house.books()) == 1
    assert house.installation.events("xero.connection.login_expiring") == []


def test_a_login_that_cannot_be_renewed_is_warned_of_in_time_and_once(small_house):
    _connected(small_house)
    small_house.tools.targets["xero"].login.auth._tokens._url = "http://127.0.0.1:9/connect/token"
    for _ in range(47):
        small_house.installation.later(DAY)
        tending.tend(small_house.tools, "clock")
    (told,) = small_house.installation.events("xero.connection.login_expiring")
    left = small_house.connection().connected_at + timedelta(days=60) - small_house.installation.now()
    assert timedelta(days=12) < left < timedelta(days=14)
    assert small_house.browser().get(told["data"]["login_url"]).status_code == 400  # a page that says how to get one
    assert small_house.connection().state == "connected"


def test_a_login_that_died_unused_is_found_by_the_clock_and_parks_its_company(small_house):
    _connected(small_house)
    small_house.installation.simulator.state.identity.grants.clear()
    small_house.installation.later(31 * DAY)
    for _ in range(3):
        tending.tend(small_house.tools, "clock")
        small_house.installation.later(tending.seconds_until_next(small_house.tools))
    assert small_house.connection().state == "needs_login"
    assert small_house.installation.now() - small_house.connection().problem_at < timedelta(minutes=6)
    calls = small_house.xero.token_calls()
    small_house.installation.later(DAY)
    tending.tend(small_house.tools, "clock")
    assert small_house.xero.token_calls() == calls == 3


def test_while_the_token_service_is_away_it_is_asked_once_in_a_quarter_of_a_minute(small_house):
    _connected(small_house)
    _let_expire(small_house)
    asked = []
    ask = small_house.tools.targets["xero"].login.auth._tokens.ask

    def counted(*args):
        asked.append(args)
        return ask(*args)

    small_house.tools.targets["xero"].login.auth._tokens.ask = counted
    away, small_house.tools.targets["xero"].login.auth._tokens._url = (
        small_house.tools.targets["xero"].login.auth._tokens._url,
        "http://127.0.0.1:9/",
    )
    for _ in range(20):
        with pytest.raises(Trouble) as trouble:
            small_house.tools.targets["xero"].login.auth.access(*small_house.login())
        assert trouble.value.effect == "not_sent"
    assert len(asked) == 1
    small_house.tools.targets["xero"].login.auth._tokens._url = away
    small_house.installation.later(16)
    assert small_house.tools.targets["xero"].login.auth.access(*small_house.login())


def test_two_companies_that_share_a_xero_user_share_one_pair(house):
    _connected(house)
    house.company("twin", client_id="app-harbour")
    assert house.log_in("twin", OTHER_TENANT).status_code == 303
    with house.tools.store.read() as work:
        assert work.session.get(Token, house.login()).version == 2
    _let_expire(house)
    before = house.xero.token_calls()
    for company in ("harbour", "twin"):
        house.installation.ask(an_invoice(company), company=company, request=company)
    house.installation.run()
    assert house.xero.token_calls() == before + 1
    assert len(house.books()) == len(house.books(OTHER_TENANT)) == 1


def _connected(house) -> None:
    house.company()
    assert house.log_in().status_code == 303
    house.installation.simulator.state.identity.token_calls = 0


def _let_expire(house) -> None:
    """The kept access token is past its half hour, by the clock every process reads."""
    with house.tools.store.write() as work:
        for token in work.session.exec(select(Token)):
            token.expires_at = work.now - timedelta(seconds=1)


def _keys_of(day: int) -> tuple[str, ...]:
    """A rotation as docs/connections.md tells it: the new key behind the old one, in front, alone."""
    return {10: (KEY, NEXT_KEY), 11: (NEXT_KEY, KEY)}.get(day, (KEY,) if day < 10 else (NEXT_KEY,))


def _restart(house, keys: tuple[str, ...]) -> None:
    old = house.tools
    settings = old.settings.model_copy(update={"encryption_keys": keys})
    house.tools = house.installation.tools = wiring.assemble(settings, old.store, old.redis, bells=old.bells)


def _rotate(house, day: int) -> None:
    """Day 11: our key. Days 14 to 16: the app's secret, first here, a day later at Xero."""
    if day == 11:
        assert vault.reseal(house.tools.store, house.tools.vault)[0] > 0
    if day == 14:
        apps.rotate_secret(house.tools, "harbour", "next", "olga")
    if day == 15:
        house.xero.app("app-harbour", "next")
    if day == 16:
        assert apps.forget_former_secret(house.tools, "harbour", "olga")


def _process(house, what: str, *more: str, keys: tuple[str, ...] = (KEY,)) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.connections.refreshers", what]
    where = [house.tools.settings.database_url, house.xero.url, keys[0], *house.login(), *more]
    return subprocess.Popen([*command, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
