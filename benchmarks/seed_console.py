"""What the console is looked at with: 500 companies, a long log, much that waits, some of all that fails."""

import psycopg

COMPANIES = 500
_FILL = """
INSERT INTO companies (id, name, settings, created_at)
  SELECT 'c' || g, 'Company ' || g, '{}', now() FROM generate_series(1, 500) g;
INSERT INTO xero_apps (client_id, company, secret, kind, callback, secret_changed_at, scopes)
  SELECT 'app' || g, 'c' || g, (SELECT secret FROM xero_apps LIMIT 1), 'web', '', now(), ''
  FROM generate_series(1, 480) g;
INSERT INTO company_apps (company, client_id, scopes, state, changed_at)
  SELECT 'c' || g, 'app' || g, 'x', 'enabled', now() FROM generate_series(1, 480) g;
INSERT INTO connections (company, tenant, organisation, short_code, base_currency, client_id, xero_user, state,
  connected_at, scopes, problem, xero_id)
  SELECT 'c' || g, 't' || g, 'Organisation ' || g, '!x', 'USD', 'app' || g, 'u' || g,
  CASE WHEN g % 50 = 0 THEN 'needs_login' ELSE 'connected' END, now(), '',
  CASE WHEN g % 50 = 0 THEN 'login_ended' ELSE '' END, '' FROM generate_series(1, 470) g;
INSERT INTO tokens (client_id, xero_user, pair, expires_at, version, refreshed_at, problem)
  SELECT 'app' || g, 'u' || g, (SELECT pair FROM tokens LIMIT 1), now(), 1, now(), '' FROM generate_series(1, 470) g;
INSERT INTO lanes (company, tenant, state, message, unknown_in_a_row, answered_at, changed_at, blocked_until, cause)
  SELECT 'c' || g, 't' || g, 'open', '', 0, now(), now(), CASE WHEN g % 20 = 0 THEN now() + interval '2 hours' END,
  CASE WHEN g % 20 = 0 THEN 'limit' END FROM generate_series(1, 470) g;
CREATE TEMP TABLE n AS SELECT g, 'c' || 1 + g % 450 AS company, 't' || 1 + g % 450 AS tenant, 'i' || g AS invoice,
  'N-' || g AS number, 'r' || g / 450 / 50 AS request, now() - CASE WHEN g <= 100000 THEN random() * interval '1 day'
  ELSE interval '1 day' + random() * interval '90 days' END AS at FROM generate_series(1, {rows}) g;
INSERT INTO exports (company, tenant, invoice, number, client, state, priority, due_at, wanted_revision, wanted_hash,
  wanted, sent_revision, sent_hash, attempts, failures, crashes, alone, number_bound, excluded, cancelled,
  xero_invoice_id, created_at, touched_at, live_since)
  SELECT company, tenant, invoice, number, 'client-' || g % 20,
  CASE WHEN g <= 20000 THEN 'pending' WHEN g % 500 = 0 THEN 'failed' ELSE 'exported' END, 1, now(), 1, 'h', '{}', 1,
  'h', 1, 0, 0, false, true, false, false, 'x' || g, now(), now(), now() FROM n;
INSERT INTO invoice_statuses (company, invoice, number, marker, reason, cause, message, how, sequence, changed_at)
  SELECT company, invoice, number, CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'exported' END,
  CASE WHEN g % 500 = 0 THEN 'contact_archived' END,
  CASE WHEN g % 500 = 0 THEN 'contact_archived:client-' || g % 7 END,
  CASE WHEN g % 500 = 0 THEN 'The Xero contact has been archived.' END, 'Restore it.', 1, now() FROM n;
INSERT INTO export_log (event_id, at, company, request, invoice, number, outcome, reason)
  SELECT 'e' || g, at, company, request, invoice, number, CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'created' END,
  CASE WHEN g % 500 = 0 THEN 'contact_archived' END FROM n ORDER BY at;
INSERT INTO requests (company, id, tenant, mode, requested_by, source_event, parts, parts_received, total, exported,
  failed, unchanged, created_at, completed_at)
  SELECT company, request, min(tenant), 'bulk', 'anna', 's', 1, '1', count(*), 0, 0, 0,
  min(at) - interval '20 seconds', CASE WHEN min(g) > 20000 THEN now() END FROM n GROUP BY company, request;
INSERT INTO items (company, request, invoice, export_id, revision, content_hash, state)
  SELECT n.company, n.request, n.invoice, exports.id, 1, 'h', CASE WHEN g <= 20000 THEN 'waiting' ELSE 'exported' END
  FROM n JOIN exports ON exports.company = n.company AND exports.tenant = n.tenant AND exports.invoice = n.invoice;
INSERT INTO batches (id, company, tenant, state, token, kind, lease_until, size, key, created_at, settle_at, look_ups)
  SELECT 'b' || g, company, tenant, CASE WHEN g <= 40 THEN 'uncertain' ELSE 'settled' END, 't', 'create', now(), 1,
  'k', now(), now() - interval '1 hour', 0 FROM n WHERE g <= 200000;
INSERT INTO outbox (id, company, type, subject, body, created_at, position)
  SELECT 'o' || g, company, 'invoice.export.succeeded', invoice, '{}', now(), g FROM n;
INSERT INTO contacts (company, client, client_name, xero_contact_id, name, said_by, changed_at, source, host_id,
  status, merged_into, checked_in)
  SELECT 'c' || g % 450, 'client-' || g / 450, 'Client ' || g, 'x' || g, 'Contact ' || g, 'anna', now(), 'person', '',
  'active', '', '' FROM generate_series(1, 9000) g;
INSERT INTO alerts (company, cause, reason, title, message, who, how, invoices, untold, told, first_at, told_at,
  last_at)
  SELECT 'c' || g, 'contact_archived:client-' || g % 7, 'contact_archived', 'Contact archived', 'm', 'bookkeeper',
  'h', 3, 0, 1, now(), now(), now() FROM generate_series(1, 450) g;
INSERT INTO audit (at, who, what, company, chosen, count, why)
  SELECT now(), 'user-' || g % 40, 'replay', 'c' || g % 500, '{}', g, 'why' FROM generate_series(1, 100000) g;
UPDATE audit_head SET line = (SELECT max(id) FROM audit);
INSERT INTO dead_letters (door, place, body_hash, body, problems, state, received_at)
  SELECT 'http', '', 'h' || g, 'x', '["not JSON"]', 'open', now() FROM generate_series(1, 300) g;
"""


def fill(url: str, rows: int) -> None:
    """Fill a PostgreSQL database in which one company is connected; returns when its statistics are fresh."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.replace("{rows}", str(int(rows))))  # type: ignore[arg-type]  # a number of ours
        connection.execute("VACUUM ANALYZE")
