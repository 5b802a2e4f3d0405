"""Events out, and how far a request is."""
