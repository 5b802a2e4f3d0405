"""The command: companies, connect, connections, doctor; each says what is wrong and who can mend it."""

import json

import pytest

from store import connections
from tests.builders import an_invoice
from tests.connections.house import OTHER_TENANT, TENANT


def test_from_nothing_to_a_connected_company_by_command(small_house, command):
    assert command("companies", "add", "pier", "--name", "Pier Crew").exit_code == 0
    small_house.xero.app("APP-PIER", "s3cret")
    kept = command("companies", "app", "pier", "--client-id", "APP-PIER", typed="s3cret\n")
    assert kept.exit_code == 0, kept.output
    assert "s3cret" not in kept.output
    link = json.loads(command("connect", "pier", "--json").stdout)["url"]
    browser = small_house.browser()
    page = browser.get(small_house.xero.answer(small_house.to_xero(browser, link), tenant=TENANT))
    assert "Connected to Organisation 1111" in page.text
    (seen,) = json.loads(command("connections", "--json").stdout)
    assert (seen["well"], seen["organisation"], seen["short_code"]) == (True, "Organisation 1111", "!AbC1")


def test_a_custom_connection_is_connected_by_command_and_its_kind_is_said(small_house, command):
    assert command("companies", "add", "pier", "--name", "Pier Crew").exit_code == 0
    small_house.xero.app("OWN", "s3cret", kind="custom", tenant=TENANT)
    kept = command("companies", "app", "pier", "--client-id", "OWN", "--custom", typed="s3cret\n")
    assert (kept.exit_code, "Connected to Organisation 1111. Nobody logs in." in kept.output) == (0, True)
    said = command("connect", "pier", "--json").stdout
    assert json.loads(said[said.index("{") :]) == {"company": "pier", "connected": "Organisation 1111"}
    (seen,) = json.loads(command("connections", "--json").stdout)
    assert (seen["well"], seen["app_kind"], seen["login_ends_at"]) == (True, "custom", None)
    for words in (("connections",), ("doctor",)):
        said = command(*words).output
        assert "would end on" not in said
    assert "custom connection: nobody logs in, and no login ends" in command("connections").output


def test_a_custom_connection_that_xero_does_not_know_is_not_kept_and_its_secret_can_be_given_again(
    small_house, command
):
    small_house.company()
    small_house.log_in()
    small_house.xero.app("OWN", "s3cret", kind="custom", tenant=OTHER_TENANT)

    def enter(secret):
        return command("companies", "app", "harbour", "--client-id", "OWN", "--custom", typed=f"{secret}\n")

    said = enter("wrong")
    assert (said.exit_code, "nothing was saved" in " ".join(said.output.split())) == (1, True)
    small_house.installation.ask(an_invoice())
    small_house.installation.run()
    assert small_house.installation.markers() == {"i1": "exported"}, "what it had goes on as it was"
    assert enter("s3cret").exit_code == 0
    assert small_house.connection().client_id == "OWN"


def test_a_webhook_key_is_kept_by_command_and_connections_say_what_comes(small_house, command):
    small_house.company()
    small_house.log_in()
    kept = command("companies", "webhook-key", "harbour", typed="k3y\n")
    assert kept.exit_code == 0, kept.output
    assert "/xero/webhooks/harbour" in kept.output
    assert "k3y" not in kept.output
    assert "Xero has posted nothing yet" in command("connections").output
    small_house.installation.later(-15 * 86_400)
    _note_webhook(small_house)
    assert "Xero's webhooks were last seen 15 days ago" in command("doctor").output
    small_house.installation.later(15 * 86_400)
    _note_webhook(small_house)
    for words in (("connections",), ("doctor",)):
        assert "Xero's webhooks last came 20" in command(*words).output
    assert json.loads(command("connections", "--json").stdout)[0]["webhooks_seen_at"]
    assert "none to forget" in command("companies", "forget-webhook-key", "harbour").output
    assert "Forgotten" in command("companies", "forget-webhook-key", "harbour", "--all").output


def _note_webhook(house):
    with house.installation.store.write() as work:
        connections.note_webhook(work, "harbour")


def test_connections_and_doctor_say_what_is_wrong_and_who_can_mend_it(small_house, command):
    small_house.company()
    small_house.log_in()
    small_house.company("pier")
    small_house.installation.ask(an_invoice())
    small_house.installation.run()
    for words in (("connections",), ("doctor",)):
        said = command(*words)
        assert said.exit_code == 1
        for line in (
            "harbour → Organisation 1111",
            "short code !AbC1 · USD",
            "· left 4,99",
            "scopes offline_access accounting.invoices",
            "the login would end on",
            "pier → not connected",
            "Pier is not connected to a Xero organisation yet. (to be mended by: clerk)",
        ):
            assert line in said.output, line
    one = json.loads(command("doctor", "--json").stdout)["connections"][0]
    assert one["last_good_call"]
    assert one["day_calls_left"] < 5000


def test_what_waits_for_another_organisation_is_decided_by_command(small_house, command):
    small_house.company()
    small_house.log_in()
    small_house.installation.simulator.state.identity.grants.clear()
    small_house.installation.ask(an_invoice())
    small_house.installation.until_proven()
    small_house.log_in(tenant=OTHER_TENANT)
    told = command("connections")
    assert "meant for Organisation 1111 wait, and Harbour is now connected to Organisation 2222" in told.output
    assert "At the machine: crewcard-xero connections decide harbour" in told.output
    assert command("connections", "decide", "harbour").exit_code == 2
    assert "1 invoices go" in command("connections", "decide", "harbour", "--send").output
    assert command("connections", "decide", "harbour", "--send").exit_code == 1
    small_house.installation.settle_down(1)
    assert len(small_house.books(OTHER_TENANT)) == 1


def test_secrets_scopes_switching_off_and_parting_by_command(small_house, command):
    small_house.company()
    small_house.log_in()
    refused = command("companies", "secret", "harbour", typed="newer\n")
    assert (refused.exit_code, "Xero does not know this Client ID together" in refused.output) == (1, True)
    small_house.xero.app("app-harbour", "newer")
    assert "Xero knows it" in command("companies", "secret", "harbour", typed="newer\n").output
    assert "companies forget-secret harbour" in command("connections").output
    assert "Forgotten" in command("companies", "forget-secret", "harbour").output
    assert "already" in command("companies", "scopes", "harbour", "granular").output
    command("companies", "disable", "harbour")
    assert "were switched off here" in command("connections").output
    command("companies", "enable", "harbour")
    assert command("connections").exit_code == 0
    assert "is disconnected" in command("connections", "disconnect", "harbour").output
    assert command("connections", "disconnect", "harbour").exit_code == 1
    assert "harbour" in command("companies").output


def test_a_secret_about_which_xero_cannot_be_asked_is_kept_and_that_is_said(small_house, command):
    small_house.company()
    small_house.log_in()
    small_house.installation.simulator.state.faults.set({"token_500": 1.0})
    said = command("companies", "secret", "harbour", typed="perhaps\n")
    assert (said.exit_code, "saved, and not checked" in said.output) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ("connect", "nowhere"),
        ("companies", "app", "nowhere", "--client-id", "x"),
        ("connect", "harbour", "--return-to", "https://evil.example"),
        ("companies", "secret", "pier"),
        ("companies", "app", "harbour", "--client-id", "x", "--callback", "https://evil.example"),
        ("companies", "app", "harbour", "--client-id", "x"),
    ],
)
def test_what_cannot_be_done_ends_with_one_and_a_sentence(small_house, command, words):
    small_house.company()
    said = command(*words)
    assert said.exit_code == 1
    assert said.output.strip().endswith((".", "!", "harbour", "pier", "nowhere", "secret"))
