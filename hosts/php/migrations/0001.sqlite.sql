-- What a host keeps. Ids are compared letter by letter, also where the server's own collation does not; moments are UTC.

-- What is said to the exporter and not answered yet. `next_at` and `created_at` are seconds since 1970.
CREATE TABLE xero_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id VARCHAR(191) NOT NULL UNIQUE,
  company VARCHAR(255) NOT NULL,
  body TEXT NOT NULL,
  state VARCHAR(20) NOT NULL,            -- waiting, refused
  tries INTEGER NOT NULL,
  next_at BIGINT NOT NULL,
  away SMALLINT NOT NULL,                -- 1: nobody answered, so nothing else is tried before next_at
  problem TEXT,
  created_at BIGINT NOT NULL
);
CREATE INDEX xero_outbox_next ON xero_outbox (state, next_at);

-- The events that were taken: what comes twice is known by its id.
CREATE TABLE xero_inbox (
  event_id VARCHAR(191) NOT NULL PRIMARY KEY,
  type VARCHAR(100) NOT NULL,
  received_at VARCHAR(32) NOT NULL
);
CREATE INDEX xero_inbox_received ON xero_inbox (received_at);

-- What stands beside each invoice. `sequence` needs 64 bits; of the last success a later failure leaves Last Exported.
CREATE TABLE xero_markers (
  company VARCHAR(255) NOT NULL,
  invoice VARCHAR(255) NOT NULL,
  sequence BIGINT NOT NULL,
  marker VARCHAR(20) NOT NULL,
  last_exported VARCHAR(40),
  deep_link TEXT,
  title TEXT,
  message TEXT,
  how TEXT,
  who VARCHAR(20),
  link TEXT,
  PRIMARY KEY (company, invoice)
);

-- A click or a bulk send, under the id of its button.
CREATE TABLE xero_requests (
  company VARCHAR(255) NOT NULL,
  request VARCHAR(255) NOT NULL,
  asked_by TEXT,
  total INTEGER NOT NULL,
  exported INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  state VARCHAR(20) NOT NULL,            -- queued, running, waiting, complete, refused
  title TEXT,
  message TEXT,
  created_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (company, request)
);

-- The log of each invoice: every answer, once.
CREATE TABLE xero_log (
  event_id VARCHAR(191) NOT NULL PRIMARY KEY,
  company VARCHAR(255) NOT NULL,
  invoice VARCHAR(255) NOT NULL,
  sequence BIGINT NOT NULL,
  request VARCHAR(255) NOT NULL,
  marker VARCHAR(20) NOT NULL,
  outcome VARCHAR(40) NOT NULL,
  message TEXT,
  asked_by TEXT,
  at VARCHAR(40) NOT NULL
);
CREATE INDEX xero_log_invoice ON xero_log (company, invoice, sequence);

-- Where a host that polls goes on.
CREATE TABLE xero_feed (
  name VARCHAR(191) NOT NULL PRIMARY KEY,
  next_cursor VARCHAR(40) NOT NULL
);
