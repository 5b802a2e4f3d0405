"""The language: what hosts, workers and people say to each other. Pydantic and the standard library, no I/O."""
