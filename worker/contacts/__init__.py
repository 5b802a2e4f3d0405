"""Clients' Xero contacts and companies' settings: asked for, checked with Xero, answered once."""
