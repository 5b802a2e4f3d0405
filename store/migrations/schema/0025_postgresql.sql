-- The schema at revision 0025, for PostgreSQL. Made once; what comes later is a migration of its own.
CREATE TABLE alerts (
  company VARCHAR NOT NULL,
  cause VARCHAR NOT NULL,
  reason VARCHAR NOT NULL,
  title VARCHAR NOT NULL,
  message TEXT NOT NULL,
  who VARCHAR NOT NULL,
  how TEXT NOT NULL,
  about VARCHAR,
  link TEXT,
  invoices INTEGER NOT NULL,
  untold INTEGER NOT NULL,
  told INTEGER NOT NULL,
  first_at TIMESTAMP WITH TIME ZONE NOT NULL,
  told_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT alerts_pkey PRIMARY KEY (company, cause)
);
CREATE TABLE api_keys (
  id VARCHAR NOT NULL,
  secret BYTEA NOT NULL,
  companies VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  scopes VARCHAR DEFAULT '*' NOT NULL,
  former_secret BYTEA,
  former_until TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  last_used_at TIMESTAMP WITH TIME ZONE,
  expires_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT api_keys_pkey PRIMARY KEY (id)
);
CREATE TABLE attempts (
  batch_id VARCHAR NOT NULL,
  export_id BIGINT NOT NULL,
  number VARCHAR NOT NULL,
  revision BIGINT NOT NULL,
  content_hash VARCHAR NOT NULL,
  outcome VARCHAR NOT NULL,
  reason VARCHAR,
  said TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  contact VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT attempts_pkey PRIMARY KEY (batch_id, export_id)
) WITH (fillfactor=70);
CREATE TABLE audit (
  id BIGSERIAL NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  who VARCHAR NOT NULL,
  what VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  chosen TEXT NOT NULL,
  count INTEGER NOT NULL,
  why TEXT NOT NULL,
  chain VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (id)
);
CREATE TABLE audit_checks (
  day VARCHAR NOT NULL,
  line BIGINT NOT NULL,
  chain VARCHAR NOT NULL,
  problems TEXT NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT audit_checks_pkey PRIMARY KEY (day)
);
CREATE TABLE audit_head (
  id SERIAL NOT NULL,
  line BIGINT NOT NULL,
  chain VARCHAR NOT NULL,
  CONSTRAINT audit_head_pkey PRIMARY KEY (id)
);
CREATE TABLE batches (
  id VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  token VARCHAR NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  size INTEGER NOT NULL,
  key VARCHAR NOT NULL,
  body BYTEA,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  settle_at TIMESTAMP WITH TIME ZONE,
  closed_at TIMESTAMP WITH TIME ZONE,
  look_ups INTEGER NOT NULL,
  http_status INTEGER,
  correlation_id VARCHAR,
  trouble VARCHAR,
  kind VARCHAR DEFAULT 'create' NOT NULL,
  watched_since TIMESTAMP WITH TIME ZONE,
  CONSTRAINT batches_pkey PRIMARY KEY (id)
);
CREATE TABLE bulk_orders (
  id BIGSERIAL NOT NULL,
  act VARCHAR NOT NULL,
  chosen TEXT NOT NULL,
  by VARCHAR NOT NULL,
  why TEXT NOT NULL,
  total INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT bulk_orders_pkey PRIMARY KEY (id)
);
CREATE TABLE bulk_pieces (
  order_id BIGINT NOT NULL,
  number INTEGER NOT NULL,
  company VARCHAR NOT NULL,
  invoices TEXT NOT NULL,
  size INTEGER NOT NULL,
  request VARCHAR NOT NULL,
  moved INTEGER NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT bulk_pieces_pkey PRIMARY KEY (order_id, number)
);
CREATE TABLE changes (
  id BIGSERIAL NOT NULL,
  kind VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  subject VARCHAR NOT NULL,
  subject_name VARCHAR NOT NULL,
  wanted TEXT NOT NULL,
  source VARCHAR NOT NULL,
  event VARCHAR NOT NULL,
  by VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  reason VARCHAR NOT NULL,
  tries INTEGER NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT changes_pkey PRIMARY KEY (id)
);
CREATE TABLE companies (
  id VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  settings TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT companies_pkey PRIMARY KEY (id)
);
CREATE TABLE company_apps (
  company VARCHAR NOT NULL,
  client_id VARCHAR NOT NULL,
  scopes VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT company_apps_pkey PRIMARY KEY (company)
);
CREATE TABLE connections (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  organisation VARCHAR NOT NULL,
  short_code VARCHAR NOT NULL,
  base_currency VARCHAR NOT NULL,
  client_id VARCHAR NOT NULL,
  xero_user VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  connected_at TIMESTAMP WITH TIME ZONE NOT NULL,
  scopes VARCHAR DEFAULT '' NOT NULL,
  problem VARCHAR DEFAULT '' NOT NULL,
  problem_at TIMESTAMP WITH TIME ZONE,
  xero_id VARCHAR DEFAULT '' NOT NULL,
  day_calls INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT connections_tenant_key UNIQUE (tenant),
  CONSTRAINT connections_pkey PRIMARY KEY (company)
);
CREATE TABLE contacts (
  company VARCHAR NOT NULL,
  client VARCHAR NOT NULL,
  xero_contact_id VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  said_by VARCHAR NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  client_name VARCHAR DEFAULT '' NOT NULL,
  source VARCHAR DEFAULT '' NOT NULL,
  host_id VARCHAR DEFAULT '' NOT NULL,
  status VARCHAR DEFAULT '' NOT NULL,
  merged_into VARCHAR DEFAULT '' NOT NULL,
  checked_in VARCHAR DEFAULT '' NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT contacts_pkey PRIMARY KEY (company, client)
);
CREATE TABLE counters (
  name VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  detail VARCHAR NOT NULL,
  count BIGINT NOT NULL,
  CONSTRAINT counters_pkey PRIMARY KEY (name, kind, detail)
);
CREATE TABLE dead_letters (
  id BIGSERIAL NOT NULL,
  door VARCHAR NOT NULL,
  place VARCHAR NOT NULL,
  body_hash VARCHAR NOT NULL,
  body BYTEA NOT NULL,
  problems TEXT NOT NULL,
  state VARCHAR NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  mended BYTEA,
  event VARCHAR,
  closed_by VARCHAR,
  closed_at TIMESTAMP WITH TIME ZONE,
  why TEXT,
  key VARCHAR DEFAULT '' NOT NULL,
  companies VARCHAR DEFAULT '*' NOT NULL,
  scopes VARCHAR DEFAULT '*' NOT NULL,
  size INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
);
CREATE TABLE doors_out (
  door VARCHAR NOT NULL,
  position BIGINT NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  rests_until TIMESTAMP WITH TIME ZONE,
  trouble VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT doors_out_pkey PRIMARY KEY (door)
);
CREATE TABLE drifts (
  id BIGSERIAL NOT NULL,
  export_id BIGINT NOT NULL,
  fingerprint VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  number VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  differences TEXT NOT NULL,
  found_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT drifts_pkey PRIMARY KEY (id)
);
CREATE TABLE duties (
  name VARCHAR NOT NULL,
  holder VARCHAR NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT duties_pkey PRIMARY KEY (name)
);
CREATE TABLE endpoints (
  id VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  url TEXT NOT NULL,
  secret BYTEA NOT NULL,
  former_secret BYTEA,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT endpoints_pkey PRIMARY KEY (id)
);
CREATE TABLE exclusions (
  company VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  by VARCHAR NOT NULL,
  why TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT exclusions_pkey PRIMARY KEY (company, invoice)
);
CREATE TABLE export_log (
  id BIGSERIAL NOT NULL,
  event_id VARCHAR NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  company VARCHAR NOT NULL,
  request VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  number VARCHAR,
  outcome VARCHAR NOT NULL,
  reason VARCHAR,
  message VARCHAR,
  xero_words TEXT,
  xero_invoice_id VARCHAR,
  unmatched TEXT,
  verified BOOLEAN,
  differences TEXT,
  changes TEXT,
  client VARCHAR,
  proof TEXT,
  CONSTRAINT export_log_event_id_key UNIQUE (event_id),
  CONSTRAINT export_log_pkey PRIMARY KEY (id)
);
CREATE TABLE exports (
  id BIGSERIAL NOT NULL,
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  number VARCHAR NOT NULL,
  client VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  priority INTEGER NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  wanted_revision BIGINT NOT NULL,
  wanted_hash VARCHAR NOT NULL,
  wanted TEXT NOT NULL,
  sent_revision BIGINT NOT NULL,
  sent_hash VARCHAR NOT NULL,
  batch_id VARCHAR,
  attempts INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  alone BOOLEAN NOT NULL,
  number_bound BOOLEAN NOT NULL,
  excluded BOOLEAN NOT NULL,
  cancelled BOOLEAN NOT NULL,
  xero_invoice_id VARCHAR,
  xero_totals VARCHAR,
  exported_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  touched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  live_since TIMESTAMP WITH TIME ZONE,
  copy_seen TEXT,
  in_flight TEXT,
  number_prefix VARCHAR DEFAULT '' NOT NULL,
  copy_kept TEXT,
  generation INTEGER DEFAULT 1 NOT NULL,
  raise_anew BOOLEAN DEFAULT false NOT NULL,
  raised_from VARCHAR DEFAULT '' NOT NULL,
  raised_as VARCHAR DEFAULT '' NOT NULL,
  sent_contact VARCHAR DEFAULT '' NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE,
  found TEXT,
  batch_limit INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT exports_pkey PRIMARY KEY (id)
) WITH (fillfactor=70);
CREATE TABLE feed_marks (
  reader VARCHAR NOT NULL,
  position BIGINT NOT NULL,
  CONSTRAINT feed_marks_pkey PRIMARY KEY (reader)
);
CREATE TABLE generations (
  export_id BIGINT NOT NULL,
  generation INTEGER NOT NULL,
  number VARCHAR NOT NULL,
  xero_invoice_id VARCHAR NOT NULL,
  ended VARCHAR NOT NULL,
  by VARCHAR NOT NULL,
  why TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT generations_pkey PRIMARY KEY (export_id, generation)
);
CREATE TABLE guesses (
  whose VARCHAR NOT NULL,
  count INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  free_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT guesses_pkey PRIMARY KEY (whose)
);
CREATE TABLE inbox (
  source VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  body_hash VARCHAR NOT NULL,
  answer TEXT NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  company VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT inbox_pkey PRIMARY KEY (company, source, id)
);
CREATE TABLE invoice_statuses (
  company VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  number VARCHAR,
  marker VARCHAR NOT NULL,
  sequence BIGINT NOT NULL,
  last_exported_at TIMESTAMP WITH TIME ZONE,
  reason VARCHAR,
  message VARCHAR,
  how VARCHAR,
  xero_invoice_id VARCHAR,
  deep_link VARCHAR,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  cause VARCHAR,
  about VARCHAR,
  link VARCHAR,
  drift VARCHAR,
  CONSTRAINT invoice_statuses_pkey PRIMARY KEY (company, invoice)
);
CREATE TABLE items (
  company VARCHAR NOT NULL,
  request VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  export_id BIGINT,
  revision BIGINT NOT NULL,
  content_hash VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  reason VARCHAR,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT items_pkey PRIMARY KEY (company, request, invoice)
) WITH (fillfactor=70);
CREATE TABLE known_browsers (
  id VARCHAR NOT NULL,
  "user" VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT known_browsers_pkey PRIMARY KEY (id, "user")
);
CREATE TABLE lanes (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  cause VARCHAR,
  message VARCHAR NOT NULL,
  blocked_until TIMESTAMP WITH TIME ZONE,
  unknown_in_a_row INTEGER NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE,
  refused_in_a_row INTEGER DEFAULT 0 NOT NULL,
  refused_since TIMESTAMP WITH TIME ZONE,
  limit_named VARCHAR DEFAULT '' NOT NULL,
  limit_until TIMESTAMP WITH TIME ZONE,
  CONSTRAINT lanes_pkey PRIMARY KEY (company, tenant)
);
CREATE TABLE logins (
  id VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  client_id VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  browser VARCHAR NOT NULL,
  verifier BYTEA NOT NULL,
  callback VARCHAR NOT NULL,
  return_to VARCHAR NOT NULL,
  stage VARCHAR NOT NULL,
  xero_user VARCHAR NOT NULL,
  scopes VARCHAR NOT NULL,
  organisations TEXT NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT logins_state_key UNIQUE (state),
  CONSTRAINT logins_pkey PRIMARY KEY (id)
);
CREATE TABLE mendings (
  id BIGSERIAL NOT NULL,
  company VARCHAR NOT NULL,
  causes TEXT NOT NULL,
  tenant VARCHAR,
  by VARCHAR NOT NULL,
  why VARCHAR NOT NULL,
  event VARCHAR,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  acted_at TIMESTAMP WITH TIME ZONE,
  done_at TIMESTAMP WITH TIME ZONE,
  invoices INTEGER NOT NULL,
  CONSTRAINT mendings_pkey PRIMARY KEY (id)
);
CREATE TABLE message_ids (
  key_id VARCHAR NOT NULL,
  fingerprint VARCHAR NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT message_ids_pkey PRIMARY KEY (key_id, fingerprint)
);
CREATE TABLE numbers (
  tenant VARCHAR NOT NULL,
  folded VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  invoice VARCHAR NOT NULL,
  CONSTRAINT numbers_pkey PRIMARY KEY (tenant, folded)
);
CREATE TABLE offers (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  choices TEXT NOT NULL,
  fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT offers_pkey PRIMARY KEY (company, tenant, kind)
);
CREATE TABLE organisation_facts (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  books TEXT NOT NULL,
  fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT organisation_facts_pkey PRIMARY KEY (company, tenant)
);
CREATE TABLE outbox (
  id VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  type VARCHAR NOT NULL,
  subject VARCHAR NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  position BIGINT,
  CONSTRAINT outbox_position_key UNIQUE ("position"),
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);
CREATE TABLE pauses (
  scope VARCHAR NOT NULL,
  by VARCHAR NOT NULL,
  why TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pauses_pkey PRIMARY KEY (scope)
);
CREATE TABLE previews (
  company VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  source_event VARCHAR NOT NULL,
  body TEXT NOT NULL,
  state VARCHAR NOT NULL,
  tries INTEGER NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE,
  key VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT previews_pkey PRIMARY KEY (company, id)
);
CREATE TABLE processes (
  id VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  version VARCHAR NOT NULL,
  host VARCHAR NOT NULL,
  pid INTEGER NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT processes_pkey PRIMARY KEY (id)
);
CREATE TABLE quarters (
  begins_at TIMESTAMP WITH TIME ZONE NOT NULL,
  exported INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  median FLOAT,
  slow FLOAT,
  counted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT quarters_pkey PRIMARY KEY (begins_at)
);
CREATE TABLE reconciliations (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  page INTEGER NOT NULL,
  ours_only BOOLEAN NOT NULL,
  next_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT reconciliations_pkey PRIMARY KEY (company, tenant)
);
CREATE TABLE recovery_codes (
  id VARCHAR NOT NULL,
  "user" VARCHAR NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT recovery_codes_pkey PRIMARY KEY (id)
);
CREATE TABLE redeliveries (
  door VARCHAR NOT NULL,
  event_id VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  tries INTEGER NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  trouble VARCHAR NOT NULL,
  CONSTRAINT redeliveries_pkey PRIMARY KEY (door, event_id)
);
CREATE TABLE refused_taxes (
  company VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  account VARCHAR NOT NULL,
  tax VARCHAR NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT refused_taxes_pkey PRIMARY KEY (company, tenant, account, tax)
);
CREATE TABLE requests (
  company VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  tenant VARCHAR NOT NULL,
  mode VARCHAR NOT NULL,
  requested_by VARCHAR NOT NULL,
  source_event VARCHAR NOT NULL,
  parts INTEGER NOT NULL,
  parts_received VARCHAR NOT NULL,
  total INTEGER NOT NULL,
  exported INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  completed_at TIMESTAMP WITH TIME ZONE,
  caused_by VARCHAR,
  cancelled_at TIMESTAMP WITH TIME ZONE,
  given_up_at TIMESTAMP WITH TIME ZONE,
  progressed INTEGER DEFAULT 0 NOT NULL,
  progressed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT requests_pkey PRIMARY KEY (company, id)
);
CREATE TABLE sign_in_failures (
  id SERIAL NOT NULL,
  whose VARCHAR NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sign_in_failures_pkey PRIMARY KEY (id)
);
CREATE TABLE sign_in_links (
  id VARCHAR NOT NULL,
  "user" VARCHAR NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT sign_in_links_pkey PRIMARY KEY (id)
);
CREATE TABLE tokens (
  client_id VARCHAR NOT NULL,
  xero_user VARCHAR NOT NULL,
  pair BYTEA NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  version INTEGER NOT NULL,
  lease VARCHAR,
  lease_until TIMESTAMP WITH TIME ZONE,
  refreshed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  problem VARCHAR DEFAULT '' NOT NULL,
  resting_until TIMESTAMP WITH TIME ZONE,
  refusals INTEGER DEFAULT 0 NOT NULL,
  refused_since TIMESTAMP WITH TIME ZONE,
  CONSTRAINT tokens_pkey PRIMARY KEY (client_id, xero_user)
);
CREATE TABLE user_sessions (
  id VARCHAR NOT NULL,
  "user" VARCHAR NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE,
  by VARCHAR DEFAULT 'password' NOT NULL,
  strong BOOLEAN DEFAULT false NOT NULL,
  proven_at TIMESTAMP WITH TIME ZONE,
  address VARCHAR DEFAULT '' NOT NULL,
  browser VARCHAR DEFAULT '' NOT NULL,
  CONSTRAINT user_sessions_pkey PRIMARY KEY (id)
);
CREATE TABLE users (
  id VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  role VARCHAR NOT NULL,
  password VARCHAR,
  disabled_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE,
  factor BYTEA,
  factor_at TIMESTAMP WITH TIME ZONE,
  factor_step INTEGER,
  subject VARCHAR,
  CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE TABLE xero_apps (
  client_id VARCHAR NOT NULL,
  company VARCHAR NOT NULL,
  secret BYTEA NOT NULL,
  scopes VARCHAR NOT NULL,
  former_secret BYTEA,
  kind VARCHAR DEFAULT 'web' NOT NULL,
  callback VARCHAR DEFAULT '' NOT NULL,
  secret_changed_at TIMESTAMP WITH TIME ZONE DEFAULT '2000-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
  secret_refused_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT xero_apps_pkey PRIMARY KEY (client_id)
);
CREATE INDEX alerts_untold ON alerts (told_at) WHERE (untold > 0);
CREATE INDEX audit_by ON audit (who, id);
CREATE INDEX audit_of ON audit (company, id);
CREATE INDEX batches_lease ON batches (state, lease_until);
CREATE INDEX batches_open ON batches (company, tenant, state);
CREATE INDEX bulk_orders_open ON bulk_orders (id) WHERE (done_at IS NULL);
CREATE INDEX changes_of_client ON changes (company, subject);
CREATE INDEX changes_waiting ON changes (due_at) WHERE (state = 'waiting');
CREATE INDEX contacts_amiss ON contacts (company, client) WHERE (status IN ('archived', 'erased', 'merged', 'missing'));
CREATE INDEX contacts_client ON contacts (lower((client)::text) text_pattern_ops);
CREATE INDEX contacts_client_name ON contacts (lower((client_name)::text) text_pattern_ops);
CREATE UNIQUE INDEX dead_letters_once ON dead_letters (key, body_hash);
CREATE INDEX dead_letters_open ON dead_letters (key) WHERE (state = 'open');
CREATE INDEX dead_letters_state ON dead_letters (state, id);
CREATE INDEX drifts_invoice ON drifts (company, invoice);
CREATE UNIQUE INDEX drifts_once ON drifts (export_id, fingerprint);
CREATE UNIQUE INDEX endpoints_once ON endpoints (company, url);
CREATE INDEX export_log_client ON export_log (client, company, id);
CREATE INDEX export_log_company ON export_log (company, id);
CREATE INDEX export_log_failed ON export_log (id) WHERE (outcome = 'failed');
CREATE INDEX export_log_failed_of ON export_log (company, id) WHERE (outcome = 'failed');
CREATE INDEX export_log_invoice ON export_log (company, invoice);
CREATE INDEX export_log_number ON export_log (lower((number)::text) text_pattern_ops);
CREATE INDEX export_log_rarer ON export_log (outcome, id) WHERE (outcome NOT IN ('created', 'failed'));
CREATE INDEX export_log_reason ON export_log (reason, id) WHERE (reason IS NOT NULL);
CREATE INDEX export_log_unmatched ON export_log (id) WHERE (unmatched IS NOT NULL);
CREATE INDEX exports_batch ON exports (batch_id) WHERE (batch_id IS NOT NULL);
CREATE INDEX exports_due ON exports (company, tenant, priority, due_at, id) WHERE (state = 'pending');
CREATE INDEX exports_failed ON exports (company) WHERE (state = 'failed');
CREATE INDEX exports_in_hand ON exports (company, state) WHERE (state IN ('exporting', 'uncertain'));
CREATE INDEX exports_in_xero ON exports (tenant, xero_invoice_id) WHERE (xero_invoice_id IS NOT NULL);
CREATE UNIQUE INDEX exports_once ON exports (company, tenant, invoice);
CREATE INDEX exports_waiting ON exports (live_since) WHERE ((live_since IS NOT NULL) AND (state IN ('pending', 'uncertain')));
CREATE INDEX inbox_id ON inbox (id);
CREATE INDEX invoice_statuses_contacts ON invoice_statuses (company, cause) WHERE ((marker = 'failed') AND (substr((cause)::text, 1, 8) = 'contact_'::text));
CREATE INDEX invoice_statuses_failed ON invoice_statuses (company, COALESCE(cause, reason), changed_at) INCLUDE (invoice, cause, reason) WHERE (marker = 'failed');
CREATE INDEX invoice_statuses_in_xero ON invoice_statuses (lower((xero_invoice_id)::text) text_pattern_ops);
CREATE INDEX invoice_statuses_invoice ON invoice_statuses (lower((invoice)::text) text_pattern_ops);
CREATE INDEX invoice_statuses_number ON invoice_statuses (lower((number)::text) text_pattern_ops);
CREATE INDEX items_waiting ON items (export_id) WHERE (state = 'waiting');
CREATE INDEX ix_attempts_export_id ON attempts (export_id);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_company ON audit (company);
CREATE INDEX ix_company_apps_client_id ON company_apps (client_id);
CREATE INDEX ix_export_log_at ON export_log (at);
CREATE INDEX ix_guesses_at ON guesses (at);
CREATE INDEX ix_inbox_received_at ON inbox (received_at);
CREATE INDEX ix_known_browsers_user ON known_browsers ("user");
CREATE INDEX ix_logins_company ON logins (company);
CREATE INDEX ix_message_ids_ends_at ON message_ids (ends_at);
CREATE INDEX ix_recovery_codes_user ON recovery_codes ("user");
CREATE INDEX ix_redeliveries_due_at ON redeliveries (due_at);
CREATE INDEX ix_sign_in_links_user ON sign_in_links ("user");
CREATE INDEX ix_user_sessions_ends_at ON user_sessions (ends_at);
CREATE INDEX ix_user_sessions_user ON user_sessions ("user");
CREATE UNIQUE INDEX ix_users_subject ON users (subject);
CREATE INDEX ix_xero_apps_company ON xero_apps (company);
CREATE INDEX mendings_open ON mendings (id) WHERE (done_at IS NULL);
CREATE INDEX numbers_folded ON numbers (folded text_pattern_ops);
CREATE INDEX numbers_invoice ON numbers (lower((invoice)::text) text_pattern_ops);
CREATE INDEX outbox_unstamped ON outbox (created_at) WHERE ("position" IS NULL);
CREATE INDEX previews_waiting ON previews (due_at) WHERE (state = 'waiting');
CREATE INDEX redeliveries_due ON redeliveries (door, due_at) WHERE (state = 'waiting');
CREATE INDEX redeliveries_given_up ON redeliveries (door, due_at) WHERE (state = 'given_up');
CREATE INDEX requests_bulk ON requests (created_at, company, id) WHERE (mode = 'bulk');
CREATE INDEX requests_bulk_of ON requests (company, created_at, id) WHERE (mode = 'bulk');
CREATE INDEX requests_id ON requests (lower((id)::text) text_pattern_ops);
CREATE INDEX requests_open ON requests (company, created_at) WHERE (completed_at IS NULL);
CREATE INDEX sign_in_failures_of ON sign_in_failures (whose, at);
CREATE OR REPLACE FUNCTION audit_is_kept()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'the audit is only added to'; END $function$;
CREATE TRIGGER audit_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
