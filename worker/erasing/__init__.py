"""Erasing a client's data and removing a company, on order."""
