"""Attacks: each file is a kind of fault, tried in several shapes from outside, on both databases."""
