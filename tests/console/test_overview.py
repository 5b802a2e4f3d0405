"""The first page of the morning: what needs a person stands first, then how things go."""

import json
import re

import pytest

from events.connections import ConnectionProblem
from store import connections, inbox, processes
from store.tables import Redelivery
from tests.builders import an_invoice
from tests.console.conftest import statements
from tests.console.happenings import archived, unlinked
from tests.console.visiting import Person
from web.console import overview
from worker.waiting import login_block
from worker.watching import attention, throughput

SCRIPT = "<script>alert(1)</script>"


def matters(page):
    """What needs a person: the text of each card."""
    return [
        re.sub(r"<[^>]+>|\s+", " ", card)
        for card in re.findall(r"<article class=\"card bad\">.*?</article>", page, re.DOTALL)
    ]


def tile(page, name):
    """A tile's figure and note."""
    found = re.search(
        rf">{name}(?:</a>)?</dt>\s*<dd>(.*?)</dd>\s*(?:<dd class=\"note\">(.*?)</dd>)?", page, re.DOTALL
    )
    return found.groups()


def park(installation, company="harbour", problem=ConnectionProblem.LOGIN_ENDED):
    with installation.store.write() as work:
        login_block.park(work, connections.locked(work, company), problem)


def test_when_all_is_well_the_page_says_so_in_one_sentence(person):
    page = person("read").see()
    assert "Nothing needs attention now." in page
    assert tile(page, "Waiting to be sent") == ("0", "nothing waits")
    assert "Nothing in the last twelve hours." in page


def said(page):
    """The verdict, and the address of each of its figures."""
    line = re.search(r'<p class="verdict.*?</p>', page, re.DOTALL)[0]
    return re.sub(r"<[^>]+>|\s+", " ", line).split(), re.findall(r'href="([^"]+)"', line)


def test_the_first_line_says_in_figures_that_all_is_well(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2"))
    on_sqlite.run()
    throughput.count(on_sqlite.tools, "clock")
    words, links = said(person("read").see())
    assert " ".join(words) == "All good · 2 exported today (UTC) · 1 worker"
    assert links == ["/console#problems", "/console/log", "/console#processes"]


def test_the_first_line_counts_what_is_wrong_and_each_figure_leads_there(person, on_sqlite):
    somebody = person("read")
    on_sqlite.ask(an_invoice("i1", lines=[]), an_invoice("i2", client={"id": "nord", "name": "Nord"}))
    on_sqlite.run()
    park(on_sqlite)
    on_sqlite.later(61)
    words, links = said(somebody.see())
    assert " ".join(words).startswith("1 company stopped · 2 invoices in 2 problems · no worker running · no clock")
    assert links[:3] == ["/console/companies?state=needs_person", "/console/failures", "/console#processes"]
    for link in links:
        assert somebody.see(link.partition("#")[0].removeprefix("/console"))


def test_while_no_process_ever_told_that_it_is_there_that_is_the_first_problem(on_sqlite, console):
    somebody = Person(on_sqlite, console, "read")
    somebody.sign_in()
    on_sqlite.ask(an_invoice("i1"))
    first = {(re.search(r"No \w+ is running", one) or [one])[0] for one in matters(somebody.see())}
    assert first == {"No worker is running", "No clock is running"}


def test_the_same_problem_of_many_companies_is_one_row_and_the_greatest_harm_stands_first(installation, console_of):
    """On both databases: how many clients, invoices and companies it is stands in the row."""
    installation.a_worker_runs()
    for number in range(3):
        installation.company(f"c{number}", tenant=f"{number:08d}-2222-4333-8444-555555555555")
        wanted = [an_invoice(f"i{one}", client={"id": f"new-{one}", "name": "New"}) for one in range(4)]
        installation.ask(*wanted, company=f"c{number}", request=f"r{number}")
    installation.ask(archived("odd"))  # its title comes first in the alphabet, and last by harm
    installation.run()
    somebody = Person(installation, console_of(installation), "read")
    somebody.sign_in()
    first, second = matters(somebody.see())
    assert "12 invoices wait for this, of 3 companies, in 12 groups." in first
    assert "1 invoice waits for this." in second
    page = somebody.see("/failures?reason=contact_not_mapped")
    assert page.count('<article class="card bad">') == 12


def test_companies_that_need_the_same_are_one_row(person, on_sqlite):
    for number in range(5):
        on_sqlite.company(f"c{number}", tenant=f"{number:08d}-2222-4333-8444-555555555555")
        park(on_sqlite, f"c{number}")
    park(on_sqlite, "harbour", ConnectionProblem.APP_REFUSED)
    ended, refused = sorted(matters(person("read").see()), key=len)[::-1]
    assert {"5 companies" in ended, "5 companies" in refused} == {True, False}


def test_harm_is_invoices_times_age_of_whatever_kind(person, on_sqlite):
    """One that failed ten minutes ago stands before two that failed now; what holds no invoice comes last."""
    on_sqlite.ask(archived("old"))
    on_sqlite.run()
    on_sqlite.later(600)
    on_sqlite.a_worker_runs()
    on_sqlite.ask(unlinked("b1"), unlinked("b2"), request="r2")
    on_sqlite.run()
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "http", b"{", ["body: not JSON"])
    stand = matters(person("read").see())
    titles = ["Account archived", "Client has no Xero contact", "Unreadable messages"]
    assert [title for one in stand for title in titles if title in one] == titles


def test_no_problem_is_left_out_without_its_number_and_a_link(person, on_sqlite, monkeypatch):
    monkeypatch.setattr(overview, "MOST_PROBLEMS", 1)
    monkeypatch.setattr(attention, "MOST_STOPPED", 2)
    for number in range(4):
        on_sqlite.company(f"c{number}", tenant=f"{number:08d}-2222-4333-8444-555555555555")
        park(on_sqlite, f"c{number}")
    somebody = person("read")
    page = somebody.see()
    assert len(matters(page)) == 1
    assert '<a href="/console?problems=all#problems">1 more problem</a>' in page
    assert any("2 more companies are stopped" in one for one in matters(somebody.see("?problems=all")))
    monkeypatch.undo()


def test_a_login_that_ended_is_named_first_with_who_mends_it_and_where(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2"))
    park(on_sqlite)
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "http", b"{", ["not JSON"])
    page = person("read").see()
    first, second = matters(page)
    assert "Harbour" in first
    assert "no longer accepts the login" in first
    assert "2 invoices wait for it." in first
    assert "the company's clerk in CrewCard" in first.replace("&#39;", "'")
    assert 'href="/console/companies/harbour"' in page
    assert "1 message that came in could not be read" in second
    assert 'href="/console/dead-letters"' in page


def test_a_cause_is_shown_until_it_is_mended(person, on_sqlite):
    new = {"id": "nord", "name": f"Nord {SCRIPT}"}
    on_sqlite.ask(an_invoice("i1", client=new), an_invoice("i2", client=new))
    on_sqlite.run()
    page = person("support").see()
    (told,) = matters(page)
    assert "2 invoices wait for this." in told
    assert "/console/failures/harbour?cause=contact_not_mapped%3Anord" in page
    assert SCRIPT not in page
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2"), request="r2")
    on_sqlite.run()
    assert "Nothing needs attention now." in person("read").see()


def test_an_outcome_that_nobody_looked_up_in_time_is_told(person, on_sqlite):
    on_sqlite.simulator.state.faults.set({"commit_then_drop": 1.0})
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    somebody = person("ops")
    page = somebody.see()
    assert matters(page) == []
    assert tile(page, "Uncertain")[0] == "1"
    on_sqlite.later(600)
    on_sqlite.a_worker_runs()
    (told,) = matters(somebody.see())
    assert "What became of 1 call to Xero with 1 invoice" in told


def test_a_process_that_died_is_told_and_one_that_beats_is_listed(person, on_sqlite):
    with on_sqlite.store.write() as work:
        processes.beat(work, processes.Presence("dead", "worker", "0.1.0", "blue", 7))
    on_sqlite.later(21)
    page = person("read").see()
    (told,) = matters(page)
    assert "1 worker process has not been heard of" in told
    assert re.findall(r'class="badge (?:bad|good)">(silent|alive)<', page) == ["alive", "silent", "alive"]


def test_given_up_webhooks_are_told(person, on_sqlite):
    with on_sqlite.store.write() as work:
        row = Redelivery(door="webhook", event_id="e1", state="given_up", due_at=work.now, trouble="answered 500")
        work.session.add(row)
    (told,) = matters(person("read").see())
    assert "1 event was refused" in told


def test_figures_of_the_last_hours_are_drawn_and_stand_in_a_table(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2", lines=[]))
    on_sqlite.run()
    throughput.count(on_sqlite.tools, "clock")
    on_sqlite.tools.redis.hincrby("xp:pace:tally", f"{int(on_sqlite.now().timestamp()) // 3600}/limited:minute", 3)
    page = person("read").see()
    assert tile(page, "Exported")[0] == "1"
    assert tile(page, "Failed in the last 24 hours")[0] == "1"
    drawn = [json.loads(one) for one in re.findall(r"data-chart='([^']*)'", page)]
    newest = [sum(value or 0 for value in line["values"][-2:]) for line in drawn[0]["lines"]]
    assert newest == [1, 1], "in this quarter of an hour, or in the one that just ended"
    assert [len(one["times"]) for one in drawn] == [48, 48, 12]
    assert "429: minute limit" in page
    assert page.count("<summary>The same as a table</summary>") == 3


def test_without_redis_the_page_still_tells_what_the_database_knows(person, on_sqlite, monkeypatch):
    import redis

    somebody = person("read")
    on_sqlite.ask(an_invoice("i1"))
    gone = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(on_sqlite.tools.targets["xero"].pace, "_client", gone)
    page = somebody.see()
    assert "Redis does not answer" in page
    assert ">Redis away<" in page, "the first line says so too"
    assert tile(page, "Waiting to be sent")[0] == "1"


@pytest.mark.parametrize("count", [3, 60])
def test_the_page_asks_the_same_number_of_questions_however_many_companies_there_are(installation, console_of, count):
    """On both databases."""
    for number in range(count):
        installation.company(f"c{number}", tenant=f"{number:08d}-2222-4333-8444-555555555555")
    for number in range(3):
        park(installation, f"c{number}")
    somebody = Person(installation, console_of(installation), "read")
    somebody.sign_in()
    with statements(installation) as asked:
        somebody.see()
    assert len(asked) <= 35
