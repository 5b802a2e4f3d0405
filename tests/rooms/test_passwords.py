"""What it costs to guess a password from a stolen database."""

import argon2

from worker.users import hashing

_REAL = hashing._HASHER  # taken at import: while tests run there is a cheap one in its place


def test_a_hash_costs_at_least_what_owasp_asks_for():
    """argon2id with 19 MiB and two passes, in its Password Storage Cheat Sheet."""
    made = argon2.extract_parameters(_REAL.hash("four horses in a field"))
    assert made.type is argon2.Type.ID
    assert made.memory_cost >= 19 * 1024
    assert made.time_cost >= 2
