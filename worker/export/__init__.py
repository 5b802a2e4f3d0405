"""One turn of a lane, and what settles it when nobody knows how it ended."""
