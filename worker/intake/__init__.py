"""Events in: read, checked, filed in one transaction."""
