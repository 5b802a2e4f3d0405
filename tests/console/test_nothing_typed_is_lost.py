"""Nothing typed is lost: a form whose session had ended comes back to its person, and is sent once."""

import html
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from sqlmodel import select, update

from store import audit, pauses
from store.pauses import EVERYBODY
from store.tables import HeldForm, UserSession
from tests.builders import COMPANY, an_invoice
from tests.console.filled import fields_of
from tests.console.happenings import archived, link_crane, unlinked
from tests.console.visiting import PASSWORD, Person, hidden
from web.console import held_forms, rendering

WHY = "sent twice by “mistake” <b>&amp; more</b>"


@pytest.fixture
def somebody(installation, console_of):
    """Support, on both databases, before an invoice that failed."""
    installation.ask(archived("a1"), an_invoice("good"))
    installation.run()
    made = Person(installation, console_of(installation), "support")
    made.sign_in()
    return made


def ended(person, how):
    """The session ends: nobody used it, or it is too old."""
    minutes = person.tools.settings.session_idle_minutes
    if how == "idle":
        person.installation.later(60 * minutes + 60)
    else:
        with person.tools.store.write() as work:
            work.session.exec(update(UserSession).values(ends_at=work.after(-60)))


def send(person, page, path, **fields):
    """What a browser sends from this page: gives where it is led, or the answer."""
    told = {"form": hidden(person.see(page), "form"), **fields}
    return told, lambda: person.browser.post(
        f"/console{path}", data=told, headers={"referer": f"{person.url}/console{page}"}
    )


def signs_in(person, answer):
    """On the sign-in page that somebody was led to; gives the page behind it."""
    asked = person.browser.get(answer.headers["location"])
    back = hidden(asked.text, "back")
    person.sign_in(back=back)
    return asked.text, back


HERE = f"/invoices/{COMPANY}/a1"


@pytest.mark.parametrize("how", ["idle", "over"])
def test_a_form_of_a_session_that_ended_is_filled_in_again_and_then_sent_once(somebody, how):
    _, post = send(somebody, HERE, f"{HERE}/exclude", why=WHY)
    ended(somebody, how)
    answer = post()
    assert answer.status_code == 303
    asked, back = signs_in(somebody, answer)
    assert "Your session had ended, so nothing was done yet." in asked
    page = somebody.browser.get(back).text
    assert "nothing was done. What you typed stands in the form below" in page
    with somebody.tools.store.read() as work:
        assert "exclude" not in {line.what for line in audit.newest(work)}
    fields = fields_of(page, f"{HERE}/exclude")
    assert fields["why"] == WHY
    assert re.search(r"<details open[^>]*>\s*<summary[^>]*>Never send this invoice", page)
    assert fields_of(page, f"{HERE}/replay").get("why") == ""
    told = {"form": hidden(page, "form"), **fields}
    first, second = (somebody.browser.post(f"/console{HERE}/exclude", data=told) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 403)
    assert "nothing was done a second time" in second.text
    with somebody.tools.store.read() as work:
        assert [line.why for line in audit.newest(work) if line.what == "exclude"] == [WHY]
        assert list(work.session.exec(select(HeldForm))) == []


def test_nobody_else_sees_what_was_typed(somebody):
    _, post = send(somebody, HERE, f"{HERE}/exclude", why="only I know this")
    ended(somebody, "idle")
    answer = post()
    other = Person(somebody.installation, somebody.url, "admin", "olga")
    _, back = signs_in(somebody, answer)
    other.sign_in()
    assert "only I know this" not in other.browser.get(back).text
    assert "only I know this" in somebody.browser.get(back).text
    with somebody.tools.store.read() as work:
        assert "only I know this" not in str([row.model_dump() for row in work.session.exec(select(HeldForm))])
    somebody.installation.later(held_forms.SECONDS + 1)
    somebody.sign_in()
    assert "only I know this" not in somebody.browser.get(back).text


def test_where_the_form_is_not_any_more_what_was_typed_can_be_copied(somebody):
    told, _ = send(somebody, HERE, f"{HERE}/exclude", why="a long thought")
    ended(somebody, "idle")
    answer = somebody.browser.post(f"/console{HERE}/exclude", data=told)  # and no page is named
    _, back = signs_in(somebody, answer)
    page = somebody.browser.get(back).text
    assert urlsplit(back).path == "/console"
    assert "its form is not here any more" in page
    assert "a long thought</pre>" in page


def test_what_a_stranger_sends_is_not_kept(somebody):
    told, _ = send(somebody, HERE, f"{HERE}/exclude", why="x")
    ended(somebody, "idle")
    for spoilt in ({"form": "nonsense"}, {"form": ""}):
        somebody.browser.post(f"/console{HERE}/exclude", data={**told, **spoilt})
    somebody.browser.cookies.clear()
    somebody.browser.post(f"/console{HERE}/exclude", data=told)
    with somebody.tools.store.read() as work:
        assert list(work.session.exec(select(HeldForm))) == []


def test_of_one_person_only_the_newest_few_are_kept(somebody):
    _, post = send(somebody, HERE, f"{HERE}/exclude", why="x")
    ended(somebody, "idle")
    for _ in range(held_forms.MOST_OF_A_USER + 3):
        post()
    with somebody.tools.store.read() as work:
        assert len(list(work.session.exec(select(HeldForm)))) == held_forms.MOST_OF_A_USER


def test_a_long_form_is_kept_as_well(somebody):
    _, post = send(somebody, HERE, f"{HERE}/exclude", why="long " * 20_000)
    ended(somebody, "over")
    _, back = signs_in(somebody, post())
    assert fields_of(somebody.browser.get(back).text, f"{HERE}/exclude")["why"].startswith("long long")


def test_no_secret_is_ever_kept():
    """Whatever a page asks for as a password or a code is named among those that are left out."""
    asked = re.compile(r'<input[^>]*(?:type="password"|one-time-code)[^>]*>')
    found = {
        re.search(r'name="([^"]+)"', tag)[1]
        for template in Path(rendering.HERE / "templates").glob("*.html")
        for tag in asked.findall(template.read_text())
    }
    assert found
    assert found <= held_forms.SECRET


def test_every_kind_of_field_is_filled_in():
    page = html.unescape(
        '<form method="post" action="/console/x"><input name="a" value="old">'
        '<input type="checkbox" name="b" value="1">'
        '<input type="checkbox" name="b" value="2" checked><select name="c"><option value="">any</option>'
        '<option value="k" selected>K</option><option>plain</option></select><textarea name="d">old</textarea>'
        '<input type="hidden" name="form" value="fresh"><input name="secret" value=""></form>'
    )
    held = held_forms.HeldAgain(
        "id", "/console/x", {"a": ['n"w'], "b": ["1"], "c": ["plain"], "d": ["line\n<b>"], "secret": ["s"]}
    )
    filled = held_forms.filled_in(page, held)
    fields = fields_of(filled, "/console/x")
    assert fields == {"a": 'n"w', "b": "1", "c": "plain", "d": "\nline\n<b>", "secret": "", "kept": "id"}
    assert 'value="fresh"' in filled
    assert PASSWORD not in filled


def undo(person, page):
    """The form behind “Undo” on the page is sent; gives the page that follows."""
    found = re.search(r'<form method="post" action="([^"]+)">(?:(?!</form>).)*>Undo', page, re.DOTALL)
    assert found, page[:3000]
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found[0])
    told = {}
    for name, value in fields:
        told.setdefault(name, []).append(html.unescape(value))
    answer = person.browser.post(html.unescape(found[1]), data=told)
    assert answer.status_code == 303, answer.text[:2000]
    return person.browser.get(answer.headers["location"]).text


def paused(person, scope):
    with person.tools.store.read() as work:
        return scope in {one.scope for one in pauses.active(work)}


def test_what_was_paused_excluded_or_blocked_is_undone_by_the_button_that_says_so(somebody):
    root = Person(somebody.installation, somebody.url, "admin")
    root.sign_in()
    page = root.do(f"/companies/{COMPANY}/pause", why="closing the books")
    assert paused(root, COMPANY)
    page = undo(root, page)
    assert "goes on" in page
    assert not paused(root, COMPANY)
    assert "is paused" in undo(root, page)  # and that is undone as well
    assert paused(root, COMPANY)
    undo(root, root.do("/pause", why="maintenance"))
    assert not paused(root, EVERYBODY)

    page = root.do(f"{HERE}/exclude", why="in cash")
    assert "Never sent" in page
    assert "<h2>Never sent</h2>" not in undo(root, page)
    with somebody.tools.store.read() as work:
        assert [line.why for line in audit.newest(work) if line.what == "include"] == ["Undone right away"]

    page = root.do("/users/support/disable")
    assert "blocked" in page
    assert "may sign in again" in undo(root, page)
    assert "Undo</button>" not in root.see("/users")  # it is said once


def test_many_that_were_marked_are_unmarked_together(somebody):
    picked = [f"{COMPANY}/a1"]
    page = somebody.do("/replay", act="exclude", pick=picked, why="in cash")
    undone = undo(somebody, page)
    assert "1 invoice allowed again" in undone
    assert "<h2>Never sent</h2>" not in somebody.see(HERE)


def test_a_made_up_cookie_makes_no_button_for_anything_else(somebody):
    for said in ("x\ndelete\na", "x\ndisable", "x\nexclude", "x\n/console/sign-out"):
        somebody.browser.cookies.set("crewcard_said", quote(said), path="/console")
        assert "Undo</button>" not in somebody.see("/failures"), said


def test_access_is_blocked_only_after_a_question(somebody):
    root = Person(somebody.installation, somebody.url, "admin")
    root.sign_in()
    page = root.see("/users")
    folded = re.findall(r"<details>(.*?)</details>", page, re.DOTALL)  # closed until somebody opens it
    (asked,) = [one for one in folded if ">Block Support</button>" in one]
    assert "Signs Support out everywhere." in asked
    assert page.count(">Block Support</button>") == 1


def test_a_replay_says_beforehand_which_causes_cannot_have_gone(installation, console_of):
    credit = an_invoice("credit", line={"unit_amount": "-5.00"})
    installation.ask(credit, unlinked("b1"), unlinked("b2"), archived("a1"))
    installation.run()
    person = Person(installation, console_of(installation), "support")
    person.sign_in()
    page = person.see("/replay?outcome=failed")
    assert "<strong>3 invoices</strong> of these will fail again" in page
    assert "only a change there, sent anew, mends it" in page
    assert page.count("The client still has no contact in Xero.") == 1
    assert page.count("Fails again</span>") == 2
    assert page.index("Send again: 4 invoices") < page.index("By company and cause.")  # not below a hundred rows
    link_crane(installation)
    page = person.see("/replay?outcome=failed")
    assert "<strong>1 invoice</strong> of these will fail again" in page
