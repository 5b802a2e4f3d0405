"""A long life for a database: invoices of twenty other companies, exported, logged and answered long ago."""

import psycopg

_FILL = """
CREATE TEMP TABLE n AS SELECT g, 'old-' || g % 20 AS company, 'old-t' || g % 20 AS tenant, 'i' || g AS invoice,
  'N-' || g AS number, 'r' || g / 50 AS request FROM generate_series(1, {rows}) AS g;
INSERT INTO exports (company, tenant, invoice, number, client, state, priority, due_at, wanted_revision, wanted_hash,
  wanted, sent_revision, sent_hash, attempts, failures, crashes, alone, number_bound, excluded, cancelled,
  xero_invoice_id, created_at, touched_at)
  SELECT company, tenant, invoice, number, 'acme', 'exported', 1, now(), 1, 'h', '{{}}', 1, 'h', 1, 0, 0,
  false, true, false, false, 'x' || g, now(), now() FROM n;
INSERT INTO invoice_statuses (company, invoice, number, marker, reason, sequence, changed_at)
  SELECT company, invoice, number, CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'exported' END,
  CASE WHEN g % 500 = 0 THEN 'contact_archived' END, 1, now() FROM n;
INSERT INTO export_log (event_id, at, company, request, invoice, number, client, outcome, reason)
  SELECT 'e' || g, now(), company, request, invoice, number, 'acme',
  CASE WHEN g % 500 = 0 THEN 'failed' ELSE 'created' END, CASE WHEN g % 500 = 0 THEN 'contact_archived' END FROM n;
INSERT INTO numbers (tenant, folded, company, invoice) SELECT tenant, number, company, invoice FROM n;
INSERT INTO items (company, request, invoice, export_id, revision, content_hash, state)
  SELECT n.company, n.request, n.invoice, exports.id, 1, 'h', 'exported'
  FROM n JOIN exports ON exports.company = n.company AND exports.tenant = n.tenant AND exports.invoice = n.invoice;
INSERT INTO requests (company, id, tenant, mode, requested_by, source_event, parts, parts_received, total, exported,
  failed, unchanged, created_at, completed_at)
  SELECT DISTINCT company, request, tenant, 'bulk', 'anna', 's', 1, '1', 3, 3, 0, 0, now(), now() FROM n;
INSERT INTO outbox (id, company, type, subject, body, created_at, position)
  SELECT 'o' || g, company, 'invoice.export.succeeded', invoice, '{{}}', now(), -g FROM n;
"""


def fill(url: str, rows: int) -> None:
    """Fill a PostgreSQL database with so many old invoices; returns when its statistics are fresh."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.format(rows=int(rows)))  # type: ignore[arg-type]  # a number, nothing of anybody's
        connection.execute("VACUUM ANALYZE")
