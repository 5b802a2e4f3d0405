"""What we remember: the database is the queue of record."""
