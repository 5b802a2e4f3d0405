"""Many companies from one file: each once, none lost, and nothing that would end a login done by the way."""

import json

import pytest

from store import audit, companies, connections
from worker.connections import apps

FILE = """company;name;client_id;client_secret
harbour;Harbour Crew;APP-1;s3cret-1
pier;Pier Crew;APP-2;s3cret-2
quay;;APP-3;pkce
"""


@pytest.fixture
def imported(command, tmp_path):
    """Imports a text; gives the code of the end, the document, and everything that was printed."""

    def run(text, *words):
        file = tmp_path / "companies.csv"
        file.write_text(text)
        ended = command("companies", "import", str(file), "--json", "--yes", *words)
        return ended.exit_code, json.loads(ended.stdout), ended.output

    return run


def there(house):
    """Each company with its name, and the app and secrets it has."""
    with house.tools.store.read() as work:
        found = {}
        for one in companies.all_companies(work):
            used = connections.app_of_company(work, one.id)
            keys = connections.app_keys(work, house.tools.vault, used[1].client_id) if used else None
            found[one.id] = (one.name, keys and keys.client_id, keys and keys.secrets)
        return found


def test_a_file_sets_up_companies_with_their_apps_and_again_changes_nothing(small_house, imported):
    code, said, printed = imported(FILE)
    assert (code, said["done"]["quay"], said["mistakes"]) == (0, ["set up", "app"], {})
    assert there(small_house) == {
        "harbour": ("Harbour Crew", "APP-1", ("s3cret-1",)),
        "pier": ("Pier Crew", "APP-2", ("s3cret-2",)),
        "quay": ("quay", "APP-3", ()),
    }
    assert "s3cret" not in printed
    assert imported(FILE)[:2] == (0, {"done": {}, "before": ["harbour", "pier", "quay"], "mistakes": {}})


class Killed(BaseException):
    """The process is gone."""


def dies_at(cut, fatal):
    """From here on the process dies at this step: before and after each transaction, and at its end inside."""
    left = iter(range(1, 1000))

    def stepping(real):
        def step(*args, **named):
            if next(left) == fatal:
                raise Killed
            said = real(*args, **named)
            if next(left) == fatal:
                raise Killed
            return said

        return step

    for holder, name in [(apps, "add_company"), (apps, "set_app"), (audit, "note")]:
        cut.setattr(holder, name, stepping(getattr(holder, name)))


def test_killed_at_any_step_and_given_again_it_goes_on_where_it_was(small_house, imported):
    """The first time it dies at the first step, then at the second, and so on until it lives."""
    for fatal in range(1, 100):
        with pytest.MonkeyPatch.context() as cut:
            dies_at(cut, fatal)
            try:
                code, said, _ = imported(FILE)
            except Killed:
                continue
        break
    assert (code, said["mistakes"], sorted([*said["done"], *said["before"]])) == (0, {}, ["harbour", "pier", "quay"])
    assert said["before"]
    assert {id_: app for id_, (_, app, _) in there(small_house).items()} == {
        "harbour": "APP-1",
        "pier": "APP-2",
        "quay": "APP-3",
    }
    with small_house.tools.store.read() as work:
        lines = [(line.company, line.what) for line in audit.newest(work, most=100)]
    assert sorted(lines) == sorted(
        (id_, what) for id_ in ("harbour", "pier", "quay") for what in ("company named", "Xero app set")
    )
    assert fatal > 8  # it died often


def test_json_lines_say_the_same_and_what_is_left_to_do_is_done(small_house, imported):
    imported("company,name\nharbour,Harbour\n")
    lines = '{"company": "harbour", "name": "Harbour Crew", "client_id": "A", "client_secret": "s"}\n\n'
    code, said, _ = imported(lines + '{"company": "pier"}\n')
    assert (code, said["done"]) == (0, {"harbour": ["named", "app"], "pier": ["set up"]})
    assert there(small_house)["harbour"] == ("Harbour Crew", "A", ("s",))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pier,Pier,,,another", "cells"),
        (",Nobody,,", "company"),
        ("harbour,Again,,", "stands in line 2 already"),
        ("pier,Pier,APP-2,", "belong together"),
        ("pier,Pier,APP-1,another", "another secret"),
        ("taken,,APP-9,s", "uses the app APP-8"),
        ("taken,,APP-8,s", "has another secret here"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_holds_back_no_other(small_house, imported, line, said):
    imported("company,client_id,client_secret\ntaken,APP-8,its-own\n")
    text = f"company,name,client_id,client_secret\nharbour,Harbour,APP-1,s3cret-1\n{line}\nquay,Quay,,\n"
    code, found, _ = imported(text)
    assert code == 1
    ((place, told),) = found["mistakes"].items()
    assert place == "companies.csv:3"
    assert said in told
    assert "s3cret" not in told
    assert there(small_house).keys() == {"harbour", "quay", "taken"}
    assert there(small_house)["taken"] == ("taken", "APP-8", ("its-own",))


def test_it_says_first_what_is_left_to_do_and_nothing_is_done_without_a_yes(small_house, command, tmp_path):
    (tmp_path / "c.csv").write_text("company\nharbour\n")
    ended = command("companies", "import", str(tmp_path / "c.csv"), typed="n\n")
    assert "harbour: set up" in ended.output
    assert (ended.exit_code, there(small_house)) == (1, {})
