"""A company's Xero app, its login, its organisation, and their care."""
