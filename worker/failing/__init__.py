"""Failures by cause: told once an hour, sent again when the cause is gone."""
