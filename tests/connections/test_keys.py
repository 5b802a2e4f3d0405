"""ENCRYPTION_KEYS are rotated while everything runs; the vault never gives what it should not."""

import dataclasses
import traceback

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from cli.main import app
from events.credentials import AppKeys, TokenPair
from store import api_keys, vault
from store.vault import Unopenable, Vault
from tests.builders import an_invoice
from tests.connections.house import TENANT
from tests.installation import KEY
from worker.connections import apps, health
from worker.connections.connecting import App

NEW = Fernet.generate_key().decode()


def test_every_secret_is_sealed_again_with_the_newest_key_and_work_goes_on(house):
    _all_kinds_of_secrets(house)
    both = Vault([NEW, KEY])
    with house.tools.store.read() as work:
        assert vault.left_to_reseal(work, both) == 5
    assert vault.reseal(house.tools.store, both) == (5, 0)
    with house.tools.store.read() as work:
        assert vault.left_to_reseal(work, Vault([NEW])) == 0
        assert api_keys.find(work, Vault([NEW]), "host").secret.startswith("whsec_")
    house.tools.vault._fernet = Vault([NEW])._fernet
    house.tools.targets["xero"].login.auth.renew(*house.login())
    house.installation.ask(an_invoice())
    house.installation.run()
    assert len(house.books()) == 1


def test_a_pair_that_is_refreshed_meanwhile_is_not_overwritten(house):
    house.company()
    house.log_in()
    both = Vault([NEW, KEY])
    house.tools.vault._fernet = both._fernet
    seal = both.seal

    def refreshed_meanwhile(secret: str) -> bytes:
        if "refresh_token" in secret:
            house.tools.targets["xero"].login.auth.renew(*house.login())
        return seal(secret)

    both.seal = refreshed_meanwhile
    vault.reseal(house.tools.store, both)
    house.installation.later(3600)
    house.tools.targets["xero"].login.auth.renew(*house.login())
    assert house.tools.targets["xero"].login.auth.access(*house.login())


def test_every_sealed_column_is_rotated(small_house):
    """A new secret that nobody lists in `reseal` would be lost with the old key."""
    from store import tables

    binary = {
        (model.__tablename__, column.name)
        for model in vars(tables).values()
        if isinstance(model, type) and hasattr(model, "__table__")
        for column in model.__table__.columns
        if "BLOB" in str(column.type) or "BINARY" in str(column.type).upper()
    }
    known = {(model.__tablename__, name) for model, name in vault.SECRETS}
    assert binary - known == {
        ("dead_letters", "body"),
        ("dead_letters", "mended"),
        ("attachment_contents", "content"),
        ("batches", "body"),
        ("drafts", "body"),
    }


def test_the_command_says_what_it_did_and_what_does_not_open(small_house, monkeypatch):
    _all_kinds_of_secrets(small_house)
    settings = small_house.tools.settings
    for name, value in (
        ("DATABASE_URL", settings.database_url),
        ("REDIS_URL", settings.redis_url),
        ("ENCRYPTION_KEYS", NEW),
    ):
        monkeypatch.setenv(name, value)
    lost = CliRunner().invoke(app, ["rotate-keys"])
    assert lost.exit_code == 1
    assert "5 secrets do not open" in lost.output
    monkeypatch.setenv("ENCRYPTION_KEYS", f"{NEW},{KEY}")
    done = CliRunner().invoke(app, ["rotate-keys"])
    assert done.exit_code == 0
    assert "5 secrets were sealed with the newest key." in done.output
    assert "None needs an older key." in CliRunner().invoke(app, ["rotate-keys"]).output


def test_without_its_key_a_secret_is_named_missing_and_nothing_more(small_house):
    sealed = Vault([KEY]).seal("the secret")
    with pytest.raises(Unopenable, match="ENCRYPTION_KEYS"):
        Vault([NEW]).open(sealed)


def test_while_a_key_is_missing_everything_waits_and_goes_on_once_it_is_back(house, monkeypatch):
    house.company()
    house.log_in()
    house.tools.vault._fernet, good = Vault([NEW])._fernet, house.tools.vault._fernet
    house.installation.ask(an_invoice())
    house.installation.settle_down(6)
    assert house.installation.calls("PUT") == []
    assert (house.installation.export("i1").state, house.installation.export("i1").attempts) == ("pending", 0)
    assert house.installation.events("invoice.export.failed") == []
    assert house.connection().state == "connected"
    (seen,) = health.of_all(house.tools)
    assert (seen.wrong, seen.who) == ("What is kept for Harbour does not open with ENCRYPTION_KEYS.", "admin")
    assert "switched off" in house.browser().get(house.link()).text, "a login needs the app's secret"
    house.tools.vault._fernet = good
    house.installation.settle_down(2)
    assert len(house.books()) == 1
    assert house.xero.token_calls() == 2, "the login's own, and one renewal in the end"


def test_the_doctor_says_that_a_key_is_missing(small_house, monkeypatch):
    _all_kinds_of_secrets(small_house)
    chosen = small_house.tools.settings
    for name, value in (
        ("DATABASE_URL", chosen.database_url),
        ("REDIS_URL", chosen.redis_url),
        ("ENCRYPTION_KEYS", NEW),
    ):
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(app, ["doctor"])
    assert said.exit_code == 1
    assert "secrets: 5 open with no key in ENCRYPTION_KEYS" in " ".join(said.output.split())


@pytest.mark.parametrize(
    ("keys", "words"),
    [("", "at least one key is needed"), (f"{KEY},canary", "key 2 is none of ours")],
    ids=["none", "one that is no key"],
)
def test_keys_that_are_none_are_told_in_one_sentence_that_does_not_repeat_them(monkeypatch, keys, words):
    monkeypatch.setenv("ENCRYPTION_KEYS", keys)
    said = CliRunner().invoke(app, ["connections"])
    assert words in str(said.exception)
    assert isinstance(said.exception, SystemExit)
    assert "canary" not in str(said.exception)


def test_who_lost_the_key_enters_the_secret_again_and_logs_in(house):
    house.company()
    house.log_in()
    house.installation.ask(an_invoice())
    house.tools.vault._fernet = Vault([NEW])._fernet
    apps.rotate_secret(house.tools, "harbour", "s", "olga")
    assert house.log_in().status_code == 303
    house.installation.settle_down(1)
    assert len(house.books()) == 1
    assert all(one.well for one in health.of_all(house.tools))
    assert not apps.forget_former_secret(house.tools, "harbour", "olga"), "what opens with no key is not kept"


def test_secrets_in_flight_do_not_show_themselves():
    secrets = [
        AppKeys("id", ("canary",)),
        TokenPair("canary", "canary"),
        App("id", "canary"),
        dataclasses.replace(TokenPair("a", "b"), access_token="canary"),
    ]
    with pytest.raises(RuntimeError) as caught:
        _fall_over(secrets)
    shown = "".join(traceback.format_exception(caught.value))
    assert "canary" not in repr(secrets) + shown


def _fall_over(secrets: list) -> None:
    raise RuntimeError(secrets)


def _all_kinds_of_secrets(house) -> None:
    """An app with two secrets, a pair, a host's key, and the verifier of a login."""
    house.company()
    house.log_in(tenant=TENANT)
    house.host()
    house.xero.app("app-harbour", "next")
    apps.rotate_secret(house.tools, "harbour", "next", "olga")
