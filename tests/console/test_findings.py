"""The thirty findings of ops, support, setup and admin at the console, and the tests that prove that each is mended.

Claims are generated from the table: one fails where a test that it names is not there.
"""

import ast
import re
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from sqlmodel import col, update

from events import codec
from events.connections import ConnectionProblem
from events.failures import Failure
from events.reasons import Reason
from store import audit, companies, inbox, processes
from store.tables import DoorOut, Process
from tests.browser import IN_A_BROWSER
from tests.builders import an_invoice
from tests.console.happenings import archived, restore_account, unlinked
from tests.console.visiting import PASSWORD
from web.console.rendering import HERE
from worker.watching import throughput

ROOT = Path(__file__).parents[1]
FINDINGS = {
    "1 the overview left problems out without a word": (
        "console/test_overview.py::test_no_problem_is_left_out_without_its_number_and_a_link",
        "console/test_overview.py::test_the_same_problem_of_many_companies_is_one_row_and_the_greatest_harm_stands_first",
    ),
    "2 no worker, no alarm": (
        "console/test_overview.py::test_while_no_process_ever_told_that_it_is_there_that_is_the_first_problem",
        "console/test_workers.py::test_that_every_worker_is_quiet_is_a_problem_that_names_who_ordered_it",
    ),
    "3 a dead page looked alive": (
        "console/test_live.py::test_while_the_server_is_away_the_page_says_so_and_asks_at_most_twice_in_15_seconds",
        "console/test_live.py::test_what_stops_it_where_somebody_works_is_said",
    ),
    "4 an unknown company was good news": (
        "console/test_companies.py::test_a_page_about_a_company_that_does_not_exist_says_so",
        "console/test_companies.py::test_a_company_is_found_by_its_name_and_the_address_then_carries_its_id",
    ),
    "5 cancelled was counted as failed": (
        "console/test_requests.py::test_what_a_person_cancelled_is_counted_apart_from_what_failed",
        "console/test_requests.py::test_a_bulk_of_which_the_rest_was_cancelled_has_no_failures",
        "console/test_requests.py::test_a_cancelled_invoice_is_no_failure_and_says_who_and_why",
    ),
    "6 the estimate did not count down": (
        "console/test_requests.py::test_the_estimate_is_of_the_bulks_own_speed_tells_its_spread_and_counts_down",
    ),
    "7 what was not compared was called verified": (
        "console/test_invoice.py::test_the_page_names_what_was_compared_and_what_could_not_be_and_xeros_warnings",
    ),
    "8 a bulk that stands still did not say why": (
        "console/test_requests.py::test_a_bulk_that_stands_still_says_why_and_promises_no_time",
    ),
    "9 steps named buttons that are nowhere": (
        "console/test_findings.py::test_a_button_that_a_step_names_is_on_the_page_of_the_invoice",
    ),
    "10 steps named a command line": (
        "console/test_words.py::test_no_page_has_a_command_line_or_a_word_that_nobody_uses",
        "console/test_words.py::test_what_to_do_about_a_failure_or_a_connection_is_no_command_line",
    ),
    "11 support was sent where it may not go": (
        "console/test_findings.py::test_who_is_sent_to_the_setup_of_a_company_reads_which_role_it_takes",
    ),
    "12 search found beginnings only": (
        "console/test_search.py::test_an_invoice_is_found_by_any_part_of_what_a_clerk_says",
        "console/test_search.py::test_both_databases_fold_capitals_accents_and_signs",
    ),
    "13 no list said how much": (
        "console/test_lists.py::test_every_list_of_invoices_says_what_each_comes_to_and_how_it_stands_now",
        "console/test_findings.py::test_a_failed_invoice_says_what_it_comes_to",
    ),
    "14 no arrows among suggestions, Enter opened no hit": (
        "console/test_live.py::test_arrows_go_through_the_suggestions_and_enter_opens_one",
        "console/test_search.py::test_enter_opens_the_only_hit",
    ),
    "15 the log hid what was said and how it stands now": (
        "console/test_lists.py::test_every_list_of_invoices_says_what_each_comes_to_and_how_it_stands_now",
        "console/test_lists.py::test_several_filters_stand_in_the_address_and_survive_paging",
        "console/test_accessible.py::test_nothing_of_a_table_is_cut_off",
    ),
    "16 what was typed was lost with the session": (
        "console/test_nothing_typed_is_lost.py::test_a_form_of_a_session_that_ended_is_filled_in_again_and_then_sent_once",
    ),
    "17 a replay did not say what would fail again": (
        "console/test_nothing_typed_is_lost.py::test_a_replay_says_beforehand_which_causes_cannot_have_gone",
    ),
    "18 what failed again, and why, was three clicks away": (
        "console/test_findings.py::test_from_an_order_one_click_leads_to_what_failed_again_and_why",
    ),
    "19 lists went forward only, without count or search": (
        "console/test_lists.py::test_a_list_says_where_a_page_stands_and_goes_on_and_back",
        "console/test_lists.py::test_a_bulk_is_searched_by_what_a_clerk_says_within_a_state",
    ),
    "20 no verdict, no order of harm, no folding": (
        "console/test_overview.py::test_the_first_line_says_in_figures_that_all_is_well",
        "console/test_overview.py::test_the_first_line_counts_what_is_wrong_and_each_figure_leads_there",
        "console/test_overview.py::test_companies_that_need_the_same_are_one_row",
        "console/test_overview.py::test_harm_is_invoices_times_age_of_whatever_kind",
        "console/test_findings.py::test_the_first_screen_holds_the_verdict_and_the_figures_whatever_is_wrong",
    ),
    "21 figures led nowhere": (
        "console/test_queue.py::test_figures_of_the_overview_lead_to_the_queue",
        "console/test_findings.py::test_every_figure_of_the_overview_leads_to_what_it_counts",
    ),
    "22 companies stood by id, and tables were cut off": (
        "console/test_companies.py::test_companies_stand_by_name",
        "console/test_companies.py::test_companies_are_found_by_state_and_by_part_of_their_name",
        "console/test_accessible.py::test_nothing_of_a_table_is_cut_off",
    ),
    "23 names and ids were mixed": (
        "console/test_findings.py::test_a_company_is_called_by_its_name_on_every_list",
        "console/test_replaying.py::test_the_preview_says_of_which_companies_and_causes",
        "console/test_companies.py::test_a_companys_page_tells_all_of_it",
    ),
    "24 charts had one range, no unit, and dashes until one hovered": (
        "console/test_queue.py::test_why_invoices_waited_and_how_long_xero_took_are_drawn_and_stand_in_a_table",
        "console/test_findings.py::test_a_chart_names_its_unit_and_its_newest_figures_before_anybody_points",
    ),
    "25 no second company could be connected in the demo": (
        "console/test_wizard_in_a_browser.py::test_a_second_company_goes_from_nothing_to_ready_by_keys_alone",
        "system/test_demo.py::"
        "test_the_demo_shows_real_orders_and_each_failure_and_ends_on_the_console_whose_link_signs_in_once",
    ),
    "26 setup ended without a test": (
        "console/test_wizard.py::test_a_company_goes_from_nothing_to_ready_by_somebody_of_the_role_setup",
        "watching/test_drafts.py::test_it_goes_to_xero_as_a_draft_and_is_deleted_again_and_is_nobodys_export",
        "watching/test_drafts.py::test_what_is_in_another_organisation_is_not_deleted_from_here",
    ),
    "27 a jump hid its heading under the bar": (
        "console/test_findings.py::test_a_jump_within_a_page_shows_the_heading",
    ),
    "28 access was blocked on one click": (
        "console/test_nothing_typed_is_lost.py::test_access_is_blocked_only_after_a_question",
    ),
    "29 unreadable messages spoke like a program, one by one": (
        "console/test_findings.py::test_what_is_wrong_with_a_message_is_no_word_of_a_program",
        "console/test_findings.py::test_what_holds_no_event_is_not_offered_to_be_fixed",
        "console/test_dead_letters.py::test_many_are_discarded_or_read_again_at_once_and_the_field_at_fault_is_marked",
    ),
    "30 search results lay on their frame": ("console/test_findings.py::test_search_results_keep_off_their_frame",),
}


@cache
def names_of_tests(file):
    names = ast.parse((ROOT / file).read_text()).body
    return {node.name for node in names if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_is_proven_by_tests_that_are_there(finding):
    missing = [
        one for one in FINDINGS[finding] if one.rpartition("::")[2] not in names_of_tests(one.partition("::")[0])
    ]
    assert missing == []


def test_each_of_the_thirty_findings_stands_in_the_table():
    assert [int(one.partition(" ")[0]) for one in FINDINGS] == list(range(1, 31))


def test_a_button_that_a_step_names_is_on_the_page_of_the_invoice():
    """Or, for a group of them, on the page of the group: “Send again: 3 invoices …”."""
    page, group = ((HERE / f"templates/{name}.html").read_text().casefold() for name in ("invoice", "failure"))
    ways = ({}, {"setting": "default account", "mends": "admin"})
    steps = {step for one in Reason for facts in ways for step in Failure(one, facts).steps()}
    named = {name for step in steps for name in re.findall(r"press “([^”]+)”", step, re.IGNORECASE)}
    assert "send again" in named
    assert {name for name in named if name not in page} == set()
    assert ">send again: " in group, "its button begins with the name that the steps say"
    assert {step for step in steps if re.search(r"\btry again\b|\bretry\b", step, re.IGNORECASE)} == set()


def test_who_is_sent_to_the_setup_of_a_company_reads_which_role_it_takes():
    setup = "setup page"
    sent = [one.value for one in ConnectionProblem if one.value.who == "support" and setup in one.value.how]
    assert sent
    assert [one.title for one in sent if "takes the role setup or admin" not in one.how] == []


def test_a_failed_invoice_says_what_it_comes_to(person, on_sqlite):
    on_sqlite.ask(unlinked("b1", line={"unit_amount": "113.85"}))
    on_sqlite.run()
    page = person("support").see("/invoices/harbour/b1")
    assert "Failed" in page
    assert "113.85 USD" in page


def test_from_an_order_one_click_leads_to_what_failed_again_and_why(person, on_sqlite):
    """One of the three went well, and is not among them."""
    on_sqlite.ask(unlinked("b1"), unlinked("b2"), archived("b3"))
    on_sqlite.run()
    restore_account(on_sqlite)
    helper = person("support")
    picked = ["harbour/b1", "harbour/b2", "harbour/b3"]
    helper.do("/replay", act="replay", pick=picked, why="mended, I think")
    on_sqlite.run()
    (link,) = re.findall(r'href="/console([^"]+)">2 failed again', helper.see("/replay/1"))
    listed = unescape(helper.see(link))
    assert re.findall(r'data-name="Invoice"><a[^>]*>(N-b\d)<', listed) == ["N-b1", "N-b2"]
    assert "is not linked to a contact in Xero" in listed


def test_every_figure_of_the_overview_leads_to_what_it_counts(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    on_sqlite.relay()
    with on_sqlite.store.write() as work:
        work.session.add(DoorOut(door="webhook"))  # which has taken nothing yet
    tiles = re.findall(r'<div class="tile[^"]*">\s*<dt>(.*?)</dt>', person("ops").see())
    assert [one for one in tiles if not one.startswith('<a href="/console')] == []
    links = dict(re.fullmatch(r'<a href="/console([^"]*)">(.*)</a>', one).groups()[::-1] for one in tiles)
    assert {name: unescape(link) for name, link in links.items()} == {
        "Waiting to be sent": "/queue",
        "In flight": "/queue#calls",
        "Uncertain": "/queue#calls",
        "Failed": "/failures",
        "Exported": "/log",
        "Failed in the last 24 hours": "/log?outcome=failed",
        "Not yet reported to CrewCard": "/developers",
        "Webhook backlog": "/developers",
        "Wake-ups waiting": "/workers",
    }
    reader = person("read")
    for link in links.values():
        path, _, place = unescape(link).partition("#")
        page = reader.see(path)
        assert not place or f'id="{place}"' in page


def test_a_company_is_called_by_its_name_on_every_list(person, on_sqlite):
    on_sqlite.company("co-002", "22222222-2222-4333-8444-555555555555")
    with on_sqlite.store.write() as work:
        companies.set_up(work, "co-002", "Quarry Road Ltd", companies.settings_of(work, "co-002"))
        audit.note(work, "olga", "pause", "co-002", {}, 0, "why")
    on_sqlite.ask(unlinked("b1"), company="co-002")
    on_sqlite.run()
    admin = person("admin")
    admin.do("/companies/co-002/pause", why="books are closed")
    for path in ("", "/companies", "/failures", "/log", "/contacts", "/audit", "/pause", "/requests"):
        said = re.sub(r"<[^>]+>", " ", admin.see(path).partition("<main")[2])
        assert "Quarry Road Ltd" in said, path
        assert "co-002" not in said or path == "/companies", path  # there both stand, and are told apart


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"random text", "body: not JSON: it goes wrong at line 1 column 1 (expecting value)"),
        (b"[" * 2_000 + b"]" * 2_000, "body: not JSON that can be read: it is nested too deeply"),
        (
            b'{"total": ' + b"9" * 10_000 + b"}",
            "body: not JSON that can be read: a number in it is none, or too long",
        ),
        (b"[NaN]", "body: not JSON that can be read: a number in it is none, or too long"),
    ],
)
def test_what_is_wrong_with_a_message_is_no_word_of_a_program(body, told):
    with pytest.raises(codec.Unreadable) as refused:
        codec.parse(body)
    assert refused.value.problems == (told,)


@pytest.mark.parametrize(
    ("body", "may_be_fixed"), [(b"random text", False), (b"[" * 2_000, False), (b'{"id": 1', True)]
)
def test_what_holds_no_event_is_not_offered_to_be_fixed(person, on_sqlite, body, may_be_fixed):
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "http", body, ["body: not JSON"])
    page = person("support").see("/dead-letters/1")
    assert ("<textarea" in page) is may_be_fixed
    assert ("its sender has to send it anew" in page) is not may_be_fixed


@pytest.fixture
def page(chromium, console, person):
    """A browser in which somebody is signed in."""
    somebody = person("ops")
    context = chromium.new_context(base_url=console, viewport={"width": 390, "height": 800})
    seen = context.new_page()
    seen.goto("/console/sign-in")
    seen.get_by_label("User").fill(somebody.user)
    seen.get_by_label("Password").fill(PASSWORD)
    with seen.expect_navigation():
        seen.get_by_role("button", name="Sign in").click()
    yield seen
    context.close()


def in_a_browser(test):
    for mark in IN_A_BROWSER:
        test = mark(test)
    return test


@in_a_browser
def test_a_chart_names_its_unit_and_its_newest_figures_before_anybody_points(page, on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    throughput.note_queues(on_sqlite.tools, "clock")
    page.goto("/console/queue?range=1+h")
    chart = page.locator("[data-chart]").first
    chart.locator("canvas").wait_for()
    values = chart.locator(".u-legend .u-value").all_inner_texts()
    assert values[1:] == ["1"], "one invoice waits, on a phone too"
    assert re.fullmatch(r"\d\d:\d\d", values[0])
    assert '"unit": "invoices"' in chart.get_attribute("data-chart")


@in_a_browser
def test_the_first_screen_holds_the_verdict_and_the_figures_whatever_is_wrong(page, on_sqlite):
    on_sqlite.ask(unlinked("b1"), archived("b2"), an_invoice("b3", line={"account_code": "999"}))
    on_sqlite.run()
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "http", b"{", ["body: not JSON"])
        processes.set_quiet(work, ["worker-1"], "otto")
        processes.beat(work, processes.Presence("dead", "web", "0.9", "blue", 7))
        work.session.exec(update(Process).where(col(Process.id) == "dead").values(seen_at=work.after(-60)))
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/console")
    assert page.locator(".matters .card").count() == 6
    for part in (page.locator(".verdict"), page.locator(".tile").first, page.locator(".tile").last):
        box = part.bounding_box()
        assert box["y"] + box["height"] <= 800
    assert page.locator(".matters .card").first.bounding_box()["y"] < 600


@in_a_browser
def test_on_a_phone_the_room_that_is_open_is_in_sight(page):
    page.goto("/console/developers")
    box = page.locator(".rooms [aria-current]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


@in_a_browser
def test_the_days_of_the_log_are_those_of_the_readers_clock(chromium, console, page):
    context = chromium.new_context(
        base_url=console, timezone_id="Pacific/Auckland", storage_state=page.context.storage_state()
    )
    seen = context.new_page()
    seen.goto("/console/log")
    seen.get_by_label("From (your time)").fill("2026-11-23")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Filter").click()
    assert "zone=Pacific%2FAuckland" in seen.url
    assert seen.get_by_label("From (Pacific/Auckland)").input_value() == "2026-11-23"
    seen.goto("/console/log")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Filter").click()
    assert "Auckland" not in seen.url
    context.close()


@in_a_browser
def test_a_jump_within_a_page_shows_the_heading(page):
    page.goto("/console/queue#time")
    bar, heading = page.locator("header.top").bounding_box(), page.locator("#time").bounding_box()
    assert heading["y"] >= bar["y"] + bar["height"]


@in_a_browser
def test_search_results_keep_off_their_frame(page, on_sqlite):
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2"))
    page.goto("/console/search?q=N-i")
    card, text = page.locator(".hits").bounding_box(), page.locator(".hits a").first.bounding_box()
    assert text["x"] - card["x"] >= 12
    assert text["y"] - card["y"] >= 8
