-- What a host keeps. Ids are compared letter by letter, also where the server's own collation does not; moments are UTC.

-- What is said to the exporter and not answered yet. `next_at` and `created_at` are seconds since 1970.
CREATE TABLE xero_outbox (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  event_id VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
  company VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  state VARCHAR(20) NOT NULL,            -- waiting, refused
  tries INTEGER NOT NULL,
  next_at BIGINT NOT NULL,
  away SMALLINT NOT NULL,                -- 1: nobody answered, so nothing else is tried before next_at
  problem TEXT CHARACTER SET utf8mb4,
  created_at BIGINT NOT NULL
) ENGINE=InnoDB;
CREATE INDEX xero_outbox_next ON xero_outbox (state, next_at);

-- The events that were taken: what comes twice is known by its id.
CREATE TABLE xero_inbox (
  event_id VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  type VARCHAR(100) NOT NULL,
  received_at VARCHAR(32) NOT NULL
) ENGINE=InnoDB;
CREATE INDEX xero_inbox_received ON xero_inbox (received_at);

-- What stands beside each invoice. `sequence` needs 64 bits; of the last success a later failure leaves Last Exported.
CREATE TABLE xero_markers (
  company VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  invoice VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sequence BIGINT NOT NULL,
  marker VARCHAR(20) NOT NULL,
  last_exported VARCHAR(40),
  deep_link TEXT CHARACTER SET utf8mb4,
  title TEXT CHARACTER SET utf8mb4,
  message TEXT CHARACTER SET utf8mb4,
  how TEXT CHARACTER SET utf8mb4,
  who VARCHAR(20),
  link TEXT CHARACTER SET utf8mb4,
  PRIMARY KEY (company, invoice)
) ENGINE=InnoDB;

-- A click or a bulk send, under the id of its button.
CREATE TABLE xero_requests (
  company VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  request VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  asked_by TEXT CHARACTER SET utf8mb4,
  total INTEGER NOT NULL,
  exported INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  state VARCHAR(20) NOT NULL,            -- queued, running, waiting, complete, refused
  title TEXT CHARACTER SET utf8mb4,
  message TEXT CHARACTER SET utf8mb4,
  created_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (company, request)
) ENGINE=InnoDB;

-- The log of each invoice: every answer, once.
CREATE TABLE xero_log (
  event_id VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  company VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  invoice VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sequence BIGINT NOT NULL,
  request VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  marker VARCHAR(20) NOT NULL,
  outcome VARCHAR(40) NOT NULL,
  message TEXT CHARACTER SET utf8mb4,
  asked_by TEXT CHARACTER SET utf8mb4,
  at VARCHAR(40) NOT NULL
) ENGINE=InnoDB;
CREATE INDEX xero_log_invoice ON xero_log (company, invoice, sequence);

-- Where a host that polls goes on.
CREATE TABLE xero_feed (
  name VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  next_cursor VARCHAR(40) NOT NULL
) ENGINE=InnoDB;
