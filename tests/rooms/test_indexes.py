"""Lists stay quick when the log is long: every question of people, workers and the clock finds an index."""

import contextlib
from datetime import timedelta

import pytest
import redis
from sqlalchemy import event

from events.accounting_target import Lane
from store import (
    adoptions,
    allocations,
    attachments,
    batches,
    bulk_orders,
    contacts,
    endpoints,
    export_log,
    exports,
    failing,
    inbox,
    invoice_detail,
    lanes,
    metrics_rows,
    ops_summary,
    outbox,
    progress,
    queries,
    reconciliations,
    requests,
    searching,
    sinks,
    status,
    throughput,
)
from store.export_log import LogFilter
from store.paging import PageWanted
from store.searching import Selection
from store.tables import Allocation
from store.unit_of_work import Store, database_time, engine_for
from tests import machines
from tests.installation import KEY
from worker import wiring
from worker.export import rescuer
from worker.measuring import measuring
from worker.settings import Settings

ROWS = 30_000
NO_REDIS = redis.Redis.from_url("redis://127.0.0.1:1")
TOOLS = wiring.assemble(Settings(_env_file=None, encryption_keys=(KEY,)), Store(engine_for("sqlite://")), NO_REDIS)
BIG = (
    "exports",
    "invoice_statuses",
    "export_log",
    "items",
    "attempts",
    "outbox",
    "requests",
    "batches",
    "redeliveries",
    "numbers",
    "invoice_search",
    "contacts",
    "inbox",
    "attachments",
    "allocations",
)
LANE = Lane("c7", "t7")
GROUP = Selection(company="c7", cause="account_missing")
# Everything at rest, as after a long life: exported, logged, answered, delivered.
SEED = f"""
CREATE TEMP TABLE n AS SELECT g, 'c' || g % 20 AS company, 't' || g % 20 AS tenant, 'i' || g AS invoice,
  'N-' || g AS number, 'r' || g / 50 AS request FROM generate_series(1, {ROWS}) AS g;
INSERT INTO exports (company, tenant, invoice, number, client, state, priority, due_at, wanted_revision, wanted_hash,
  wanted, sent_revision, sent_hash, attempts, failures, crashes, alone, number_bound, excluded, cancelled,
  xero_invoice_id, created_at, touched_at)
  SELECT company, tenant, invoice, number, 'acme', 'exported', 1, now(), 1, 'h', '{{}}', 1, 'h', 1, 0, 0,
  false, true, false, false, 'x' || g, now(), now() FROM n;
INSERT INTO invoice_statuses (company, invoice, number, marker, sequence, changed_at)
  SELECT company, invoice, number, CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'exported' END, 1, now() FROM n;
INSERT INTO export_log (event_id, at, company, request, invoice, number, outcome)
  SELECT 'e' || g, now(), company, request, invoice, number, CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'created' END
  FROM n;
INSERT INTO items (company, request, invoice, export_id, revision, content_hash, state)
  SELECT company, request, invoice, g, 1, 'h', 'exported' FROM n;
INSERT INTO requests (company, id, tenant, mode, requested_by, source_event, parts, parts_received, total, exported,
  failed, unchanged, created_at, completed_at)
  SELECT company, 'q' || g, tenant, 'single', 'anna', 's', 1, '1', 1, 1, 0, 0, now(), now() FROM n;
INSERT INTO batches (id, company, tenant, state, token, kind, lease_until, size, key, created_at, look_ups)
  SELECT 'b' || g, company, tenant, 'settled', 't', 'create', '2026-01-01 00:00:00.000000', 1, 'k', now(), 0 FROM n;
INSERT INTO invoice_search (company, invoice, number, text)
  SELECT company, invoice, number, lower(number) || E'\\n' || invoice || E'\\nacme ltd ' || md5(g::text) FROM n;
INSERT INTO numbers (tenant, folded, company, invoice) SELECT tenant, number, company, invoice FROM n;
INSERT INTO contacts (company, client, xero_contact_id, name, said_by, changed_at, client_name, source, host_id,
  status, merged_into, checked_in)
  SELECT company, 'client' || g, 'x', 'Client', 't', now(), 'Client', '', '', '', '', '' FROM n;
INSERT INTO inbox (source, id, body_hash, answer, received_at) SELECT 'h', 'event-' || g, 'x', '{{}}', now() FROM n;
INSERT INTO attempts (batch_id, export_id, number, revision, content_hash, outcome, at)
  SELECT 'b' || g, g, number, 1, 'h', 'posted', now() FROM n;
INSERT INTO outbox (id, company, type, subject, body, created_at, position)
  SELECT 'o' || g, company, 't', invoice, '{{}}', now(), g FROM n;
INSERT INTO redeliveries (door, event_id, state, tries, due_at, trouble)
  SELECT 'webhook', 'o' || g, 'given_up', 10, now(), 't' FROM n WHERE g % 3 = 0;
INSERT INTO endpoints (id, company, url, secret, created_at)
  SELECT 'e' || g, company, 'https://host.example/' || g, '', now() FROM n WHERE g <= 200;
INSERT INTO doors_out (door, position) SELECT 'webhook/e' || g, {ROWS} - 10 * g FROM n WHERE g <= 200;
INSERT INTO contacts (company, client, xero_contact_id, name, said_by, changed_at, client_name, source, host_id,
  merged_into, checked_in, status)
  SELECT company, 'k' || g, 'x' || g, '', 'anna', now(), '', '', '', '', '',
  CASE WHEN g % 100 = 0 THEN 'archived' ELSE 'active' END FROM n;
INSERT INTO attachments (company, invoice, name, state, announced, media_type, include_online, verdict, sha256,
  tenant, target_id, attached_sha256, key, token, due_at, tries, crashes, change, wanted_at)
  SELECT company, invoice, 'invoice.pdf', 'attached', '', '', false, '', '5f', tenant, 'x' || g, '5f', '', '', now(),
  0, 0, 1, now() FROM n;
INSERT INTO allocations (export_id, company, tenant, invoice, credits, state, token, amount, key, tries, why, due_at,
  moved_at) SELECT g, company, tenant, invoice, 'j' || g, 'allocated', 't', '1.00', 'k', 1, '', now(), now() FROM n;
ANALYZE;
"""
QUESTIONS = {
    "the log": queries.log,
    "the log of a company": lambda work: queries.log(work, "c7"),
    "the failures in the log": lambda work: queries.log(work, only_failed=True),
    "the failures of a company in the log": lambda work: queries.log(work, "c7", only_failed=True),
    "failures by cause": failing.groups,
    "failures of a company by cause": lambda work: failing.groups(work, "c7"),
    "what failed for some causes": lambda work: failing.of_causes(work, "c7", ["account_missing"]),
    "messages nobody knows": searching.unmatched,
    "the invoices of a request": lambda work: queries.invoices_of(work, "c7", "r7"),
    "a page of the invoices of a request": lambda work: queries.page_of_items(
        work, "c7", "r7", PageWanted(50, after="i300"), "exported"
    ),
    "a page of them by a part of what is known": lambda work: queries.page_of_items(
        work, "c7", "r7", PageWanted(50), named="2777"
    ),
    "what a list says of invoices": lambda work: invoice_detail.now_of(
        work, [(f"c{number % 20}", f"i{number}") for number in range(50)]
    ),
    "a page in the middle of the log": lambda work: export_log.page_of_log(
        work, LogFilter(company="c7"), PageWanted(50, before="15000")
    ),
    "the story of an invoice": lambda work: queries.story(work, "c7", "i7"),
    "what is to be allocated": lambda work: allocations.due(work, Lane("c7", "t7"), 20),
    "where something is to be allocated": allocations.lanes_due,
    "what is credited to an invoice": lambda work: allocations.of_invoice(work, "c7", "i7"),
    "the invoice that is credited": lambda work: allocations.credited_export(
        work, Allocation(company="c7", tenant="t7", credits="i7")
    ),
    "an invoice by name": lambda work: queries.invoices_named(work, "N-7"),
    "an invoice of a company by name": lambda work: queries.invoices_named(work, "N-7", "c7"),
    "a page of the log by number": lambda work: export_log.page_of_log(
        work, LogFilter(number="N-77"), PageWanted(50)
    ),
    "a page of the log by reason": lambda work: export_log.page_of_log(
        work, LogFilter(reason="period_locked,contact_archived"), PageWanted(50)
    ),
    "a page of the log by client": lambda work: export_log.page_of_log(
        work, LogFilter(client="acme"), PageWanted(50)
    ),
    "a page of the log by a rare outcome": lambda work: export_log.page_of_log(
        work, LogFilter(outcome="adopted"), PageWanted(50)
    ),
    "a page of the groups": lambda work: failing.groups(work, None, 51),
    "a group": lambda work: failing.page_of_group(work, "c7", "account_missing", PageWanted(50)),
    "all of a group": lambda work: searching.shares(work, "replay", GROUP),
    "a bulk order": lambda work: bulk_orders.reached(work, 1),
    "bulk sends": lambda work: requests.page_of_bulk(work, "", "", PageWanted(50)),
    "bulk sends of a company": lambda work: requests.page_of_bulk(work, "c7", "done", PageWanted(50)),
    "whatever begins like this": lambda work: searching.search(work, "n-77", 8),
    "an invoice by any part of what is known of it": lambda work: searching.search(work, "2777", 8),
    "an event by its id": lambda work: searching.search(work, "event-77", 8),
    "the whole story of an invoice": lambda work: invoice_detail.whole(work, "c7", "i7"),
    "dead letters": inbox.dead_letters,
    "open dead letters of a key": lambda work: inbox.open_of_key(work, "http", "k7"),
    "invoices by id or number": lambda work: bulk_orders.by_name(work, "c7", ["i7", "N-27"]),
    "the exports of a batch": lambda work: exports.of_batches(work, "b7"),
    "what Xero's invoices are here": lambda work: adoptions.holders(work, LANE, ["x7", "x27"]),
    "open requests": lambda work: requests.open_ones(work, "c7"),
    "the backlog of a lane": lambda work: progress.backlog(work, LANE, work.now),
    "what a company has pending": lambda work: progress.pending_of(work, "c7"),
    "what is due in a lane": lambda work: lanes.due_work(work, LANE),
    "lanes with work": lanes.lanes_due,
    "comparisons with Xero that are due": reconciliations.due,
    "lanes with a backlog": lanes.is_anything_due,
    "what may be claimed": lambda work: exports.pending(work, LANE, 51),
    "batches in flight": batches.in_flight,
    "batches without a worker": lambda work: batches.overdue(work, "sent"),
    "the feed behind a position": lambda work: outbox.after(work, ROWS - 5),
    "a page of the feed": lambda work: outbox.feed_page(work, ROWS - 500, 100, ["c7"]),
    "a page of markers": lambda work: invoice_detail.beside_invoices(
        work, "c7", [f"i{n}" for n in range(7, 4000, 20)]
    ),
    "the next events of an endpoint": lambda work: sinks.window(work, 0, "c7", 8),
    "what an endpoint had of a request": lambda work: sinks.sent_count(
        work, "webhook/e1", "c7", sinks.FeedSelection(request="r7")
    ),
    "what is sent again of a request": lambda work: sinks.resend(
        work, "webhook/e1", None, sinks.FeedSelection(company="c7", request="r7"), work.now
    ),
    "endpoints with news": lambda work: endpoints.doors_with_news(work, ROWS - 500, ROWS),
    "endpoints that are behind": endpoints.doors_behind,
    "endpoints with nothing before them": endpoints.pass_over,
    "endpoints with something to try again": sinks.due_doors,
    "what an endpoint is told again": lambda work: sinks.due_again(work, "webhook"),
    "what the relay stamps": outbox.stamp,
    "what metrics are made of": lambda work: list(measuring.business_readings(TOOLS, work)),
    "what is counted": lambda work: metrics_rows.count_feed(work, (1, 60), 50),
    "the console's overview": ops_summary.at_a_glance,
    "problems of invoices": failing.problems,
    "outcomes overdue": lambda work: ops_summary.unsettled_batches(work, 300),
    "companies by state": status.counts,
    "companies with work": lambda work: status.page_of_companies(work, "busy", "", PageWanted(50)),
    "what companies have before them": lambda work: status.workloads(work, ["c7", "c8"]),
    "answers of a quarter of an hour": lambda work: throughput.counts(work, work.after(-7200)),
    "how long the answers of one took": lambda work: throughput.seconds(work, work.after(-7200)),
    "calls that are open": lambda work: batches.open_calls(work, "", 101),
    "what waits in all queues": lambda work: lanes.waiting(work, ""),
    "what waits in a company's queue": lambda work: lanes.waiting(work, "c7"),
    "what a company's went through in a day": lambda work: throughput.bins(
        work, work.after(-86_400), timedelta(hours=1), "c7"
    ),
    "how long Xero took of late": lambda work: throughput.answers(work, 60),
    "what was exported of late": lambda work: throughput.exported_since(work, work.after(-900), "c7"),
    "when a request was answered": lambda work: progress.answers_of(work, "c7", "r7"),
    "what has waited too long": lambda work: exports.live_longer_than(work, 3600),
    "clients that hold invoices back": contacts.held_back,
    "the same without a contact, of a company, further on": lambda work: contacts.held_back(
        work, "c7", "0~3~c7~contact_not_mapped:k1", only_unmapped=True
    ),
    "what waits for a client": lambda work: contacts.waiting_for(work, "c7", "k7"),
    "clients that cannot be billed": lambda work: contacts.linked_clients(work, status="amiss"),
    "companies with files to attach": attachments.companies_due,
    "the next file of a company": lambda work: attachments.claim(work, "c7"),
    "files that waited too long": lambda work: attachments.claim_overdue(work, work.now),
    "the files of an invoice": lambda work: attachments.of_invoice(work, "c7", "i7"),
    "linked clients of a company": lambda work: contacts.linked_clients(work, "c7", None, "c7~k9"),
}


@pytest.fixture(scope="module")
def long_lived(postgres, tmp_path_factory):
    """A PostgreSQL database with a long life behind it."""
    engine = engine_for(machines.copy_of_template(postgres, "long_lived"))
    with engine.begin() as connection:
        connection.exec_driver_sql(SEED.replace("%", "%%"))
    yield Store(engine, database_time)
    engine.dispose()


@contextlib.contextmanager
def plans(store, work):
    """The plan of every statement that is executed meanwhile."""
    found = []

    def explain(_connection, cursor, statement, parameters, _context, _many):
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            with cursor.connection.cursor() as other:
                other.execute(f"EXPLAIN {statement}", parameters)
                found.append((statement, "\n".join(line for (line,) in other.fetchall())))

    event.listen(store.engine, "before_cursor_execute", explain)
    yield found
    event.remove(store.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_reads_a_whole_table(long_lived, question):
    with long_lived.write() as work, plans(long_lived, work) as found:
        QUESTIONS[question](work)
    assert found
    for statement, plan in found:
        assert not any(f"Seq Scan on {table}" in plan for table in BIG), f"{statement}\n{plan}"


@pytest.mark.parametrize(
    "question",
    [
        "what is due in a lane",
        "what may be claimed",
        "lanes with work",
        "the exports of a batch",
        "what Xero's invoices are here",
    ],
)
def test_a_plan_made_for_any_parameter_reads_only_what_waits(long_lived, question):
    """A prepared statement is planned once; whether a partial index answers must stand in its text."""
    with long_lived.write() as work:
        work.connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        before = rows_read(work)
        QUESTIONS[question](work)
        assert rows_read(work) - before < 10


@pytest.mark.parametrize("question", ["what is due in a lane", "what may be claimed"])
def test_what_others_have_waiting_is_not_read_for_a_lanes_next_batch(long_lived, question):
    """Statistics are from a calm moment: by them, any index that knows what waits is as good as the lane's own."""
    waits = "UPDATE exports SET state = 'pending', live_since = now() WHERE company = 'c8' AND id < 20000"
    with contextlib.suppress(Undone), long_lived.write() as work:
        work.connection.exec_driver_sql(waits)
        before = rows_read(work)
        QUESTIONS[question](work)
        assert rows_read(work) - before < 10
        raise Undone


def test_lines_with_an_old_number_are_not_looked_for_from_the_newest_on(long_lived):
    """Numbers follow time: behind the newest lines there may be a million before the first that begins so."""
    with long_lived.write() as work:
        before = rows_read(work, "export_log")
        found = export_log.log_page(work, LogFilter(number="N-10"), None, 51)
        assert rows_read(work, "export_log") - before < ROWS / 10
    assert len(found) == 51
    assert {line.number[:4] for line in found} == {"N-10"}
    assert [line.id for line in found] == sorted((line.id for line in found), reverse=True)


def test_what_is_sent_again_of_a_request_is_not_looked_for_in_all_of_the_companys_events(long_lived):
    with long_lived.read() as work:
        before = rows_read(work, "outbox")
        sinks.sent_count(work, "webhook/e1", "c7", sinks.FeedSelection(request="r7"))
        assert rows_read(work, "outbox") - before < ROWS / 20 / 10


class Undone(Exception):
    """What was done in the transaction is taken back."""


def rows_read(work, table="exports"):
    """Rows of the table that this transaction has fetched so far."""
    counted = (
        f"SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = '{table}'"
    )
    return work.connection.exec_driver_sql(counted).scalar_one()


def test_the_overview_reads_no_whole_table(long_lived):
    with long_lived.read() as work, plans(long_lived, work) as found:
        ops_summary.overview(work)
    for statement, plan in found:
        limited = "Limit" in plan.splitlines()[1]  # what is done with is counted only so far
        assert limited or not any(f"Seq Scan on {table}" in plan for table in BIG), f"{statement}\n{plan}"


def test_the_overview_counts_what_is_done_with_only_so_far(long_lived, monkeypatch):
    monkeypatch.setattr(ops_summary, "COUNTED_TO", 1000)
    with long_lived.read() as work:
        assert ops_summary.overview(work).exports == {"exported": 1000}


def test_the_rescuers_sweep_reads_no_whole_table(long_lived):
    with long_lived.write() as work, plans(long_lived, work) as found:
        requests.left_waiting(work, 120)
        rescuer.batches.overdue(work, "claimed")
    for statement, plan in found:
        assert not any(f"Seq Scan on {table}" in plan for table in BIG), f"{statement}\n{plan}"
