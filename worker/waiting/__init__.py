"""What waits for a person: a login, the end of a pause, a cause that has to go."""
