"""What is decided, without looking at anything: pure functions, a question each."""
