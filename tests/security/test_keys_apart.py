"""What one company names is its own: nobody takes another's ids, nor learns which are in use; and keys end."""

import json

import pytest
from typer.testing import CliRunner

from cli import common
from cli.main import app
from store import inbox
from tests.builders import COMPANY, an_invoice
from tests.doors.host import problems
from tests.security.at_the_doors import CONTENT, RIVAL, a_click, an_event
from tests.security.at_the_doors import ground as ground  # noqa: PLC0414  # the fixture

# -- ids


@pytest.fixture
def both(ground):
    """The host of a company, and that of its rival."""
    return ground.key("host"), ground.key("rivals", [RIVAL])


def test_ids_taken_beforehand_are_taken_from_nobody(ground, both):
    host, rival = both
    for number in range(5):
        assert rival.post(a_click(f"click-{number}", RIVAL)).status_code == 202
    for number in range(5):
        answer = host.post(a_click(f"click-{number}", invoice=f"i{number}"))
        assert (answer.status_code, answer.headers.get("x-crewcard-repeated")) == (202, None)
        assert answer.json()["company"] == COMPANY
    ground.installation.run()
    assert len(ground.installation.books()) == 5


@pytest.mark.parametrize("type_", sorted(CONTENT))
def test_of_no_type_of_event_is_an_id_taken(both, type_):
    host, rival = both
    for taken in CONTENT:
        assert rival.post(an_event(taken, f"id-{taken}", RIVAL)).status_code == 202
        answer = (
            host.post(an_event(type_, f"id-{taken}", request=f"r-{taken}")) if "request" in CONTENT[type_] else None
        )
        answer = answer or host.post(an_event(type_, f"id-{taken}"))
        assert (answer.status_code, answer.headers.get("x-crewcard-repeated")) == (202, None)


def test_the_same_event_is_answered_each_company_its_own_and_again_the_same(both):
    host, rival = both
    first = [host.post(a_click()).json(), rival.post(a_click(company=RIVAL)).json()]
    again = [host.post(a_click()), rival.post(a_click(company=RIVAL))]
    assert [one.json() for one in again] == first
    assert {one.headers["x-crewcard-repeated"] for one in again} == {"true"}
    assert [one["company"] for one in first] == [COMPANY, RIVAL]


def test_an_id_says_nothing_of_anothers_use_of_it(both):
    """The same answer whether the id is in use by another or not."""
    host, rival = both
    assert host.post(a_click("used")).status_code == 202
    answers = [rival.post(a_click(id_, RIVAL, invoice=id_)) for id_ in ("used", "unused")]
    assert {one.status_code for one in answers} == {202}
    assert [one.json() | {"event": "", "request": ""} for one in answers[:1]] == [
        answers[1].json() | {"event": "", "request": ""}
    ]
    assert rival.post(a_click("used", RIVAL, invoice="other")).status_code == 409  # its own by now


SPELLINGS = [
    *('" harbour"', '"harbour "', '"HARBOUR"', '"harbour\\u0000"', '"harb\\u200bour"', '"\\uff48arbour"'),
    *('["harbour"]', '{"id": "harbour"}', '"rival", "company": "harbour"', '"rival\\nharbour"', "null", '"*"', '""'),
]


@pytest.mark.parametrize("said", SPELLINGS)
def test_no_spelling_of_another_company_opens_it(ground, both, said):
    """Not alone, and not in an array whose other events are one's own."""
    _, rival = both
    before = ground.what_happened()
    for type_ in CONTENT:
        text = json.dumps(an_event(type_, f"e-{type_}", "HERE")).replace('"HERE"', said)
        assert rival.post(text).status_code in (403, 422)
        (result,) = rival.post(f"[{text}]").json()["results"]
        assert result["status"] in (403, 422)
    assert ground.what_happened() == before


def test_in_one_array_two_companies_may_use_one_id(ground):
    host = ground.key("crewcard", None)
    results = host.post([a_click(), a_click(company=RIVAL), a_click()]).json()["results"]
    assert [one["status"] for one in results] == [202, 202, 202]
    assert [one["company"] for one in results] == [COMPANY, RIVAL, COMPANY]
    changed = host.post([a_click(invoice="other"), a_click(company=RIVAL)]).json()["results"]
    assert [one["status"] for one in changed] == [409, 202]


def test_requests_of_one_name_are_told_apart(ground, both):
    host, rival = both
    for who, company in ((host, COMPANY), (rival, RIVAL)):
        assert who.post(a_click(company=company)).status_code == 202
    ground.installation.run()
    cancel = an_event("invoice.export.cancel_requested", "c1", RIVAL, request="click-1", invoices=[])
    assert rival.post(cancel).status_code == 202
    for target in ("requests/click-1", "invoices?ids=i1"):
        assert rival.get(f"/v1/companies/{COMPANY}/{target}").status_code == 403
    assert host.get(f"/v1/companies/{COMPANY}/requests/click-1").json()["exported"] == 1


def test_the_same_broken_bytes_of_two_keys_are_two_letters(ground, both):
    host, rival = both
    for who in (rival, host, rival, host):
        assert who.post("{").status_code == 422
    assert [(one.key, one.companies) for one in ground.letters()] == [("host", COMPANY), ("rivals", RIVAL)]


@pytest.mark.parametrize("source", ["crewcard-xero/console", "crewcard-xero/import", "crewcard-xero/sending-again"])
def test_nobody_speaks_in_the_name_of_our_own_events(ground, source):
    host = ground.key("host")
    answer = host.post({**a_click("bulk-1-1"), "source": source})
    assert answer.status_code == 422
    assert problems(answer)[0].startswith("source: ")
    (in_array,) = host.post([{**a_click("bulk-1-2"), "source": source}]).json()["results"]
    assert in_array["status"] == 422


# -- keys that end


@pytest.fixture
def command(ground, monkeypatch):
    monkeypatch.setattr(common, "ready", lambda: ground.tools)

    def run(*words, code=0):
        ended = CliRunner().invoke(app, ["keys", *words])
        assert ended.exit_code == code, ended.output
        return ended.stdout

    return run


def test_a_key_opens_nothing_after_its_end_and_says_so(ground, command):
    secret = command("make", "trial", "--company", COMPANY, "--expires", "10d").strip()
    host = ground.key("trial")
    assert host.post(a_click(), secret=secret).status_code == 202
    ground.installation.later(10 * 86_400 + 1)
    refused = host.post(a_click(), secret=secret)
    assert (refused.status_code, "was good until" in problems(refused)[0]) == (401, True)
    assert host.get("/v1/events", secret=secret).status_code == 401
    assert "expired" in command("list")
    with ground.tools.store.read() as work:
        days = (work.now.date()).isoformat()
    command("expire", "trial", days, code=0)
    assert host.post(a_click(), secret=secret).status_code == 202


@pytest.mark.parametrize(
    "when",
    [
        *("yesterday", "0d", "-3d", "2020-01-01", "99999999999d", "31.03.2027"),
        *("1_0d", "\uff11\uff12d", "+9d", " 9d", "9 d", "\u0663d", "2027-3-31", "\uff12027-03-31", "9D", ""),
    ],
)
def test_an_end_that_is_none_is_refused_with_the_forms_there_are(command, when):
    assert command("make", "k", "--company", COMPANY, "--expires", when, code=2) == ""
    command("make", "good", "--company", COMPANY)
    assert command("expire", "--", "good", when, code=2) == ""


def test_the_list_warns_before_a_key_ends(ground, command):
    command("make", "trial", "--company", COMPANY, "--expires", "30d")
    assert json.loads(command("list", "--json"))[0]["state"] == "good"
    ground.installation.later(17 * 86_400)
    assert json.loads(command("list", "--json"))[0]["state"] == "good, expires soon"


def test_all_that_is_done_with_keys_is_in_the_audit(ground, command):
    made = command("make", "pages", "--company", COMPANY, "--scope", "reads", "--by", "olga").strip()
    new = command("rotate", "pages", "--by", "olga").strip()
    command("expire", "pages", "90d", "--by", "olga")
    command("revoke", "pages", "--by", "olga")
    command("revoke", "pages", "--by", "olga")
    command("make", "pages", "--every-company", "--by", "olga")
    lines = ground.audit()[::-1]
    done = ["key made", "key rotated", "key's end changed", "key revoked", "key made"]
    assert [(line.who, line.what) for line in lines] == [("olga", what) for what in done]
    assert json.loads(lines[0].chosen) == {"key": "pages", "companies": [COMPANY], "scopes": ["reads"]}
    assert json.loads(lines[-1].chosen)["companies"] == "every company"
    assert [line.company for line in lines] == [COMPANY] * 4 + [""]
    kept = " ".join(line.chosen for line in lines)
    assert made[6:] not in kept
    assert new[6:] not in kept


def test_letters_keep_what_the_key_was_good_for_when_they_came(ground):
    ground.key("narrow", scopes=["exports", "reads"]).post("{")
    (letter,) = ground.letters()
    assert (letter.key, letter.companies, letter.scopes) == ("narrow", COMPANY, "exports,reads")
    assert letter.body_hash == inbox.fingerprint(b"{")
    assert an_invoice()["id"] not in letter.problems


def test_a_number_in_no_plain_digits_is_refused_by_the_name_of_what_it_was_for(ground, command, monkeypatch):
    """What Python takes for a number and nobody meant: `1_0` is ten, `nan` is within every bound."""
    command("make", "k", "--company", COMPANY)
    monkeypatch.setattr(common, "ready", lambda: ground.tools)
    places = {
        "keep-hours": ("keys", "rotate", "k", "--keep-hours"),
        "hours": ("users", "link", "anna", "--hours"),
        "most": ("audit", "--most"),
        "at-most": ("pause", "--all", "--wait", "--at-most"),
        "number": ("dead-letters", "discard", "--why", "x"),
        "due": ("companies", "settings", COMPANY, "--set"),
    }
    lines = len(ground.audit())
    for name, words in places.items():
        for typed in ("1_0", "\uff11\uff12", "\u00b2", "nan", "inf", "1e1", " 7"):
            given = f"due=days_after_invoice:{typed}x"[:-1] if name == "due" else typed
            if (name, typed) == ("due", " 7"):
                continue  # spaces around a value of a setting are left out
            done = CliRunner().invoke(app, [*words, given], env={"COLUMNS": "200"})
            assert (done.exit_code, name in done.output.lower()) == (2, True), (words, typed, done.output)
    assert len(ground.audit()) == lines
