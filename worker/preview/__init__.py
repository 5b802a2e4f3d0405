"""What an export would do, seen by reads alone."""
