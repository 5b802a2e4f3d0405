"""The demo: real orders become invoices in a simulated Xero. A developers' tool; production never imports it."""
