-- What kind of document it is in Xero: an invoice, or a credit note, of which other words are said.
ALTER TABLE xero_payments ADD COLUMN document VARCHAR(20);
