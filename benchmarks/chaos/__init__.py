"""Chaos: real processes are killed at random, by a seed, while invoices are exported; then everything is counted."""
