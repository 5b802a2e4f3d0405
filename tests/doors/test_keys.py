"""Keys: what a signature covers, two secrets while one is exchanged, an end, and when one was last used."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from cli import common
from cli.main import app
from store import api_keys
from store.api_keys import Scope
from tests.builders import COMPANY, a_request, an_invoice
from tests.doors.host import Host, problems
from web import keys
from web.rates import REQUESTS, Portion, take

PROGRESS = f"/v1/companies/{COMPANY}/requests/r1"


def test_a_library_of_standard_webhooks_signs_a_request_too(small_host):
    body, now = json.dumps(a_request()), datetime.now(UTC)
    library = Webhook(small_host.secret)
    theirs = library.sign("m1", now, f"POST /v1/events\n{body}").replace("v1,", "v2,")
    assert small_host.post(body, message_id="m1", at=now.timestamp(), webhook_signature=theirs).status_code == 202
    of_a_get = library.sign("m1", now, f"GET {PROGRESS}\n").replace("v1,", "v2,")
    assert (
        small_host.get(PROGRESS, message_id="m1", at=now.timestamp(), webhook_signature=of_a_get).status_code == 200
    )


def test_the_formula_on_the_page_is_the_one_we_check(small_host):
    """docs/doors.md, spelled out by hand."""
    at = str(int(time.time()))
    key = base64.b64decode(small_host.secret.removeprefix("whsec_"))
    signed = f"m1.{at}.GET {PROGRESS}?x=1\n".encode()
    mine = "v2," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert small_host.get(f"{PROGRESS}?x=1", message_id="m1", at=int(at), webhook_signature=mine).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"x_crewcard_key": "nobody"}, "webhook-signature"),
        ({"x_crewcard_key": None}, "x-crewcard-key"),
        ({"webhook_id": None}, "webhook-id"),
        ({"webhook_timestamp": "soon"}, "webhook-timestamp"),
        ({"webhook_timestamp": None}, "webhook-timestamp"),
        ({"at": time.time() - 301}, "webhook-timestamp"),
        ({"at": time.time() + 3600}, "webhook-timestamp"),
        ({"webhook_signature": None}, "webhook-signature"),
        ({"webhook_signature": "v1,garbage v1, v2,x nonsense"}, "webhook-signature"),
        ({"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "webhook-signature"),
    ],
)
def test_a_refused_key_says_which_header_is_wrong(small_host, wrong, field):
    refused = small_host.post(a_request(), **wrong)
    assert refused.status_code == 401
    assert problems(refused)[0].startswith(f"{field}: ")


def test_a_body_that_is_no_text_is_told_so_and_not_that_its_signature_is_wrong(small_host):
    refused = small_host.post(b'{"id": "\xff"}')
    assert refused.status_code == 422
    assert "not UTF-8 text" in problems(refused)[0]


def test_while_a_secret_is_exchanged_both_are_good_until_the_old_ones_time(host, installation):
    old = host.secret
    with installation.store.write() as work:
        new = api_keys.rotate(work, installation.tools.vault, "host", 3600).secret
    assert new != old
    assert [host.get(PROGRESS, secret=one).status_code for one in (old, new)] == [404, 404]
    installation.later(3601)
    assert [host.get(PROGRESS, secret=one).status_code for one in (old, new)] == [401, 404]


def test_of_two_exchanges_in_a_row_only_the_last_two_secrets_are_good(host, installation):
    secrets = [host.secret]
    for _ in range(2):
        with installation.store.write() as work:
            secrets.append(api_keys.rotate(work, installation.tools.vault, "host", 3600).secret)
    assert [host.get(PROGRESS, secret=one).status_code for one in secrets] == [401, 404, 404]


def test_a_revoked_key_opens_nothing_and_its_name_made_anew_has_another_secret(host, installation):
    with installation.store.write() as work:
        assert api_keys.revoke(work, "host")
        assert not api_keys.revoke(work, "host")
    assert host.get(PROGRESS).status_code == 401
    with installation.store.write() as work:
        again = api_keys.make(work, installation.tools.vault, "host", [COMPANY], [Scope.READS])
    assert again.secret != host.secret
    assert host.get(PROGRESS).status_code == 401
    assert host.get(PROGRESS, secret=again.secret).status_code == 404
    assert host.post(a_request(), secret=again.secret).status_code == 403


def test_a_revoked_key_is_forgotten_within_two_seconds(small_host, on_sqlite, monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 2.0)
    clock = [1000.0]
    object.__setattr__(on_sqlite.tools, "elapsed", lambda: clock[0])
    assert small_host.get(PROGRESS).status_code == 404
    with on_sqlite.store.write() as work:
        api_keys.revoke(work, "host")
    clock[0] += 2
    assert small_host.get(PROGRESS).status_code == 401


def test_it_is_written_down_when_a_key_was_last_used_once_a_minute(host, installation):
    def used():
        with installation.store.read() as work:
            return next(one.last_used_at for one in api_keys.all_keys(work) if one.id == "host")

    assert used() is None
    host.get(PROGRESS, secret="whsec_AAAA")
    assert used() is None
    host.get(PROGRESS)
    first = used()
    host.get(PROGRESS)
    assert used() == first
    installation.later(61)
    host.get(PROGRESS)
    assert used() > first


def test_a_host_that_asks_too_often_is_told_how_long_to_wait_and_others_go_on(make_installation, sqlite_url):
    made = make_installation(sqlite_url, requests_per_minute=60)
    client = made.tools.redis
    one = Portion(REQUESTS, 1, 60)
    assert [take(client, "a", one) for _ in range(10)] == [None] * 10
    assert take(client, "a", one) == (one, 1)
    assert take(client, "b", one) is None


def test_too_many_requests_are_a_429_with_a_time(small_host, on_sqlite):
    object.__setattr__(on_sqlite.tools, "settings", on_sqlite.settings.model_copy(update={"requests_per_minute": 60}))
    answers = [small_host.get(PROGRESS) for _ in range(12)]
    assert answers[0].status_code == 404
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["retry_after"] == 1
    assert problems(refused)[0].startswith("x-crewcard-key: ")


def test_while_redis_is_away_the_doors_take_events(small_host, on_sqlite):
    import redis

    object.__setattr__(on_sqlite.tools, "redis", redis.Redis(port=1, retry=None))
    object.__setattr__(on_sqlite.tools, "settings", on_sqlite.settings.model_copy(update={"requests_per_minute": 18}))
    events = [a_request(an_invoice(f"i{number}"), request=f"r{number}") for number in range(5)]
    answers = [small_host.post(event) for event in events]
    assert [one.status_code for one in answers] == [202] * 3 + [429] * 2  # ten seconds' worth, counted in memory
    assert int(answers[-1].headers["retry-after"]) >= 1


# -- the command


@pytest.fixture
def command(on_sqlite, monkeypatch):
    monkeypatch.setattr(common, "ready", lambda: on_sqlite.tools)

    def run(*words, code=0):
        ended = CliRunner().invoke(app, ["keys", *words])
        assert ended.exit_code == code, ended.output
        return ended.stdout

    return run


def test_the_command_makes_rotates_lists_and_revokes_a_key(command, on_sqlite, small_doors):
    made = json.loads(command("make", "pages", "--company", COMPANY, "--scope", "reads", "--json"))
    host = Host(on_sqlite, small_doors, "pages")
    assert host.get(PROGRESS, secret=made["secret"]).status_code == 404
    assert host.post(a_request(), secret=made["secret"]).status_code == 403
    new = command("rotate", "pages", "--keep-hours", "0").strip()
    assert [host.get(PROGRESS, secret=one).status_code for one in (made["secret"], new)] == [401, 404]
    (row,) = json.loads(command("list", "--json"))
    assert (row["id"], row["companies"], row["scopes"], row["state"]) == ("pages", [COMPANY], ["reads"], "good")
    assert row["last_used_at"]
    assert made["secret"][6:] not in command("list") + command("list", "--json")
    assert "opens nothing" in command("revoke", "pages")
    assert "revoked before" in command("revoke", "pages")
    assert json.loads(command("list", "--json"))[0]["state"] == "revoked"
    assert host.get(PROGRESS, secret=new).status_code == 401


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("make", "k"), 2),
        (("make", "k", "--company", COMPANY, "--every-company"), 2),
        (("make", "a key", "--every-company"), 2),
        (("make", "k", "--company", "nobody"), 1),
        (("make", "k", "--every-company", "--scope", "everything"), 2),
        (("rotate", "k"), 1),
        (("revoke", "k"), 1),
        (("rotate", "k", "--keep-hours", "-1"), 2),
    ],
)
def test_the_command_refuses_with_a_sentence_what_it_cannot_do(command, on_sqlite, words, code):
    assert command(*words, code=code) == ""
    with on_sqlite.store.read() as work:
        assert api_keys.all_keys(work) == []


def test_a_key_that_is_there_is_not_made_again(command, on_sqlite):
    first = command("make", "k", "--every-company")
    assert command("make", "k", "--every-company", code=1) == ""
    with on_sqlite.store.read() as work:
        assert api_keys.find(work, on_sqlite.tools.vault, "k").secret == first.strip()
