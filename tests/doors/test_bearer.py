"""Reads by a plain token, for clients off the shelf: by the rules of signed ones, and never anything else."""

import httpx
import pytest

from store import api_keys
from tests.builders import COMPANY, a_request, an_invoice
from tests.doors.conftest import OTHER_TENANT
from tests.doors.host import problems
from web.rates import REQUESTS, Portion, take
from worker.users import host_keys

PROGRESS = f"/v1/companies/{COMPANY}/requests/r1"
READS = (PROGRESS, f"/v1/companies/{COMPANY}/invoices?ids=i1", f"/v1/companies/{COMPANY}/connection")


@pytest.fixture
def client(on_sqlite, small_doors):
    """Makes a client whose whole knowledge of us is a token."""
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()

    def make(key="pages", companies=(COMPANY,), scopes=("reads",), token=None, expires="never"):
        if token is None:
            secret = host_keys.make(on_sqlite.tools, "test", key, companies, scopes, expires).secret
            token = f"{key}.{secret}"
        return httpx.Client(
            base_url=small_doors, headers={"Authorization": f"Bearer {token}".encode("latin-1")}, timeout=30
        )

    return make


@pytest.mark.parametrize("key", ["pages", "a.b:c_d-e", "x.whsec_y"])
def test_a_client_that_cannot_sign_reads(client, key):
    reader = client(key)
    assert [reader.get(address).status_code for address in READS] == [200] * len(READS)
    assert reader.get(PROGRESS).json()["exported"] == 1


def test_it_reads_its_own_companies_alone(client, on_sqlite):
    on_sqlite.company("other", OTHER_TENANT)
    reader = client()
    answer = reader.get("/v1/companies/other/connection")
    assert answer.status_code == 403
    assert "does not speak for" in problems(answer)[0]


def test_nothing_is_written_and_no_feed_read_by_a_token(client):
    reader = client()
    assert reader.post("/v1/events", json=a_request()).status_code == 401
    assert reader.post(f"/v1/companies/{COMPANY}/previews", json={"invoices": []}).status_code == 401
    assert reader.post(f"/v1/companies/{COMPANY}/disconnect", json={"company": COMPANY}).status_code == 401
    assert reader.get("/v1/events").status_code == 401


@pytest.mark.parametrize("scopes", [("reads", "exports"), ("feed",), ()])
def test_a_key_that_opens_more_than_reads_must_not_travel_as_a_token(client, scopes):
    answer = client(scopes=scopes).get(PROGRESS)
    assert answer.status_code == 403
    assert "the scope “reads” and no other" in problems(answer)[0]


@pytest.mark.parametrize(
    "token", ["nobody.whsec_AAAA", "pages", "pages.whsec_AAAAAAAAAAAAAAAAAAAA", "\xe4.whsec_\xe4", ".whsec_x"]
)
def test_a_wrong_token_is_refused_and_tells_of_no_key_that_it_is_there(client, token):
    client()
    answer = client(token=token).get(PROGRESS)
    assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer")
    unknown = client(token="nobody.whsec_BBBB").get(PROGRESS)
    assert (problems(answer) == problems(unknown)) is (".whsec_" in token and not token.startswith("."))


def test_an_old_secret_a_revoked_and_an_expired_key_are_as_with_signatures(client, on_sqlite):
    old = client()
    new = host_keys.rotate(on_sqlite.tools, "test", "pages", 1)
    fresh = client(token=f"pages.{new.secret}")
    assert (old.get(PROGRESS).status_code, fresh.get(PROGRESS).status_code) == (200, 200)
    on_sqlite.later(3601)
    assert (old.get(PROGRESS).status_code, fresh.get(PROGRESS).status_code) == (401, 200)
    host_keys.expire(on_sqlite.tools, "test", "pages", "1d")
    on_sqlite.later(2 * 86_400)
    answer = fresh.get(PROGRESS)
    assert (answer.status_code, answer.json()["title"]) == (401, "Key expired")
    host_keys.revoke(on_sqlite.tools, "test", "pages")
    assert fresh.get(PROGRESS).status_code == 401


def test_too_many_reads_wait_as_signed_ones_do(client, on_sqlite):
    reader = client()
    most = on_sqlite.settings.requests_per_minute
    take(on_sqlite.tools.redis, "pages", Portion(REQUESTS, most, most))
    answer = reader.get(PROGRESS)
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)


def test_its_use_is_noted(client, on_sqlite):
    client().get(PROGRESS)
    with on_sqlite.store.read() as work:
        assert api_keys.without_secrets(work, "pages").last_used_at is not None
