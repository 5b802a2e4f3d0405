"""The queue: what waits, how fast it goes, every call on its way, what is done about it, and how it was."""

import itertools
import json
import re
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from store import throughput
from store.tables import Batch, Export, QueueStretch
from tests.builders import an_invoice, invoices
from tests.console.happenings import archived
from tests.console.visiting import Person
from web.console import rendering
from web.console.charts import bar_chart
from worker.watching import throughput as counting

OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def reader(installation, console_of):
    """Somebody who reads, on both databases; a second company is there."""
    installation.company("quarry", OTHER)
    installation.a_worker_runs()
    made = Person(installation, console_of(installation), "read")
    made.sign_in()
    return made


def figures(page):
    """The tiles by name, with their notes."""
    told = re.findall(
        r'<dt>(?:<a[^>]*>)?([^<]+).*?<dd>([^<]+)</dd>\s*(?:<dd class="note">([^<]*)</dd>)?', page, re.DOTALL
    )
    return {name: (value, note) for name, value, note in told}


def test_a_companys_queue_is_told_apart_from_that_of_all(installation, reader):
    installation.ask(*invoices(5))
    installation.ask(*invoices(2, "q"), request="r2", company="quarry")
    installation.later(120)
    installation.a_worker_runs()
    assert figures(reader.see("/queue"))["Waiting"] == ("7", "oldest: 2 minutes ago")
    mine = reader.see("/companies/quarry/queue")
    assert figures(mine)["Waiting"] == ("2", "oldest: 2 minutes ago")
    assert figures(mine)["Calls used this minute"] == ("0", "of 60")
    installation.run()
    assert figures(reader.see("/companies/quarry/queue"))["Calls used this minute"] == ("1", "of 60")
    assert figures(reader.see("/queue"))["Waiting"] == ("0", "nothing waits")


def test_the_speed_is_that_of_the_last_quarter_of_an_hour(installation, reader):
    installation.ask(*invoices(30), archived("bad"))
    installation.run()
    assert figures(reader.see("/queue"))["Invoices a minute"][0] == "2.0"
    assert figures(reader.see("/companies/quarry/queue"))["Invoices a minute"][0] == "0.0"
    installation.later(16 * 60)
    assert figures(reader.see("/companies/harbour/queue"))["Invoices a minute"][0] == "0.0"


def test_calls_on_their_way_and_uncertain_are_a_list_with_what_is_done(installation, reader):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(*invoices(3))
    installation.run()
    for path in ("/queue", "/companies/harbour/queue"):
        page = reader.see(path)
        assert "Uncertain</span>" in page
        assert "whether it arrived, before anything is sent again" in page
        assert re.search(r'data-name="Invoices" class="n">3<', page)
    assert "Uncertain</span>" not in reader.see("/companies/quarry/queue")
    with installation.store.write() as work:
        work.session.exec(update(Batch).values(watched_since=work.now))
    assert "Xero could not say yet" in reader.see("/queue")
    with installation.store.write() as work:
        work.session.exec(update(Batch).values(state="sent", watched_since=None, sent_at=work.now))
    assert "answer is waited for" in reader.see("/queue")


def test_what_is_tried_again_and_when_is_counted(installation, reader):
    installation.ask(*invoices(4))
    with installation.store.write() as work:
        mine = update(Export).where(col(Export.invoice).in_(("i0001", "i0002")))
        work.session.exec(mine.values(attempts=1, due_at=work.after(301)))
    assert figures(reader.see("/companies/harbour/queue"))["To be tried again"] == ("2", "the next in 5 minutes")


def test_why_it_waits_is_said(installation, reader):
    installation.ask(*invoices(1))
    installation.simulator.state.faults.set({"offline": 1.0})
    installation.run()
    assert "The organisation is offline at Xero" in reader.see("/companies/harbour/queue")


@pytest.mark.parametrize("chosen", ["1+h", "24+h", "7+d", "nonsense"])
@pytest.mark.parametrize("path", ["/queue", "/companies/harbour/queue"])
def test_the_chart_and_the_table_behind_it_have_every_invoice_of_the_time(installation, reader, path, chosen):
    installation.ask(*invoices(3), archived("bad"))
    installation.run()
    installation.later(2 * 3600 if chosen != "1+h" else 20 * 60)
    installation.ask(an_invoice("late"), request="r2")
    installation.run()
    counting.count(installation.tools, "test")
    reader.sign_in()  # the session was idle
    page = reader.see(f"{path}?range={chosen}")
    table = page[page.index("The same as a table") :]
    done = [int(one) for one in re.findall(r'data-name="Exported">(\d+)<', table)]
    failed = [int(one) for one in re.findall(r'data-name="Failed">(\d+)<', table)]
    assert (sum(done), sum(failed)) == (4, 1)
    assert page.count('<rect class="good"') >= 2 - (chosen == "7+d")
    assert page.count('<rect class="bad"') == 1


def drawn(page, title):
    """The lines of a chart and the table behind it, by name, without what nobody saw."""
    part = re.search(rf'<h3 id="[^"]*">{title}</h3>.*?</article>', page, re.DOTALL)[0]
    told = json.loads(re.search(r"data-chart='([^']*)'", part)[1])
    lines = {one["name"]: [value for value in one["values"] if value is not None] for one in told["lines"]}
    table = {name: re.findall(f'data-name="{name}">([^<\u2013]+)<', part) for name in lines}
    return told, lines, table


@pytest.mark.parametrize("chosen", ["1+h", "24+h", "7+d"])
@pytest.mark.parametrize("path", ["/queue", "/companies/harbour/queue"])
def test_why_invoices_waited_and_how_long_xero_took_are_drawn_and_stand_in_a_table(
    installation, reader, path, chosen
):
    """Looked at once a minute by one clock: what waited most at once, for each reason."""
    installation.ask(*invoices(5))
    counting.note_queues(installation.tools, "clock")
    assert counting.note_queues(installation.tools, "other") == 0, "one clock looks"
    installation.simulator.state.faults.set({"offline": 1.0})
    installation.run()
    counting.note_queues(installation.tools, "clock")
    installation.simulator.state.faults.set({})
    installation.later(600)
    installation.a_worker_runs()
    installation.wake()
    installation.run()
    counting.note_queues(installation.tools, "clock")
    page = reader.see(f"{path}?range={chosen}")
    told, lines, table = drawn(page, "Why invoices waited")
    assert told["unit"] == "invoices"
    most = {"On their way": 5, "Organisation offline": 5}
    assert {name: max(values) for name, values in lines.items()} == most
    assert {name: max(map(int, values)) for name, values in table.items()} == most
    told, lines, table = drawn(page, "Xero&#39;s answers")
    assert told["unit"] == "seconds"
    assert 0 < lines["On average"][0] <= lines["The slowest"][0] < 30
    assert table["The slowest"] == [rendering.seconds(lines["The slowest"][0])]
    other = reader.see(f"/companies/quarry/queue?range={chosen}")
    assert "Nothing waited in this time." in other
    assert "No call was answered in this time." in other


def test_a_time_in_which_nobody_looked_is_a_gap_and_not_an_empty_queue(installation, reader):
    assert "Nothing was noted in this time. A clock process looks once a minute." in reader.see("/queue")
    with installation.store.write() as work:
        throughput.note_queues(work, {("", "limit"): [3.0], ("", throughput.SEEN): [1.0]})
    with installation.store.read() as work:
        found = throughput.queue_bins(work, work.now - timedelta(hours=24), timedelta(hours=1))
    assert [one.waits for one in found if one.waits is not None] == [{"limit": 3}]
    assert len(found) == 24


def test_what_was_seen_of_a_queue_is_kept_for_eight_days(installation):
    for _ in range(3):
        with installation.store.write() as work:
            throughput.note_queues(work, {("harbour", "limit"): [3.0, 5.0], ("", throughput.SEEN): [1.0]})
            throughput.note_queues(work, {("harbour", "limit"): [1.0]})
        installation.later(4.5 * 86_400)
    with installation.store.read() as work:
        kept = work.session.exec(select(QueueStretch).where(QueueStretch.company == "harbour")).all()
    assert [(one.samples, one.total, one.most) for one in kept] == [(3, 9, 5)] * 2


def test_an_hour_is_told_in_stretches_of_five_minutes_but_what_went_through_of_all_in_quarters(installation, reader):
    installation.ask(*invoices(2))
    installation.run()
    installation.later(600)
    with installation.store.write() as work:
        throughput.note_queues(work, {("", "limit"): [3.0], ("", throughput.SEEN): [1.0]})
    installation.later(600)
    with installation.store.write() as work:
        throughput.note_queues(work, {("", "limit"): [7.0], ("", throughput.SEEN): [1.0]})
    with installation.store.read() as work:
        hour = work.now - timedelta(hours=1), timedelta(minutes=5)
        found = throughput.bins(work, *hour, "harbour")
        assert len(found) == 12
        assert [one.exported for one in found if one.exported] == [2]
        assert len(throughput.bins(work, *hour)) == 4, "the log of everybody's hour is not counted for a page"
        assert [one.waits["limit"] for one in throughput.queue_bins(work, *hour) if one.waits] == [3, 7]
    assert "a bar for each quarter of an hour" in reader.see("/queue?range=1+h")
    assert "a bar for each 5 minutes" in reader.see("/companies/harbour/queue?range=1+h")


def test_how_long_xero_took_is_told_of_all_calls_of_late(installation, reader):
    name = "Xero&#39;s answers"
    assert figures(reader.see("/queue"))[name][0] == "\u2013"
    installation.ask(*invoices(2))
    installation.run()
    assert figures(reader.see("/queue"))[name][0] != "\u2013"
    installation.later(901)
    assert figures(reader.see("/queue"))[name][0] == "\u2013"


def test_stretches_lie_side_by_side_without_a_gap(installation):
    with installation.store.read() as work:
        for company in ("", "harbour"):
            found = throughput.bins(work, work.now - timedelta(hours=24), timedelta(hours=1), company)
            starts = [one.begins_at for one in found]
            assert len(found) == 24
            assert {later - one for one, later in itertools.pairwise(starts)} == {timedelta(hours=1)}
            assert starts[-1] <= work.now < starts[-1] + timedelta(hours=1)


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (17, 20), (20, 20), (21, 50), (999, 1000)])
def test_the_axis_ends_at_a_round_number(installation, most, top):
    at = installation.now()
    assert bar_chart([throughput.Bin(at, most, 0)]).top == top


def test_figures_of_the_overview_lead_to_the_queue(reader):
    page = reader.see()
    for name, link in (
        ("Waiting to be sent", "/console/queue"),
        ("In flight", "/console/queue#calls"),
        ("Uncertain", "/console/queue#calls"),
    ):
        assert f'<a href="{link}">{name}</a>' in page


def test_a_company_that_is_not_there_has_no_queue(reader):
    reader.see("/companies/nobody/queue", 404)
