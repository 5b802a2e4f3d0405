"""What is over goes, a little at a time."""
