-- How far an invoice is paid in Xero, beside its marker. `told` counts the changes: the highest is shown. Amounts are texts,
-- as the exporter says them; without a `state` there is nothing to show, as of an invoice that was raised anew.
CREATE TABLE xero_payments (
  company VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  invoice VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  xero_invoice_id VARCHAR(40) NOT NULL,
  told BIGINT NOT NULL,
  state VARCHAR(20),
  currency VARCHAR(10),
  total VARCHAR(40),
  paid VARCHAR(40),
  credited VARCHAR(40),
  due VARCHAR(40),
  paid_on VARCHAR(10),
  seen_at VARCHAR(40),
  PRIMARY KEY (company, invoice)
) ENGINE=InnoDB;
