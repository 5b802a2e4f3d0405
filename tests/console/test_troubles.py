"""What goes wrong in the console is told as a page, to a person; at the doors as a problem document, to a program."""

import pytest

from web.answers import MEDIA_TYPE


def test_an_address_without_a_page_is_told_with_the_way_back(person):
    page = person("read").see("/no-such-page", 404)
    assert "There is nothing at /console/no-such-page." in page
    assert 'href="/console"' in page
    assert "Failures" in page


def test_a_stranger_learns_nothing_more_there(console, person):
    somebody = person("read")
    somebody.browser.cookies.clear()
    answer = somebody.browser.get("/console/no-such-page")
    assert (answer.status_code, "Failures" in answer.text) == (404, False)


@pytest.mark.parametrize("path", ["/console", "/console/failures"])
def test_while_the_database_is_away_the_page_says_so(on_sqlite, person, path, tmp_path):
    somebody = person("read")
    with on_sqlite.store.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME TO users_away")
        connection.commit()
    answer = somebody.browser.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "cannot take this at the moment, it does not answer" in answer.text
    assert "users_away" not in answer.text


def test_a_door_answers_a_program(person):
    answer = person("read").browser.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
