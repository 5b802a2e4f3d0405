"""Measures: what the installation does and whether it goes on, for machines that watch it."""
