"""A company's day is told once, at the hour it chose, and says what became of its exports."""

import threading
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlmodel import col, update

from events.settings import CompanySettings, DailySummary, SettingsPatch
from store import companies, contacts, summaries
from store.tables import Company, InvoiceStatus
from tests.builders import COMPANY, an_invoice, contact_id
from worker.connections import connecting, health
from worker.watching import daily_summary

AUCKLAND = "Pacific/Auckland"
DAY = 86_400
OTHER = "22222222-2222-4333-8444-555555555555"
KIND = "company.day_summarised"


def chosen(hour=7, zone=AUCKLAND, **other):
    return DailySummary(hour=hour, time_zone=zone, **other)


@pytest.fixture
def daily(installation):
    """A company that is told each morning at seven in Auckland; it is noon there."""
    noon = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo(AUCKLAND))
    installation.later((noon - installation.now()).total_seconds())
    installation.company(daily_summary=chosen())
    return installation


def days(installation, company=COMPANY):
    return [one["data"] for one in installation.events(KIND, company=company)]


def until_seven(installation, minutes=2):
    """The next morning, so many minutes after seven in Auckland."""
    morning = chosen().next_due(installation.now()) + timedelta(minutes=minutes)
    installation.later((morning - installation.now()).total_seconds())


def tell(installation):
    return daily_summary.tell_due(installation.tools, "clock")


def unlinked(id_):
    return an_invoice(id_, client={"id": "crane", "name": "Crane & Co"})


# -- when


@pytest.mark.parametrize("zone", [AUCKLAND, "Europe/London", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("hour", [0, 2, 3, 7, 23])
def test_each_day_of_a_year_is_due_once_at_its_hour_whatever_clocks_do(zone, hour):
    wanted, now, found = chosen(hour, zone), datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(400):
        now = wanted.next_due(now, found[-1] if found else None)
        found.append(wanted.day_due(now))
        local = now.astimezone(ZoneInfo(zone))
        assert (local.date(), local.hour) in ((found[-1], hour), (found[-1], hour + 1))
    assert found == [found[0] + timedelta(days=one) for one in range(400)]


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [
        (date(2026, 3, 29), "Europe/London", "2026-03-29T01:00:00+00:00"),  # one o'clock is skipped: two, by then
        (date(2026, 10, 25), "Europe/London", "2026-10-25T00:00:00+00:00"),  # comes twice: the first one
        (date(2026, 7, 1), "Europe/London", "2026-07-01T00:00:00+00:00"),
    ],
)
def test_an_hour_that_clocks_skip_is_told_behind_it_and_one_that_comes_twice_at_its_first(day, zone, moment):
    assert chosen(1, zone).at(day).isoformat() == moment


def test_a_day_is_told_at_its_hour_and_no_sooner_and_once(daily):
    daily.ask(an_invoice("i1"))
    daily.run()
    until_seven(daily, minutes=-1)
    assert (tell(daily), days(daily)) == (0, [])
    daily.later(180)
    assert (tell(daily), tell(daily)) == (1, 0)
    (told,) = days(daily)
    assert (told["day"], told["time_zone"], told["exported"]) == ("2026-11-21", AUCKLAND, 1)
    until_seven(daily)
    daily.ask(an_invoice("i2"), request="r2")
    daily.run()
    daily.later(120)
    tell(daily)
    assert [one["exported"] for one in days(daily)] == [1, 1]
    assert days(daily)[1]["since"] == told["until"], "no moment is left out, none is in two days"


def test_a_clock_that_was_down_for_days_tells_once_and_leaves_nothing_out(daily):
    daily.ask(an_invoice("i1"))
    daily.run()
    daily.later(3 * DAY)
    assert (tell(daily), tell(daily)) == (1, 0)
    daily.ask(an_invoice("i2"), request="r2")
    daily.run()
    until_seven(daily)
    tell(daily)
    assert [(one["day"], one["exported"]) for one in days(daily)] == [("2026-11-23", 1), ("2026-11-24", 1)]


def test_a_day_with_nothing_to_tell_is_told_only_where_that_is_wanted(daily):
    daily.company("quarry", OTHER, daily_summary=chosen(always=True))
    until_seven(daily)
    assert tell(daily) == 2
    assert days(daily) == []
    (told,) = days(daily, "quarry")
    assert told["notification"]["title"] == "Xero export: nothing to report"


def change(installation, **settings):
    with installation.store.write() as work:
        kept = companies.settings_of(work, COMPANY).model_copy(update=settings)
        companies.set_up(work, COMPANY, "Harbour", kept)


def test_whoever_moves_the_clock_hears_of_no_day_twice_and_who_turns_it_off_of_none(daily):
    daily.ask(unlinked("bad"))
    daily.run()
    until_seven(daily)
    tell(daily)
    change(daily, daily_summary=chosen(9, "Pacific/Honolulu"))  # a day behind
    for _ in range(60):
        daily.later(3600)
        tell(daily)
    told = [one["day"] for one in days(daily)]
    assert told == ["2026-11-21", "2026-11-22"]
    change(daily, daily_summary=None)
    daily.later(3 * DAY)
    assert (tell(daily), len(days(daily))) == (0, 2)
    change(daily, daily_summary=chosen())
    daily.later(300)
    assert tell(daily) == 0, "who turns it on hears of the first day at its hour"


def test_other_settings_leave_the_day_as_it_is(daily):
    daily.ask(an_invoice("i1"))
    daily.run()
    until_seven(daily)
    change(daily, number_prefix="CC-")
    tell(daily)
    assert [one["exported"] for one in days(daily)] == [1]


# -- what


def test_it_says_what_was_exported_failed_by_cause_and_waits_in_words(daily):
    daily.ask(an_invoice("i1"), an_invoice("i2"), unlinked("bad1"), unlinked("bad2"))
    daily.ask(an_invoice("bad3", line={"account_code": "999"}), request="r2")
    daily.run()
    daily.ask(an_invoice("i1"), request="again")  # unchanged: nothing went to Xero
    daily.run()
    daily.a_worker_runs()
    until_seven(daily)
    daily.ask(an_invoice("late"), request="r3")
    daily.a_worker_runs()
    tell(daily)
    (told,) = days(daily)
    assert (told["exported"], told["failed"], told["waiting"]["invoices"]) == (2, 3, 1)
    assert [(one["cause"], one["invoices"], one["who"]) for one in told["causes"]] == [
        ("contact_not_mapped:crane", 2, "admin"),
        ("account_invalid:999", 1, "bookkeeper"),
    ]
    assert told["notification"]["title"] == "Xero export: 2 exported, 3 failed, 1 waiting"
    lines = told["notification"]["message"].split("\n")
    assert lines[0] == "2 invoices were exported to Xero."
    assert lines[1].startswith("2 invoices failed: ")
    assert "For an admin: " in lines[1]
    assert lines[-1].startswith("1 invoice waits: ")
    assert "connection" not in told or told["connection"] is None


def test_it_says_what_is_wrong_with_the_connection_and_how_long_a_login_lasts(daily):
    daily.ask(an_invoice("i1"))
    daily.run()
    daily.later(45 * DAY)
    tell(daily)
    soon = days(daily)[-1]["connection"]
    assert (soon["ends_in_days"], soon["who"]) == (15, "clerk")
    assert soon["message"].startswith("The login to Xero ends in 15 days, on 19 January 2027, "), "by their calendar"
    assert soon["ends_at"].startswith("2027-01-18")
    connecting.disconnect(daily.tools, COMPANY, "test")
    until_seven(daily)
    tell(daily)
    wrong = days(daily)[-1]
    assert wrong["notification"]["title"] == "Xero export: connection"
    assert wrong["connection"]["message"] in wrong["notification"]["message"]


def test_more_causes_than_fit_are_counted(daily):
    with daily.store.write() as work:
        for number in range(23):
            row = {"cause": f"contact_not_mapped:c{number}", "reason": "contact_not_mapped", "marker": "failed"}
            at = {"sequence": number, "changed_at": work.now}
            work.session.add(InvoiceStatus(company=COMPANY, invoice=f"x{number}", **row, **at))
    until_seven(daily)
    tell(daily)
    (told,) = days(daily)
    assert (told["failed"], len(told["causes"])) == (23, 20)
    assert told["notification"]["message"].endswith("3 invoices failed for other causes.")


# -- once, whatever dies


def test_two_clocks_tell_a_day_once(daily):
    daily.ask(an_invoice("i1"))
    daily.run()
    until_seven(daily)
    clocks = [threading.Thread(target=tell, args=(daily,)) for _ in range(4)]
    for one in clocks:
        one.start()
    for one in clocks:
        one.join()
    assert len(days(daily)) == 1


def test_whoever_saw_a_day_that_another_clock_ended_meanwhile_ends_nothing(daily):
    until_seven(daily)
    with daily.store.read() as work:
        seen = summaries.of_company(work, COMPANY)
    assert tell(daily) == 1
    with daily.store.read() as work:
        ended = summaries.of_company(work, COMPANY)
    daily.later(300)
    with daily.store.write() as work:
        assert not summaries.end_day(work, seen, chosen(), work.now)
    with daily.store.read() as work:
        assert summaries.of_company(work, COMPANY).since == ended.since, "what is between would be in no day"


def test_killed_at_any_statement_the_next_pass_tells_the_day_once(daily):
    """Each statement and the commit in turn ends in an error, as a process that dies there leaves it."""
    count = fatal = 0

    def die(*_args):
        nonlocal count
        count += 1
        if count == fatal:
            raise KeyboardInterrupt

    daily.ask(an_invoice("i1"))
    daily.run()
    engine, told = daily.store.engine, 0
    while count >= fatal:
        until_seven(daily)
        daily.ask(unlinked(f"bad{fatal}"), request=f"bad{fatal}")
        daily.run()
        count, fatal = 0, fatal + 1
        event.listen(engine, "before_cursor_execute", die)
        event.listen(engine, "commit", die)
        try:
            tell(daily)
        except KeyboardInterrupt:
            assert len(days_heard(daily)) == told, fatal
        finally:
            event.remove(engine, "before_cursor_execute", die)
            event.remove(engine, "commit", die)
        tell(daily)
        told += 1
        assert len(days_heard(daily)) == told, fatal
    assert fatal > 8


def days_heard(installation):
    """The days that were told, each once."""
    found = [one["day"] for one in days(installation)]
    assert len(found) == len(set(found))
    return found


def test_a_company_whose_day_cannot_be_told_holds_back_no_other(daily):
    daily.company("quarry", OTHER, daily_summary=chosen(6))
    daily.ask(an_invoice("i1"))
    daily.run()
    with daily.store.write() as work:
        work.session.exec(update(Company).where(col(Company.id) == "quarry").values(settings="{"))
    until_seven(daily)
    assert tell(daily) == 1
    assert len(days(daily)) == 1


def test_however_many_days_cannot_be_told_the_others_are_and_theirs_once_that_is_mended(on_sqlite, monkeypatch):
    monkeypatch.setattr(daily_summary, "_AT_ONCE", 2)
    broken = ["apex", "brook"]
    for number, company in enumerate([*broken, "zebra"]):
        hour = 6 if company in broken else 7
        on_sqlite.company(company, f"{OTHER[:-1]}{number}", daily_summary=chosen(hour, always=True))
    at_broken = update(Company).where(col(Company.id).in_(broken))
    with on_sqlite.store.write() as work:
        kept = work.session.get_one(Company, "apex").settings
        work.session.exec(at_broken.values(settings="{"))
    until_seven(on_sqlite)
    assert [tell(on_sqlite), tell(on_sqlite)] == [0, 1]
    with on_sqlite.store.write() as work:
        work.session.exec(at_broken.values(settings=kept))
    on_sqlite.later(660)
    assert tell(on_sqlite) == 2
    assert [len(days(on_sqlite, company)) for company in ("zebra", *broken)] == [1, 1, 1]


def test_no_day_tells_of_another_company(daily):
    daily.company("quarry", OTHER, daily_summary=chosen())
    with daily.store.write() as work:
        contacts.link(work, "quarry", "acme", contact_id("acme"), said_by="test")
    daily.ask(an_invoice("i1"), unlinked("bad"))
    daily.ask(an_invoice("q1"), request="q", company="quarry")
    daily.run()
    until_seven(daily)
    tell(daily)
    assert [(one["exported"], one["failed"]) for one in (*days(daily), *days(daily, "quarry"))] == [(1, 1), (1, 0)]


# -- chosen


def test_a_time_zone_that_nobody_knows_is_refused_and_one_that_went_reads_as_utc():
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(ValueError, match=r"time_zone|time zone"):
            SettingsPatch.model_validate({"daily_summary": {"hour": 7, "time_zone": zone}})
    kept = CompanySettings.model_validate({"daily_summary": {"hour": 7, "time_zone": "Mars/Olympus"}})
    assert kept.daily_summary.zone is UTC


def test_where_a_time_zone_is_known_no_more_the_day_is_told_as_it_was_counted_and_doctor_says_why(daily):
    gone = {"hour": 7, "time_zone": "Mars/Olympus", "always": True}
    with daily.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings.model_validate({"daily_summary": gone}))
    daily.later(DAY)
    assert tell(daily) == 1
    (told,) = days(daily)
    assert (told["day"], told["time_zone"]) == ("2026-11-20", "UTC")
    (note,) = [note for note in health.of_company(daily.tools, COMPANY).notes if "Mars/Olympus" in note]
    assert "Choose another" in note


def test_what_is_planned_goes_with_the_setting(daily):
    with daily.store.read() as work:
        assert summaries.of_company(work, COMPANY).due_at == datetime(2026, 11, 20, 18, tzinfo=UTC)
    change(daily, daily_summary=None)
    with daily.store.read() as work:
        assert summaries.of_company(work, COMPANY) is None
