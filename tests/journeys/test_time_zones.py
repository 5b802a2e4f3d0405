"""An invoice's date is a date: it stays on its day in whatever time zone the process or the organisation lives."""

import contextlib
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from events.accounting_target import Lane
from events.invoice import Invoice
from tests.builders import TENANT, a_request, an_invoice
from worker.export import turn
from worker.intake import intake
from worker.preview import preview

AUCKLAND, HONOLULU = "Pacific/Auckland", "Pacific/Honolulu"
ZONES = [AUCKLAND, HONOLULU, "UTC"]


def in_zone(installation, zone, event):
    """Preview, intake and one turn of the lane while this process is in that zone; gives the preview's verdicts."""
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(time.tzset)
        afterwards.enter_context(pytest.MonkeyPatch.context()).setenv("TZ", zone)
        time.tzset()
        data, tools = event["data"], installation.tools
        wanted = [Invoice.model_validate(one) for one in data["invoices"]]
        foretold = preview.preview(tools, data["company"], wanted)
        intake.accept(tools, event)
        turn.take_turn(tools, Lane(data["company"], TENANT))
    return [row.verdict for row in foretold.invoices]


@pytest.mark.parametrize(
    ("process", "organisation"),
    [(AUCKLAND, HONOLULU), (HONOLULU, AUCKLAND), ("UTC", AUCKLAND), (AUCKLAND, "UTC"), (HONOLULU, HONOLULU)],
)
def test_an_invoice_dated_today_anywhere_stays_on_its_date(make_installation, sqlite_url, process, organisation):
    installation = make_installation(sqlite_url)
    days = {zone: datetime.now(UTC).astimezone(ZoneInfo(zone)).date().isoformat() for zone in ZONES}
    installation.company(organisation={"timezone": organisation, "period_lock": "2020-06-30"})
    wanted = [
        an_invoice(f"i{place}", date=day, due_date=max(days.values())) for place, day in enumerate(days.values())
    ]
    assert in_zone(installation, process, a_request(*wanted)) == ["create"] * 3
    dated = {
        book["InvoiceNumber"]: (book["DateString"][:10], book["DueDateString"][:10]) for book in installation.books()
    }
    assert dated == {one["number"]: (one["date"], one["due_date"]) for one in wanted}
    assert all(answer["verified"] for answer in installation.answers().values())


@pytest.mark.parametrize("process", [AUCKLAND, HONOLULU])
def test_the_day_after_the_lock_date_is_free_and_the_lock_date_is_not(make_installation, sqlite_url, process):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"timezone": "Pacific/Auckland", "period_lock": "2026-06-30"})
    wanted = [an_invoice("locked", date="2026-06-30"), an_invoice("free", date="2026-07-01")]
    assert in_zone(installation, process, a_request(*wanted)) == ["fail", "create"]
    answers = installation.answers()
    assert (answers["locked"]["reason"], answers["free"]["type"]) == ("period_locked", "succeeded")
    assert "dated 30 June 2026" in answers["locked"]["notification"]["message"]


@pytest.mark.parametrize("process", [AUCKLAND, HONOLULU])
def test_a_re_export_from_another_time_zone_finds_the_invoice_untouched(make_installation, sqlite_url, process):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"timezone": "Pacific/Honolulu"})
    today = datetime.now(UTC).date().isoformat()
    installation.ask(an_invoice(date=today, due_date=today))
    installation.run()
    again = a_request(an_invoice(date=today, due_date=today, revision=2, reference="PO 8"), request="r2")
    assert in_zone(installation, process, again) == ["update"]
    answer = installation.answers("r2")["i1"]
    assert (answer["outcome"], [one["field"] for one in answer["changes"]]) == ("updated", ["reference"])
